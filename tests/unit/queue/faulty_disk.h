// A disk on which one system call fails: the n-th from now, with the error that is asked for, or
// that and all after it. For tables that fail each call of an operation in turn.
#pragma once

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "mta/queue/journal/disk.h"

namespace toast::queue {

struct Fault {
  const char* name;
  int error;
  bool for_good = false;      // all calls after it fail as well
  bool writes_short = false;  // what fails is a write: half of it is done before
};

inline constexpr Fault kFaults[] = {
    {"EIO once", EIO},
    {"EIO from then on", EIO, true},
    {"full once", ENOSPC},
    {"full once, in the middle of a write", ENOSPC, false, true},
    {"full from then on, in the middle of a write", ENOSPC, true, true},
    {"out of descriptors once", EMFILE},
    {"out of descriptors from then on", EMFILE, true},
};

class Faults {
 public:
  void arm(const Fault& fault, int n) {
    fault_ = fault;
    left_ = n;
    hits_ = 0;
  }
  void disarm() { left_ = 0; }
  int hits() const { return hits_; }

  // Before each call.
  Result<void> call(std::string_view what, const std::string& name) {
    if (left_ == 0 || (left_ > 1 && --left_ > 0)) return {};
    ++hits_;
    if (!fault_.for_good) left_ = 0;
    return system_error(what, name, fault_.error);
  }
  bool is_next() const { return left_ == 1; }
  bool writes_short() const { return fault_.writes_short; }

 private:
  Fault fault_{"", 0};
  int left_ = 0;  // calls up to the one that fails, itself counted; 0: none does
  int hits_ = 0;
};

class FaultyFile final : public DiskFile {
 public:
  FaultyFile(std::unique_ptr<DiskFile> below, Faults& faults, std::string name)
      : below_(std::move(below)), faults_(faults), name_(std::move(name)) {}

  Result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) override {
    if (faults_.is_next() && faults_.writes_short() && bytes.size() > 1)
      (void)below_->write_at(offset, bytes.substr(0, bytes.size() / 2));
    if (Result<void> good = faults_.call("write", name_); !good) return pass(good);
    return below_->write_at(offset, bytes);
  }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    if (Result<void> good = faults_.call("read", name_); !good) return pass(good);
    return below_->read_at(offset, into);
  }
  Result<void> sync_data() override {
    if (Result<void> good = faults_.call("fdatasync", name_); !good) return good;
    return below_->sync_data();
  }
  void forget_cache() override { below_->forget_cache(); }
  Result<std::uint64_t> size() override {
    if (Result<void> good = faults_.call("stat", name_); !good) return pass(good);
    return below_->size();
  }

 private:
  std::unique_ptr<DiskFile> below_;
  Faults& faults_;
  std::string name_;
};

class FaultyDisk final : public Disk {
 public:
  FaultyDisk(std::unique_ptr<Disk> below, Faults& faults)
      : below_(std::move(below)), faults_(faults) {}

  Result<std::unique_ptr<DiskFile>> create(const std::string& name) override {
    return file("create", name, [&] { return below_->create(name); });
  }
  Result<std::unique_ptr<DiskFile>> open(const std::string& name) override {
    return file("open", name, [&] { return below_->open(name); });
  }
  Result<Fd> open_read_only(const std::string& name) override {
    if (Result<void> good = faults_.call("open", name); !good) return pass(good);
    return below_->open_read_only(name);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (Result<void> good = faults_.call("rename", from); !good) return good;
    return below_->rename(from, to);
  }
  Result<void> unlink(const std::string& name) override {
    if (Result<void> good = faults_.call("unlink", name); !good) return good;
    return below_->unlink(name);
  }
  Result<std::vector<std::string>> list() override {
    if (Result<void> good = faults_.call("list", "."); !good) return pass(good);
    return below_->list();
  }
  Result<void> sync_directory() override {
    if (Result<void> good = faults_.call("fsync", "."); !good) return good;
    return below_->sync_directory();
  }
  Result<std::uint64_t> free_bytes() override { return below_->free_bytes(); }

 private:
  Result<std::unique_ptr<DiskFile>> file(
      const char* what, const std::string& name,
      const std::function<Result<std::unique_ptr<DiskFile>>()>& make) {
    if (Result<void> good = faults_.call(what, name); !good) return pass(good);
    Result<std::unique_ptr<DiskFile>> made = make();
    if (!made) return made;
    return std::make_unique<FaultyFile>(std::move(*made), faults_, name);
  }

  std::unique_ptr<Disk> below_;
  Faults& faults_;
};

}  // namespace toast::queue
