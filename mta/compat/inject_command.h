// qmail-inject's work from standard input to the queue; sendmail is the same with other options.
#pragma once

#include <cstdint>
#include <string>

#include "mta/compat/inject.h"
#include "mta/compat/program.h"

namespace toast::compat {

struct InjectCommand {
  InjectOptions options;
  bool print = false;  // -n: to standard output, and to nobody
  // sendmail's -N, -R, -V (RFC 3461)
  std::uint8_t notify = 0;
  queue::DsnReturn ret = queue::DsnReturn::unset;
  std::string envid;
};
// The exit code: 0, 100 or 111, the reason on standard error.
int run_inject(const Invocation& program, const InjectCommand& command);

// Walks over options as getopt (3) does: -ti, -fX, -f X, "--" ends them.
class OptionReader {
 public:
  // `with_value`: the letters that have one. `attached_only`: those whose value, if any, follows in
  // the same word.
  OptionReader(std::vector<std::string> arguments, std::string_view with_value,
               std::string_view attached_only = {})
      : arguments_(std::move(arguments)), with_value_(with_value), attached_(attached_only) {}
  // The next option's letter, '?' for one whose value is missing, '\0' after the last one.
  char next();
  const std::string& value() const { return value_; }
  std::vector<std::string> rest() const;

 private:
  std::vector<std::string> arguments_;
  std::string_view with_value_;
  std::string_view attached_;
  std::size_t word_ = 0;
  std::size_t letter_ = 0;  // in the word; 0: at its beginning
  std::string value_;
};

}  // namespace toast::compat
