// A Wire in memory: what the client sends is cut into blocks of a chosen size, time is the fake
// clock's, and the client may stop reading.
#pragma once

#include <asio/steady_timer.hpp>
#include <string>

#include "mta/smtpd/wire.h"

namespace toast::smtpd {

class FakeWire final : public Wire {
 public:
  FakeWire(asio::any_io_executor executor, const Clock& clock, std::size_t block)
      : clock_(clock), block_(block), changed_(std::move(executor)) {}

  // The client's end.
  void client_sends(std::string_view bytes);
  void client_closes();
  void client_stops_reading(bool stopped);
  void time_has_passed();  // after the clock was moved
  void server_stops();
  std::string said;        // what the client has received
  std::size_t writes = 0;  // how often the server wrote

  void set_deadline(SteadyTime at) override { deadline_ = at; }
  Task<tl::expected<std::string_view, WireEnd>> read(bool may_stop) override;
  tl::expected<std::string_view, WireEnd> read_now() override;
  bool write_some(std::string& out) override;
  Task<tl::expected<void, WireEnd>> writable() override;

 private:
  Task<> wait();
  bool expired();

  const Clock& clock_;
  std::size_t block_;
  asio::steady_timer changed_;
  SteadyTime deadline_ = SteadyTime::max();
  std::string incoming_;
  std::string block_read_;
  std::size_t taken_ = 0;
  bool closed_ = false;
  bool not_reading_ = false;
  bool stopping_ = false;
  bool timed_out_ = false;
};

// A wire that somebody else owns, for the session that wants one of its own.
class BorrowedWire final : public Wire {
 public:
  explicit BorrowedWire(Wire& wire) : wire_(wire) {}
  void set_deadline(SteadyTime at) override { wire_.set_deadline(at); }
  Task<tl::expected<std::string_view, WireEnd>> read(bool may_stop) override {
    return wire_.read(may_stop);
  }
  tl::expected<std::string_view, WireEnd> read_now() override { return wire_.read_now(); }
  bool write_some(std::string& out) override { return wire_.write_some(out); }
  Task<tl::expected<void, WireEnd>> writable() override { return wire_.writable(); }

 private:
  Wire& wire_;
};

}  // namespace toast::smtpd
