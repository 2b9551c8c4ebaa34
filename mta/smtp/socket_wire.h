// A connected stream socket, TCP or local, as a Wire. Holds no buffer of its own: bytes are read
// into one block that all connections of the process share, since nothing else runs until the
// caller has taken them. So a connection that waits costs a socket, a timer and its coroutine.
#pragma once

#include <array>
#include <asio/generic/stream_protocol.hpp>
#include <memory>

#include "mta/smtp/wire.h"

namespace toast::smtp {

inline constexpr std::size_t kReadBlock = 64 * 1024;
using ReadBlock = std::array<char, kReadBlock>;

class SocketWire final : public Wire {
 public:
  // `block` is shared by all wires of one thread.
  SocketWire(asio::generic::stream_protocol::socket socket, std::shared_ptr<ReadBlock> block,
             SteadyTime deadline);
  ~SocketWire() override;

  void set_deadline(SteadyTime at) override { deadline_.move_to(at); }
  Task<tl::expected<std::string_view, WireEnd>> read(bool may_stop) override;
  tl::expected<std::string_view, WireEnd> read_now() override;
  bool write_some(std::string& out) override;
  Task<tl::expected<void, WireEnd>> writable() override;

  // We shut down: a read() that may stop ends now, later ones at once.
  void stop();

 private:
  asio::generic::stream_protocol::socket socket_;
  std::shared_ptr<ReadBlock> block_;
  bool more_likely_ = false;  // the last read filled the block
  bool waiting_may_stop_ = false;
  bool stopping_ = false;
  bool timed_out_ = false;
  Deadline deadline_;
};

}  // namespace toast::smtp
