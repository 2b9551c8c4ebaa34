#include "tests/crash/journal/sim_disk.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace toast::queue::sim {
namespace {

constexpr std::uint64_t kSector = 512;
constexpr unsigned kEighths = 8;

void put(std::string& content, std::uint64_t offset, std::string_view bytes) {
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size(), '\0');
  std::memcpy(content.data() + offset, bytes.data(), bytes.size());
}

}  // namespace

class SimFile final : public DiskFile {
 public:
  SimFile(SimDisk& disk, std::shared_ptr<SimDisk::Inode> inode, std::string name)
      : disk_(disk), inode_(std::move(inode)), name_(std::move(name)) {}
  Result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) override {
    return disk_.write(*inode_, offset, bytes);
  }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    if (name_ == disk_.unreadable_) return system_error("read", name_, EIO);
    const std::string& content = inode_->current;
    if (offset >= content.size()) return std::size_t{0};
    const std::size_t n = std::min<std::size_t>(into.size(), content.size() - offset);
    std::memcpy(into.data(), content.data() + offset, n);
    return n;
  }
  Result<void> sync_data() override { return disk_.sync(*inode_); }
  void forget_cache() override {
    if (inode_->pending.empty()) inode_->current = inode_->durable;
  }
  Result<std::uint64_t> size() override { return std::uint64_t{inode_->current.size()}; }

 private:
  SimDisk& disk_;
  std::shared_ptr<SimDisk::Inode> inode_;
  std::string name_;
};

Result<void> SimDisk::operation(const std::string& what, unsigned& to_fail) {
  ++operations;
  if (operations_left_ > 0 && --operations_left_ == 0) down_ = true;
  if (down_ && !told_ && what != "unlink") {
    told_ = true;
    throw Crash{};
  }
  if (down_) return system_error(what, "power is off", EIO);
  const bool by_chance = fail_one_of_ > 0 && below(fail_one_of_) == 0;
  if (to_fail == 0 && !by_chance) return {};
  if (to_fail > 0) --to_fail;
  ++failures;
  return system_error(what, "simulated", EIO);
}

Result<std::size_t> SimDisk::write(Inode& inode, std::uint64_t offset, std::string_view bytes) {
  std::size_t n = bytes.size();
  if (short_writes_ && n > 1 && below(4) == 0) n = 1 + below(static_cast<unsigned>(n - 1));
  const std::uint64_t grows =
      offset + n > inode.current.size() ? offset + n - inode.current.size() : 0;
  if (grows > 0 && used() + grows > capacity_) {
    const std::uint64_t room = capacity_ > used() ? capacity_ - used() : 0;
    if (room == 0) return system_error("write", "simulated", ENOSPC);
    n = std::min<std::size_t>(
        n, room + (inode.current.size() > offset ? inode.current.size() - offset : 0));
    if (n == 0) return system_error("write", "simulated", ENOSPC);
  }
  const std::string_view written = bytes.substr(0, n);
  inode.pending.push_back(Write{offset, std::string(written)});
  inode.differs = true;
  put(inode.current, offset, written);
  if (auto done = operation("write", writes_to_fail_); !done) return pass(done);
  return n;
}

Result<void> SimDisk::sync(Inode& inode) {
  const Result<void> done = operation("fdatasync", syncs_to_fail_);
  if (lies.data_sync_does_nothing && done) return {};
  if (!done) {  // the kernel tells once, drops what was dirty, and is content ever after
    inode.lost_some = true;
    if (!down_) settle(inode, below(kEighths + 1));
    if (lies.sync_failures_are_hidden) return {};
    return done;
  }
  settle(inode, kEighths);
  inode.differs = inode.lost_some;
  return {};
}

void SimDisk::settle(Inode& inode, unsigned keep) {
  for (const Write& write : inode.pending) {
    for (std::uint64_t at = 0; at < write.bytes.size();) {
      const std::uint64_t sector_end = (write.offset + at) / kSector * kSector + kSector;
      const std::uint64_t n =
          std::min<std::uint64_t>(write.bytes.size() - at, sector_end - (write.offset + at));
      if (keep == kEighths) {
        put(inode.durable, write.offset, write.bytes);
        break;
      }
      const unsigned chance = below(kEighths * 8);
      if (chance < keep * 8) {
        put(inode.durable, write.offset + at, std::string_view(write.bytes).substr(at, n));
      } else if (chance == kEighths * 8 - 1) {  // the head was on it when power went
        put(inode.durable, write.offset + at, std::string(n, static_cast<char>(below(256))));
      }
      at += n;
    }
  }
  inode.pending.clear();
}

void SimDisk::power_cycle() {
  const unsigned keep_names = below(kEighths + 1);
  for (const NameChange& change : pending_names_) {
    if (below(kEighths) >= keep_names) continue;
    if (change.made) {
      durable_names_[change.to] = change.made;
      continue;
    }
    const auto found = durable_names_.find(change.from);
    if (found == durable_names_.end()) continue;
    const std::shared_ptr<Inode> inode = found->second;
    durable_names_.erase(found);
    if (!change.to.empty()) durable_names_[change.to] = inode;
  }
  pending_names_.clear();
  const unsigned keep = below(kEighths + 1);
  names_ = durable_names_;
  for (auto& [name, inode] : names_) {
    if (!inode->differs) continue;
    settle(*inode, keep);
    inode->current = inode->durable;
    inode->differs = inode->lost_some = false;
  }
  down_ = told_ = false;
  operations_left_ = 0;
}

Result<std::unique_ptr<DiskFile>> SimDisk::create(const std::string& name) {
  if (auto done = operation("create", none_to_fail_); !done) return pass(done);
  if (names_.contains(name)) return system_error("create", name, EEXIST);
  auto inode = std::make_shared<Inode>();
  names_[name] = inode;
  pending_names_.push_back(NameChange{inode, "", name});
  return std::make_unique<SimFile>(*this, inode, name);
}

Result<std::unique_ptr<DiskFile>> SimDisk::open(const std::string& name) {
  const auto found = names_.find(name);
  if (found == names_.end()) return system_error("open", name, ENOENT);
  return std::make_unique<SimFile>(*this, found->second, name);
}

Result<Fd> SimDisk::open_read_only(const std::string& name) {
  const auto found = names_.find(name);
  if (found == names_.end()) return system_error("open", name, ENOENT);
  Fd fd(::memfd_create("simulated", MFD_CLOEXEC));
  if (auto done = toast::write_all(fd, found->second->current, name); !done) return pass(done);
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

Result<void> SimDisk::rename(const std::string& from, const std::string& to) {
  if (auto done = operation("rename", none_to_fail_); !done) return done;
  const auto found = names_.find(from);
  if (found == names_.end()) return system_error("rename", from, ENOENT);
  const std::shared_ptr<Inode> inode = found->second;
  names_.erase(found);
  names_[to] = inode;
  pending_names_.push_back(NameChange{nullptr, from, to});
  return {};
}

Result<void> SimDisk::unlink(const std::string& name) {
  if (auto done = operation("unlink", none_to_fail_); !done) return done;
  if (names_.erase(name) == 0) return system_error("unlink", name, ENOENT);
  pending_names_.push_back(NameChange{nullptr, name, ""});
  return {};
}

Result<std::vector<std::string>> SimDisk::list() { return names(); }

Result<void> SimDisk::sync_directory() {
  if (auto done = operation("fsync directory", none_to_fail_); !done) return done;
  if (lies.directory_sync_does_nothing) return {};
  durable_names_ = names_;
  pending_names_.clear();
  return {};
}

Result<std::uint64_t> SimDisk::free_bytes() {
  return capacity_ > used() ? capacity_ - used() : std::uint64_t{0};
}

std::uint64_t SimDisk::used() const {
  if (capacity_ == ~std::uint64_t{0}) return 0;
  std::uint64_t sum = 0;
  for (const auto& [name, inode] : names_) sum += inode->current.size();
  return sum;
}

void SimDisk::damage(const std::string& name, std::uint64_t offset, std::uint64_t size) {
  Inode& inode = *names_.at(name);
  for (std::uint64_t i = offset; i < offset + size; ++i) {
    inode.current.at(i) = static_cast<char>(inode.current.at(i) ^ (1 + below(255)));
    if (i < inode.durable.size()) inode.durable[i] = inode.current[i];
  }
}

std::string SimDisk::content(const std::string& name) const { return names_.at(name)->current; }

void SimDisk::set_content(const std::string& name, std::string bytes) {
  auto inode = std::make_shared<Inode>(Inode{bytes, bytes, {}, false, false});
  names_[name] = inode;
  durable_names_[name] = inode;
}

std::vector<std::string> SimDisk::names() const {
  std::vector<std::string> names;
  for (const auto& [name, inode] : names_) names.push_back(name);
  return names;
}

}  // namespace toast::queue::sim
