#include "mta/spawn/exit_verdict.h"

#include <sys/wait.h>

#include <cstring>

namespace toast::spawnd {
namespace {

// Of the interface; other numbers have no meaning in it.
constexpr int kWrongPassword = 1;
constexpr int kMisused = 2;
constexpr int kTemporary = 111;

}  // namespace

ExitVerdict exit_verdict(int wait_status) {
  using Verdict = auth::CheckByProgram::Verdict;
  if (WIFSIGNALED(wait_status)) {
    const int number = WTERMSIG(wait_status);
    const char* name = ::sigdescr_np(number);
    return {Verdict::unknown, "it was ended by signal " + std::to_string(number) + " (" +
                                  (name == nullptr ? "?" : name) + ")"};
  }
  const int code = WEXITSTATUS(wait_status);
  if (code == 0) return {Verdict::right, {}};
  if (code == kWrongPassword) return {Verdict::wrong, {}};
  std::string reason = "exit " + std::to_string(code);
  if (code == kMisused) reason += " (it was misused)";
  if (code == kTemporary) reason += " (it cannot say now)";
  return {Verdict::unknown, std::move(reason)};
}

}  // namespace toast::spawnd
