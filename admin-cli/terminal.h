// The person at the other end, if there is one: questions, passwords without echo, standard input.
#pragma once

#include <optional>
#include <string>

#include "admin-cli/failure.h"
#include "base/secret.h"

namespace toast::admin {

class Terminal {
 public:
  virtual ~Terminal() = default;
  virtual bool is_interactive() const = 0;
  virtual std::optional<std::string> ask(const std::string& question) = 0;  // none: end of input
  virtual Wanted<Secret> ask_secret(const std::string& question) = 0;
  // All of standard input, at most `max_bytes`.
  virtual Wanted<std::string> read_input(std::size_t max_bytes) = 0;
  // The next bytes of it; empty: the end.
  virtual Wanted<std::string> read_more() = 0;
};

// The process's own. Questions go to /dev/tty, so that redirected output stays clean.
class ProcessTerminal final : public Terminal {
 public:
  bool is_interactive() const override;
  std::optional<std::string> ask(const std::string& question) override;
  Wanted<Secret> ask_secret(const std::string& question) override;
  Wanted<std::string> read_input(std::size_t max_bytes) override;
  Wanted<std::string> read_more() override;
};

}  // namespace toast::admin
