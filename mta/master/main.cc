// toastd: reads options, prepares, starts, and waits for the end.
#include <fcntl.h>
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

using namespace toast;
using namespace toast::master;

int fail(const std::string& reason) {
  std::fprintf(stderr, "toastd: %s\n", reason.c_str());
  return 1;
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
  const auto lost = [&] {
    reason = "the old toastd went away before it had handed over";
    io.stop();
  };
  std::unique_ptr<Successor> successor;
  if (take_over) {
    ::fcntl(control::kControlDescriptor, F_SETFD, FD_CLOEXEC);
    successor = std::make_unique<Successor>(io, Fd(control::kControlDescriptor), begin, lost);
  } else if (!begin(std::nullopt)) {
    return fail(reason);
  }
  io.run();
  if (reason.empty()) reason = master.failure();
  return reason.empty() ? 0 : fail(reason);
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): no memory at the start ends it, as it should
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
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    return app.exit(wrong) == 0 ? 0 : 1;
  }

  std::error_code error;
  options.root = std::filesystem::canonical(options.root, error).string();
  if (error) return fail("--root: " + error.message() + " (toastctl init makes an instance)");
  if (!options.unprivileged && ::geteuid() != 0)
    return fail("must be started as root, or with --unprivileged to run everything as this user");
  options.self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  const std::string folder = options.self.substr(0, options.self.rfind('/'));
  options.search_path = {folder, folder + "/../libexec/toastmaster"};
  options.environment = environment_for_children(options.unprivileged);
  if (const char* notify = std::getenv("NOTIFY_SOCKET"); notify != nullptr)
    options.notify_socket = notify;
  options.cores = std::max(1U, std::thread::hardware_concurrency());
  raise_limits();
  ::umask(022);

  asio::io_context io(1);
  SystemClock clock;
  StderrLogger log(clock, "toastd");
  Master master(io, std::move(options), log);
  return serve(io, master, take_over);
}
