#include "tests/dialogue/runner.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>

#include "base/log.h"

namespace toast::dialogue {
namespace {

constexpr std::chrono::seconds kPatience{
    20};                                   // for a silent server: only a failing test waits it out
constexpr std::size_t kShownContext = 12;  // lines of a failing dialogue that are printed
constexpr std::size_t kShownBytes = 200;

// The dialogue as it went, for the report.
class Transcript {
 public:
  void add(std::string_view mark, std::string_view text) {
    lines_.push_back(std::string(mark) + shown(text));
  }
  std::string report(const Script& script, const Step* step, const std::string& wanted,
                     const std::string& got) const {
    std::string out = script.name + ".txt";
    if (step != nullptr) out += " line " + std::to_string(step->line_number);
    out += "\n";
    const std::size_t first = lines_.size() > kShownContext ? lines_.size() - kShownContext : 0;
    for (std::size_t i = first; i < lines_.size(); ++i) out += "    " + lines_[i] + "\n";
    return out + "  - " + wanted + "\n  + " + got + "\n";
  }

 private:
  static std::string shown(std::string_view text) {
    if (text.ends_with("\r\n")) text.remove_suffix(2);
    std::string out;
    for (const char c : text.substr(0, kShownBytes)) {
      const bool plain = c >= 0x20 && c < 0x7f;
      out += plain ? std::string(1, c) : escape_log_value(std::string_view(&c, 1));
    }
    if (text.size() > kShownBytes) out += "... (" + std::to_string(text.size()) + " bytes)";
    return out;
  }
  std::vector<std::string> lines_;
};

class Player {
 public:
  Player(const Script& script, Partner& partner, IsLastLine is_last_line)
      : script_(script), partner_(partner), is_last_line_(is_last_line) {}

  std::string run() {
    for (const Step& step : script_.steps) {
      step_ = &step;
      if (auto fault = take(step)) return *fault;
    }
    step_ = nullptr;
    if (!connected_) return script_.name + ": nobody says anything";
    if (!partner_.received.empty()) return difference("the end", "S: " + partner_.received);
    return {};
  }

 private:
  using Fault = std::optional<std::string>;

  Fault take(const Step& step) {
    const bool about_the_world = step.kind == StepKind::given || step.kind == StepKind::then;
    if (!connected_ && !about_the_world) {
      connected_ = true;
      if (auto done = partner_.connect(); !done)
        return difference("a connection", done.error().detail);
    }
    switch (step.kind) {
      case StepKind::given:
        return checked(partner_.given(step.text), "given " + step.text);
      case StepKind::then:
        return checked(partner_.then(step.text), "then " + step.text);
      case StepKind::client_sends:
        transcript_.add("C: ", step.text);
        partner_.send(step.text);
        return {};
      case StepKind::client_closes:
        partner_.close_sending();
        return {};
      case StepKind::server_line:
        return expect_line(step.text);
      case StepKind::server_reply:
        return expect_reply(step.text);
      case StepKind::server_closes:
        return expect_close();
      case StepKind::wait:
        partner_.wait(step.time);
        return {};
    }
    return {};
  }

  Fault checked(Result<void> done, const std::string& wanted) {
    if (done) return {};
    return difference(wanted, done.error().detail);
  }

  Fault expect_line(const std::string& wanted) {
    const auto line = read_line();
    if (!line) return difference("S: " + wanted, silence());
    if (*line != wanted) return difference("S: " + wanted, "S: " + *line);
    transcript_.add("S: ", *line);
    return {};
  }

  Fault expect_reply(const std::string& wanted) {
    while (true) {
      const auto line = read_line();
      if (!line) return difference("S* " + wanted, silence());
      transcript_.add("S: ", *line);
      if (!is_last_line_(*line)) continue;
      if (!line->starts_with(wanted)) return difference("S* " + wanted, "S: " + *line);
      return {};
    }
  }

  Fault expect_close() {
    while (partner_.received.empty() && !partner_.server_closed && partner_.pump()) {
    }
    if (!partner_.received.empty()) return difference("S.", "S: " + partner_.received);
    if (!partner_.server_closed) return difference("S.", "the server keeps the connection open");
    transcript_.add("S.", "");
    return {};
  }

  std::optional<std::string> read_line() {
    while (true) {
      const std::size_t end = partner_.received.find("\r\n");
      if (end != std::string::npos) {
        std::string line = partner_.received.substr(0, end);
        partner_.received.erase(0, end + 2);
        return line;
      }
      if (partner_.server_closed || !partner_.pump()) return std::nullopt;
    }
  }

  std::string silence() const {
    if (!partner_.received.empty()) return "S~ an unfinished line: " + partner_.received;
    return partner_.server_closed ? "S." : "the server is silent";
  }
  std::string difference(const std::string& wanted, const std::string& got) const {
    return transcript_.report(script_, step_, wanted, got);
  }

  const Script& script_;
  Partner& partner_;
  IsLastLine is_last_line_;
  Transcript transcript_;
  const Step* step_ = nullptr;
  bool connected_ = false;
};

}  // namespace

std::string play(const Script& script, Partner& partner, IsLastLine is_last_line) {
  return Player(script, partner, is_last_line).run();
}

void SocketPartner::set_socket(Fd socket) {
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
  socket_ = std::move(socket);
}

void SocketPartner::send(std::string_view bytes) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!bytes.empty() && std::chrono::steady_clock::now() < give_up) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      return;  // the server has closed; what it said before is still to be read
    }
    io_.restart();
    io_.poll();  // the server shares our thread: it must read for us to send on
  }
}

void SocketPartner::close_sending() { ::shutdown(socket_.get(), SHUT_WR); }

bool SocketPartner::receive() {
  std::array<char, 16384> block;
  const ssize_t n = ::recv(socket_.get(), block.data(), block.size(), 0);
  if (n > 0) {
    received.append(block.data(), static_cast<std::size_t>(n));
    return true;
  }
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  server_closed = true;
  return true;
}

bool SocketPartner::pump() {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!server_closed && std::chrono::steady_clock::now() < give_up) {
    io_.restart();
    io_.run_for(std::chrono::milliseconds{1});
    if (receive()) return true;
  }
  return false;
}

Result<Fd> connect_loopback(unsigned short port) {
  Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!socket) return system_error("socket", "");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return system_error("connect", "127.0.0.1:" + std::to_string(port));
  return socket;
}

}  // namespace toast::dialogue
