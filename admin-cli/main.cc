// toastctl: the one command to administer an instance.
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>

#include "admin-cli/cli.h"

namespace {

// For the audit: who is at the keyboard, also behind sudo.
toast::vdomain::Actor caller() {
  const passwd* entry = ::getpwuid(::getuid());  // NOLINT(concurrency-mt-unsafe): one thread
  std::string name = "uid " + std::to_string(::getuid());
  if (entry != nullptr) name += std::string(" (") + entry->pw_name + ")";
  if (const char* behind = std::getenv("SUDO_USER")) {  // NOLINT(concurrency-mt-unsafe)
    if (::getuid() == 0) name += std::string(" for ") + behind;
  }
  return {std::move(name), "cli"};
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(022);
  toast::admin::ProcessTerminal terminal;
  toast::SystemClock clock;
  toast::SystemRandom random;
  const char* root = std::getenv("TOAST_ROOT");  // NOLINT(concurrency-mt-unsafe): one thread
  try {
    return toast::admin::run_toastctl(std::vector<std::string>(argv + 1, argv + argc), stdout,
                                      stderr, terminal, clock, random, caller(),
                                      root == nullptr ? "" : root);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "toastctl: %s\n", error.what());
    return static_cast<int>(toast::admin::Exit::failure);
  }
}
