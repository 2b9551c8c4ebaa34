#include "admin-cli/instance.h"

#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/codec.h"
#include "base/fd.h"

namespace toast::admin {
namespace {

constexpr std::size_t kMaxErrorText = 4096;

std::string encode_outcome(const Result<void>& outcome) {
  Encoder e;
  e.boolean(outcome.has_value());
  if (!outcome) {
    e.enumeration(outcome.error().failure);
    e.bytes(outcome.error().detail.substr(0, kMaxErrorText));
  }
  return e.take();
}

Result<void> decode_outcome(const std::string& text) {
  Decoder d(text);
  if (d.boolean() && d.finish("outcome")) return {};
  Error error;
  error.failure = d.enumeration(toast::Failure::permanent);
  error.detail = d.string(kMaxErrorText);
  if (!d.finish("outcome")) return transient("the child process ended early");
  return tl::unexpected(std::move(error));
}

}  // namespace

Wanted<Instance> Instance::open(const std::string& root) {
  if (root.empty())
    return fail(Exit::usage, "no_instance", "which instance?", {},
                "name it with --root DIR or in the environment variable TOAST_ROOT");
  std::error_code error;
  const std::string absolute = std::filesystem::canonical(root, error).string();
  if (error)
    return fail(Exit::not_found, "no_instance", error.message(), root,
                "toastctl --root " + root + " init --hostname NAME makes an instance there");
  struct stat status {};
  if (::stat((absolute + "/control").c_str(), &status) != 0)
    return fail(Exit::not_found, "no_instance", "no instance here: it has no folder control/",
                absolute, "toastctl --root " + absolute + " init --hostname NAME makes one");
  return Instance(absolute);
}

Wanted<Settings> Instance::settings() const {
  Settings::Read read = Settings::read_directory(path("control"));
  if (read.ok()) return std::move(read.settings);
  for (const SettingProblem& problem : read.problems) {
    if (problem.is_warning) continue;
    return fail(Exit::invalid, "bad_settings", problem.str(), {},
                "toastctl config check shows everything that is wrong in control/");
  }
  return fail(Exit::invalid, "bad_settings", "control/ cannot be used", root_);
}

Wanted<Owner> Instance::owner_of(std::string_view below) const {
  struct stat status {};
  const std::string folder = path(below);
  if (::stat(folder.c_str(), &status) != 0) {
    const int why = errno;
    Result<void> failed = system_error("open", folder, why);
    return fail(failed.error(), folder);
  }
  return Owner{status.st_uid, status.st_gid};
}

Result<void> become(const Owner& owner) {
  if (::geteuid() != 0 || owner.uid == 0) return {};
  if (::setgroups(0, nullptr) != 0) return system_error("setgroups", "");
  if (::setresgid(owner.gid, owner.gid, owner.gid) != 0) return system_error("setresgid", "");
  if (::setresuid(owner.uid, owner.uid, owner.uid) != 0) return system_error("setresuid", "");
  return {};
}

Result<void> run_as(const Owner& owner, const std::function<Result<void>()>& work) {
  if (::geteuid() != 0 || owner.uid == 0) return work();
  Result<SocketPair> pair = make_socket_pair();
  if (!pair) return pass(pair);
  const pid_t child = ::fork();
  if (child < 0) return system_error("fork", "");
  if (child == 0) {
    Result<void> outcome = become(owner);
    if (outcome) outcome = work();
    std::ignore = write_all(pair->right, encode_outcome(outcome), "outcome");
    std::_Exit(0);
  }
  pair->right.reset();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  Result<std::string> text = read_all(pair->left, 2 * kMaxErrorText, "outcome");
  if (!text) return pass(text);
  return decode_outcome(*text);
}

}  // namespace toast::admin
