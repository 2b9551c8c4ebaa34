// Plays a Script against a server and compares. The Partner is the server's end: in memory with
// fakes, or over a real socket (SocketPartner).
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "tests/dialogue/dialogue.h"

namespace toast::dialogue {

class Partner {
 public:
  virtual ~Partner() = default;
  // Errors (unknown words, a check that does not hold) fail the dialogue with their detail.
  virtual Result<void> given(std::string_view words) = 0;
  virtual Result<void> then(std::string_view words) = 0;
  // Called once, before the first C or S line.
  virtual Result<void> connect() = 0;
  virtual void send(std::string_view bytes) = 0;
  virtual void close_sending() = 0;
  // Lets the server work. False: it is idle, nothing more will come until the client does
  // something.
  virtual bool pump() = 0;
  virtual void wait(std::chrono::milliseconds time) = 0;

  std::string received;        // what the server said and the runner has not read yet
  bool server_closed = false;  // it will say nothing more
};

// Is this line the last of a reply? SMTP: no "-" in the fourth place. POP3: ".".
using IsLastLine = bool (*)(std::string_view line);

// Empty: the dialogue went as written. Otherwise both dialogues, with the difference marked.
std::string play(const Script& script, Partner& partner, IsLastLine is_last_line);

// The client's end of a real stream socket whose server runs on `io` in this same thread.
class SocketPartner : public Partner {
 public:
  explicit SocketPartner(asio::io_context& io) : io_(io) {}
  void send(std::string_view bytes) override;
  void close_sending() override;
  bool pump() override;
  void wait(std::chrono::milliseconds) override {}  // the server's own short limits tell the time

 protected:
  void set_socket(Fd socket);  // connected, any blocking mode
  void hang_up() { socket_.reset(); }

 private:
  bool receive();
  asio::io_context& io_;
  Fd socket_;
};

// A connected client socket to 127.0.0.1:port.
[[nodiscard]] Result<Fd> connect_loopback(unsigned short port);

}  // namespace toast::dialogue
