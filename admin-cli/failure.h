// What a command says when it did not do what was asked, and the exit codes, which scripts rely on.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "base/result.h"

namespace toast::admin {

// Documented in the manual page; a code that a script does not know is a failure.
enum class Exit : int {
  done = 0,          // also: it was so already
  failure = 1,       // general
  usage = 2,         // the command line
  not_found = 3,     // the object
  conflict = 4,      // exists with other content
  permission = 5,    //
  invalid = 6,       // a value, a rule, a limit
  temporary = 7,     // database busy, daemon down: try again
  partial = 8,       // some of several objects failed
  would_change = 9,  // --dry-run: something would change
  cancelled = 10,    // the question was answered with no
};

struct Failure {
  Exit exit = Exit::failure;
  std::string code;     // stable, for scripts: "mailbox_not_found"
  std::string message;  // what is wrong
  std::string object;   // with what
  std::string hint;     // what would be right: a command, a value; may be empty
};

using Outcome = tl::expected<Exit, Failure>;
template <class T>
using Wanted = tl::expected<T, Failure>;

inline tl::unexpected<Failure> fail(Exit exit, std::string code, std::string message,
                                    std::string object = {}, std::string hint = {}) {
  return tl::unexpected(
      Failure{exit, std::move(code), std::move(message), std::move(object), std::move(hint)});
}
// An Error of a store, a file or a daemon.
tl::unexpected<Failure> fail(const Error& error, std::string object);

}  // namespace toast::admin
