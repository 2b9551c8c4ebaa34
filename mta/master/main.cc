// toastd: reads options, prepares, starts, and waits for the end.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "mta/master/handover.h"
#include "mta/master/master.h"

namespace {

using toast::Fd;
using toast::Result;
using toast::master::Inheritance;
using toast::master::Master;
using toast::master::MasterOptions;

int fail(const std::string& reason) {
  std::fprintf(stderr, "toastd: %s\n", reason.c_str());
  return 1;
}

// Front ends hold many connections; they can keep what we may give them.
void raise_descriptor_limit() {
  constexpr rlim_t kWanted = 262144;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < kWanted) {
    const rlimit raised{kWanted, kWanted};
    ::setrlimit(RLIMIT_NOFILE, &raised);  // only root may; the children report what is missing
  }
}

std::vector<std::string> environment_for_children(bool unprivileged) {
  std::vector<std::string> kept{"PATH=/usr/bin:/bin"};
  if (!unprivileged) return kept;  // root's environment is nobody's business
  for (char** entry = environ; *entry != nullptr; ++entry) kept.emplace_back(*entry);
  return kept;
}

int serve(asio::io_context& io, Master& master, bool take_over) {
  std::string reason;
  const auto begin = [&](std::optional<Inheritance> inherited) -> Result<void> {
    Result<void> prepared = master.prepare(std::move(inherited));
    if (!prepared) reason = prepared.error().detail;
    if (prepared) master.start();
    return prepared;
  };
  std::unique_ptr<toast::master::Successor> successor;
  if (take_over) {
    ::fcntl(toast::control::kControlDescriptor, F_SETFD, FD_CLOEXEC);
    successor = std::make_unique<toast::master::Successor>(
        io, Fd(toast::control::kControlDescriptor), begin, [&] { io.stop(); });
  } else if (!begin(std::nullopt)) {
    return fail(reason);
  }
  io.run();
  if (!reason.empty()) return fail(reason);
  if (!master.failure().empty()) return fail(master.failure());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Starts and supervises every program of a Toastmaster instance.", "toastd"};
  MasterOptions options;
  bool take_over = false;
  app.add_option("--root", options.root, "Directory of the instance")
      ->envname("TOAST_ROOT")
      ->required();
  app.add_flag("--unprivileged", options.unprivileged, "Run everything as the calling user");
  app.add_flag("--take-over", take_over, "")->group("");  // used by SIGUSR2 itself
  app.set_version_flag("--version", TOAST_VERSION);
  CLI11_PARSE(app, argc, argv);

  std::error_code error;
  options.root = std::filesystem::canonical(options.root, error).string();
  if (error) return fail("--root: " + error.message() + " (toastctl init makes an instance)");
  if (!options.unprivileged && ::geteuid() != 0)
    return fail("must be started as root, or with --unprivileged to run everything as this user");
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  options.self = self.string();
  options.search_path = {
      self.parent_path().string(),
      (self.parent_path() / "../libexec/toastmaster").lexically_normal().string()};
  options.environment = environment_for_children(options.unprivileged);
  if (const char* notify = std::getenv("NOTIFY_SOCKET"); notify != nullptr)
    options.notify_socket = notify;
  options.cores = std::max(1U, std::thread::hardware_concurrency());
  raise_descriptor_limit();
  ::umask(022);

  asio::io_context io(1);
  toast::SystemClock clock;
  toast::StderrLogger log(clock, "toastd");
  Master master(io, std::move(options), log);
  return serve(io, master, take_over);
}
