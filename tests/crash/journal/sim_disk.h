// A disk that keeps only its word. Writes are visible at once, as in a page cache; a crash keeps,
// loses or garbles every sector that no successful sync_data() covered, each for itself and in any
// order, and every create, rename and unlink that no sync_directory() covered.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "mta/queue/journal/disk.h"

namespace toast::queue::sim {

struct Crash {};  // thrown out of the operation at which the power went

// Promises that a planted bug breaks, and faults that hardware has.
struct Lies {
  bool directory_sync_does_nothing = false;
  bool data_sync_does_nothing = false;  // as if waiters were answered before it
  bool sync_failures_are_hidden = false;
};

class SimDisk final : public Disk {
 public:
  explicit SimDisk(std::mt19937_64& random) : random_(random) {}

  // --- what a test arranges ---
  Lies lies;
  // The n-th operation from now that changes anything throws Crash; 0: none does.
  void crash_after(unsigned count) { operations_left_ = count; }
  // Of so many operations one fails, on average; 0: none.
  void fail_one_of(unsigned count) { fail_one_of_ = count; }
  void fail_syncs(unsigned next_ones) { syncs_to_fail_ = next_ones; }
  void fail_writes(unsigned next_ones) { writes_to_fail_ = next_ones; }
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  void write_short(bool on) { short_writes_ = on; }
  // After Crash: only the process died, as by kill -9. What it wrote stays visible, and as volatile
  // as it was.
  void process_dies() {
    down_ = told_ = false;
    operations_left_ = 0;
  }
  bool is_down() const { return down_; }
  // After Crash, or at any time: what is on the disk when power is back. No file may be open.
  void power_cycle();
  // Damage: `size` durable bytes become others.
  void damage(const std::string& name, std::uint64_t offset, std::uint64_t size);
  std::string content(const std::string& name) const;
  void set_content(const std::string& name, std::string bytes);
  std::vector<std::string> names() const;
  bool exists(const std::string& name) const { return names_.contains(name); }
  void fail_reads_of(const std::string& name) { unreadable_ = name; }

  std::uint64_t operations = 0;
  std::uint64_t failures = 0;

  Result<std::unique_ptr<DiskFile>> create(const std::string& name) override;
  Result<std::unique_ptr<DiskFile>> open(const std::string& name) override;
  Result<Fd> open_read_only(const std::string& name) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> unlink(const std::string& name) override;
  Result<std::vector<std::string>> list() override;
  Result<void> sync_directory() override;
  Result<std::uint64_t> free_bytes() override;

 private:
  friend class SimFile;
  struct Write {
    std::uint64_t offset;
    std::string bytes;
  };
  struct Inode {
    std::string current;  // what a reader sees
    std::string durable;  // what a crash cannot take
    std::vector<Write> pending;
    bool lost_some = false;  // of what a reader sees, for ever: a sync failed
    bool differs = false;    // from what is durable
  };
  struct NameChange {
    std::shared_ptr<Inode> made;  // a create
    std::string from;             // a rename or an unlink
    std::string to;               // a create or a rename
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  Result<void> operation(const std::string& what, unsigned& to_fail);
  Result<std::size_t> write(Inode& inode, std::uint64_t offset, std::string_view bytes);
  Result<void> sync(Inode& inode);
  // Puts each sector of the pending writes onto the platter with a chance of `keep` in 8.
  void settle(Inode& inode, unsigned keep);
  std::uint64_t used() const;
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  std::mt19937_64& random_;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> pending_names_;
  unsigned operations_left_ = 0;
  unsigned fail_one_of_ = 0;
  unsigned syncs_to_fail_ = 0;
  unsigned writes_to_fail_ = 0;
  unsigned none_to_fail_ = 0;
  std::uint64_t capacity_ = ~std::uint64_t{0};
  bool short_writes_ = false;
  bool down_ = false;
  bool told_ = false;  // Crash was thrown; not out of unlink(), which destructors call
  std::string unreadable_;
};

}  // namespace toast::queue::sim
