// A mail store in a directory of its own, jobs for it, and a file system that remembers what was
// asked of it and can be told to fail.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "vdomain/maildir/delivery.h"
#include "vdomain/maildir/maildrop.h"

namespace toast::maildir {

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "maildir-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(directory, missing))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}
inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
inline void put_file(const std::string& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
}
inline void make_maildir(const std::string& path) {
  for (const char* part : {"/tmp", "/new", "/cur"})
    std::filesystem::create_directories(path + part);
}

// "create NAME", "write", "sync file", "publish NAME", "sync new", ... in the order of the calls.
class RecordingFileSystem : public FileSystem {
 public:
  // The nth call (from 1) whose step begins with `step` fails with `error`.
  void fail(std::string step, int error, int nth = 1) {
    fail_step_ = std::move(step);
    fail_error_ = error;
    fail_in_ = nth;
  }
  std::vector<std::string> steps() const {
    const std::lock_guard lock(mutex_);
    return steps_;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    steps_.clear();
  }

  int create_file(int directory, const char* name) override {
    return with("create " + directory_name(directory),
                [&] { return FileSystem::create_file(directory, name); });
  }
  int write_all(int file, std::span<iovec> pieces) override {
    return with("write", [&] { return FileSystem::write_all(file, pieces); });
  }
  int sync_file(int file) override {
    return with("sync file in " + parent_name(file), [&] { return FileSystem::sync_file(file); });
  }
  int sync_directory(int directory) override {
    return with("sync directory " + directory_name(directory),
                [&] { return FileSystem::sync_directory(directory); });
  }
  int publish(int from, int to, const char* name) override {
    return with("publish " + directory_name(from) + " to " + directory_name(to),
                [&] { return FileSystem::publish(from, to, name); });
  }
  int remove_file(int directory, const char* name) override {
    return with("remove from " + directory_name(directory),
                [&] { return FileSystem::remove_file(directory, name); });
  }
  int make_directory(int parent, const char* name, unsigned mode) override {
    return with(std::string("mkdir ") + name,
                [&] { return FileSystem::make_directory(parent, name, mode); });
  }
  int append(int file, const void* bytes, std::size_t size) override {
    return with("append", [&] { return FileSystem::append(file, bytes, size); });
  }

 protected:
  virtual void after(const std::string&) {}

 private:
  static std::string path_of(int fd) {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored).string();
  }
  static std::string directory_name(int fd) {
    return std::filesystem::path(path_of(fd)).filename().string();
  }
  static std::string parent_name(int fd) {
    return std::filesystem::path(path_of(fd)).parent_path().filename().string();
  }
  template <class Call>
  int with(const std::string& step, Call call) {
    {
      const std::lock_guard lock(mutex_);
      steps_.push_back(step);
      if (fail_in_ > 0 && step.starts_with(fail_step_) && --fail_in_ == 0) return -fail_error_;
    }
    const int result = call();
    after(step);
    return result;
  }
  mutable std::mutex mutex_;
  std::vector<std::string> steps_;
  std::string fail_step_;
  int fail_error_ = 0;
  int fail_in_ = 0;
};

inline constexpr std::string_view kBody = "Subject: hello\n\nA body\nof two lines.\n";

inline DeliveryJob make_job(std::uint64_t message, std::string_view body = kBody,
                            const std::string& maildir = "example.org/ann/Maildir") {
  DeliveryKey key{"0123456789abcdef", MessageId(message << 13U), 0, 0, "ann@example.org",
                  1'700'000'000};
  return {std::move(key),
          *MaildirPath::parse(maildir),
          *Address::parse("ann@example.org"),
          {},
          *Address::parse("bob@example.net"),
          *Address::parse("ann@example.org"),
          std::string(body),
          Fd(),
          0};
}
inline std::string delivered_content(std::string_view body = kBody) {
  return "Return-Path: <bob@example.net>\nDelivered-To: ann@example.org\n" + std::string(body);
}

// A process that keeps a store: made anew, it knows nothing of the one before.
class Keeper {
 public:
  explicit Keeper(const std::string& root, FileSystem& files, const Clock& clock,
                  QuotaGate::Report report = nullptr)
      : store(std::move(*open_file(root, O_RDONLY | O_DIRECTORY)), files, clock, 8),
        quota(files, clock, std::move(report)),
        deliverer(store, MessageNamer("mx.example.org"), quota, clock),
        maildrops(store, quota, clock, {1, 2, 3}) {}

  struct Outcome {
    std::optional<Error> failed;
    Delivered result;
  };
  std::vector<Outcome> deliver(std::vector<DeliveryJob> jobs) {
    std::vector<Outcome> outcomes;
    std::vector<std::unique_ptr<Delivery>> batch;
    for (DeliveryJob& job : jobs) {
      batch.push_back(std::make_unique<Delivery>(std::move(job)));
      batch.back()->report = [&outcomes](std::unique_ptr<Delivery> done) {
        outcomes.push_back({std::move(done->failed), std::move(done->result)});
      };
    }
    deliverer.deliver(batch);
    return outcomes;
  }
  Outcome deliver(DeliveryJob job) {
    std::vector<DeliveryJob> jobs;
    jobs.push_back(std::move(job));
    return std::move(deliver(std::move(jobs)).front());
  }

  MailStore store;
  QuotaGate quota;
  Deliverer deliverer;
  MaildropReader maildrops;
};

class MaildirTest : public ::testing::Test {
 protected:
  MaildirTest() : maildir(root.path() + "/example.org/ann/Maildir") {
    keeper.emplace(root.path(), files, clock);
  }
  // As after a crash: nothing remembered.
  void restart() { keeper.emplace(root.path(), files, clock); }
  std::vector<std::string> names(const char* part) const { return names_in(maildir + "/" + part); }

  TempDir root;
  std::string maildir;
  RecordingFileSystem files;
  FakeClock clock{WallTime{std::chrono::seconds{1'700'000'000}}};
  std::optional<Keeper> keeper;
};

}  // namespace toast::maildir
