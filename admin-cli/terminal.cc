#include "admin-cli/terminal.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "admin-cli/csv.h"
#include "base/fd.h"

namespace toast::admin {
namespace {

constexpr std::size_t kMaxAnswer = 4096;

// Restores the terminal however the question ends; Ctrl-C during it ends the program with echo off
// only until the shell repairs it, as with every such prompt.
class EchoOff {
 public:
  explicit EchoOff(int fd) : fd_(fd) {
    known_ = ::tcgetattr(fd_, &before_) == 0;
    if (!known_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  ~EchoOff() {
    if (known_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }

 private:
  int fd_;
  bool known_ = false;
  termios before_{};
};

std::optional<std::string> read_line(int fd) {
  std::string line;
  char c = 0;
  while (line.size() < kMaxAnswer) {
    const ssize_t n = ::read(fd, &c, 1);
    if (n <= 0) return std::nullopt;
    if (c == '\n') return line;
    line.push_back(c);
  }
  return std::nullopt;
}

Result<Fd> open_tty() { return open_file("/dev/tty", O_RDWR | O_NOCTTY); }

}  // namespace

bool ProcessTerminal::is_interactive() const {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
}

std::optional<std::string> ProcessTerminal::ask(const std::string& question) {
  const Result<Fd> tty = open_tty();
  if (!tty) return std::nullopt;
  std::ignore = write_all(*tty, question, "/dev/tty");
  return read_line(tty->get());
}

Wanted<Secret> ProcessTerminal::ask_secret(const std::string& question) {
  const Result<Fd> tty = open_tty();
  if (!tty) return fail(tty.error(), "/dev/tty");
  std::optional<std::string> typed;
  {
    const EchoOff quiet(tty->get());  // first: it drops what was typed before the question
    std::ignore = write_all(*tty, question, "/dev/tty");
    typed = read_line(tty->get());
  }
  std::ignore = write_all(*tty, "\n", "/dev/tty");
  if (!typed) return fail(Exit::cancelled, "cancelled", "no password was typed");
  return Secret::take(*typed);
}

Wanted<std::string> ProcessTerminal::read_input(std::size_t max_bytes) {
  const Fd input(::dup(STDIN_FILENO));
  Result<std::string> all = read_all(input, max_bytes, "standard input");
  if (!all) return fail(all.error(), "standard input");
  return std::move(*all);
}

Wanted<std::string> ProcessTerminal::read_more() {
  const Fd input(::dup(STDIN_FILENO));
  Result<std::string> some = read_piece(input, "standard input");
  if (!some) return fail(some.error(), "standard input");
  return std::move(*some);
}

}  // namespace toast::admin
