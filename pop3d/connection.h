// One POP3 connection: socket, TLS, buffers and deadlines around a Session. It parses nothing and
// decides nothing about mail.
//
// Memory: an idle connection holds no buffer at all. Input is read into the stack and kept only as
// an unfinished line; output is freed once it is sent. A reader that is slow holds one block, and a
// smaller one when many are slow at once (OutputBudget).
// Time: one deadline. A client has so long to log in; so long for each command, however it drips
// its bytes; so long to take each block; so long in all. When the time is up the connection closes
// without a word and nothing is deleted (RFC 1939 section 3).
#pragma once

#include <asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/async.h"
#include "base/fd.h"
#include "pop3d/line_reader.h"
#include "pop3d/session.h"
#include "pop3d/tls_service.h"

namespace toast::pop3 {

struct ConnectionTimes {
  std::chrono::milliseconds login{60'000};
  std::chrono::milliseconds idle{600'000};  // RFC 1939 section 3: at least 10 minutes
  std::chrono::milliseconds session{6L * 3600 * 1000};
};

// Bytes that wait for slow readers, over all connections of the process.
class OutputBudget {
 public:
  static constexpr std::size_t kBlock = 65536;
  static constexpr std::size_t kSmallBlock = 8192;
  static constexpr std::size_t kPlenty = 32U << 20U;  // beyond it blocks are small
  std::size_t block_bytes() const { return waiting_ > kPlenty ? kSmallBlock : kBlock; }
  void wait(std::size_t bytes) { waiting_ += bytes; }
  void done(std::size_t bytes) { waiting_ -= bytes; }

 private:
  std::size_t waiting_ = 0;
};

class Connection final : private ReplyOutput {
 public:
  // `socket`: connected, non-blocking. `budget` outlives the connection.
  Connection(const asio::any_io_executor& executor, Fd socket, std::unique_ptr<Session> session,
             ConnectionTimes times, OutputBudget& budget);
  ~Connection() override;

  // Plays the whole session; returns when the connection is to be closed.
  Task<> run();
  // With TLS from the first byte. Empty: it went well, run() may follow. Else why not: close it.
  Task<std::string> begin_tls(TlsService& tls);
  // How STLS begins; none: it is never asked for.
  using BeginTls = std::function<Task<bool>(Connection&)>;
  void on_start_tls(BeginTls begin) { on_start_tls_ = std::move(begin); }
  bool resumed() const { return engine_ && engine_->resumed(); }
  // Ends it as soon as no command is being answered: the program is to stop.
  void stop_when_idle();
  // Ends it after the command that is being answered, whatever the client has sent besides; nothing
  // is deleted.
  void cut_off();
  const std::string& mailbox() const { return session_->mailbox(); }

 private:
  using Time = std::chrono::steady_clock::time_point;
  std::string& buffer() override { return out_; }
  Task<bool> drain() override;
  Task<bool> drain_and_release();  // and frees the buffer: the client may be idle for long
  bool input_waits() const override { return lines_.has_input(); }
  std::size_t block_bytes() const override { return budget_.block_bytes(); }

  Task<Next> answer(Line line);
  Task<Next> answer_response(Line line);
  Task<bool> read_more();
  Task<> wait_until_writable();
  Task<> linger();
  Task<> play_to_its_end();
  Task<bool> play();  // until the session ends; false: the connection has ended
  bool receive();     // false: the client is gone
  bool decrypt(std::string_view received);
  bool send_some();
  bool send_plain();
  bool send_sealed();
  bool send_to_socket(std::string_view bytes, std::size_t& sent);
  bool over() const { return expired_ || broken_; }
  void allow(std::chrono::milliseconds time);
  void expire();

  asio::posix::stream_descriptor socket_;
  std::unique_ptr<Session> session_;
  ConnectionTimes times_;
  OutputBudget& budget_;
  Time started_;
  Deadline deadline_;
  LineReader lines_;
  std::unique_ptr<tls::Engine> engine_;  // none: clear text
  BeginTls on_start_tls_;
  std::string out_;
  std::size_t sent_ = 0;         // of out_; with TLS: sealed
  std::size_t sealed_sent_ = 0;  // of the engine's output
  std::size_t since_yield_ = 0;  // bytes sent since others had their turn
  bool expired_ = false;
  bool broken_ = false;
  bool idle_ = false;
  bool stopping_ = false;
  bool cut_off_ = false;
};

}  // namespace toast::pop3
