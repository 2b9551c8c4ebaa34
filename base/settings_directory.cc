// Reads control/. The directory decides who may relay and which account a program runs as, so a
// file that somebody else may write is refused, as sshd and sudo do.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/fd.h"
#include "base/settings.h"

namespace toast {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// What is unsafe about these modes, and the command that repairs it; empty if nothing.
std::string unsafe_mode(const struct stat& status, const std::string& path) {
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return fmt::format(
        "belongs to user {}; it must belong to root or to the user that runs this: "
        "chown root {}",
        status.st_uid, path);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fmt::format("mode {:04o} lets others write it: chmod go-w {}", status.st_mode & 07777U,
                       path);
  return {};
}

// A file that toastctl config set was writing when it was killed.
bool is_leftover(std::string_view name) {
  constexpr std::string_view kTemporary = ".tmp";
  return name.ends_with(kTemporary) &&
         find_setting(name.substr(0, name.size() - kTemporary.size())) != nullptr;
}

class DirectoryReader {
 public:
  explicit DirectoryReader(std::string control) : control_(std::move(control)) {}

  Settings::Read read() {
    if (!open()) return finish();
    while (const dirent* entry = ::readdir(stream_.get())) {  // NOLINT(concurrency-mt-unsafe)
      const std::string name = entry->d_name;
      if (name.starts_with(".") || is_leftover(name)) continue;
      if (files_.size() >= kMaxSettingFiles) {
        problem("", fmt::format("more than {} files", kMaxSettingFiles));
        break;
      }
      read_file_named(name);
    }
    return finish();
  }

 private:
  void problem(std::string name, std::string text) {
    problems_.push_back({false, std::move(name), 0, std::move(text)});
  }

  bool open() {
    Result<Fd> fd = open_file(control_, O_RDONLY | O_DIRECTORY);
    if (!fd) {
      problem("", fd.error().detail + " (toastctl init makes an instance)");
      return false;
    }
    struct stat status {};
    if (::fstat(fd->get(), &status) != 0) return false;
    if (std::string unsafe = unsafe_mode(status, control_); !unsafe.empty())
      problem("", std::move(unsafe));
    stream_.reset(::fdopendir(fd->get()));
    if (!stream_) return false;
    fd->release();  // owned by the stream now
    return true;
  }

  void read_file_named(const std::string& name) {
    const std::string path = control_ + "/" + name;
    const Fd directory_view(::dup(::dirfd(stream_.get())));
    // O_NONBLOCK: a FIFO must not hang the server.
    Result<Fd> fd = open_file_at(directory_view, name, O_RDONLY | O_NONBLOCK);
    if (!fd) return problem(name, fd.error().detail);
    struct stat status {};
    if (::fstat(fd->get(), &status) != 0) return problem(name, "cannot read its mode");
    const bool foreign_directory = S_ISDIR(status.st_mode) && !foreign_setting(name).empty();
    if (foreign_directory) {
      files_.emplace(name, "");
      return;
    }
    if (!S_ISREG(status.st_mode)) return problem(name, "not a regular file; remove it");
    if (std::string unsafe = unsafe_mode(status, path); !unsafe.empty())
      return problem(name, std::move(unsafe));
    Result<std::string> content = read_all(*fd, kMaxSettingFile, path);
    if (!content) return problem(name, content.error().detail);
    files_.emplace(name, std::move(*content));
  }

  Settings::Read finish() {
    if (!stream_) return {Settings::parse({}).settings, std::move(problems_)};
    Settings::Read read = Settings::parse(std::move(files_));
    // A file that could not be read is reported once, by its real reason.
    for (SettingProblem& parsed : read.problems) {
      const bool known = std::any_of(problems_.begin(), problems_.end(),
                                     [&](const auto& p) { return p.file == parsed.file; });
      if (!known) problems_.push_back(std::move(parsed));
    }
    read.problems = std::move(problems_);
    return read;
  }

  std::string control_;
  std::unique_ptr<DIR, CloseDirectory> stream_;
  SettingFiles files_;
  std::vector<SettingProblem> problems_;
};

}  // namespace

Settings::Read Settings::read_directory(const std::string& control) {
  return DirectoryReader(control).read();
}

}  // namespace toast
