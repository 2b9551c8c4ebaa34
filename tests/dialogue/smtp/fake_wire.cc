#include "tests/dialogue/smtp/fake_wire.h"

#include <algorithm>

namespace toast::smtpd {

void FakeWire::client_sends(std::string_view bytes) {
  incoming_.append(bytes);
  changed_.cancel();
}
void FakeWire::client_closes() {
  closed_ = true;
  changed_.cancel();
}
void FakeWire::client_stops_reading(bool stopped) {
  not_reading_ = stopped;
  changed_.cancel();
}
void FakeWire::time_has_passed() { changed_.cancel(); }
void FakeWire::server_stops() {
  stopping_ = true;
  changed_.cancel();
}

// For ever, as Wire promises.
bool FakeWire::expired() {
  timed_out_ = timed_out_ || clock_.steady() >= deadline_;
  return timed_out_;
}

Task<> FakeWire::wait() {
  changed_.expires_at(SteadyTime::max());
  (void)co_await changed_.async_wait(no_throw);
}

Task<tl::expected<std::string_view, WireEnd>> FakeWire::read(bool may_stop) {
  while (true) {
    if (expired()) co_return tl::unexpected(WireEnd::timed_out);
    if (stopping_ && may_stop) co_return tl::unexpected(WireEnd::stopped);
    auto arrived = read_now();
    if (!arrived || !arrived->empty()) co_return arrived;
    co_await wait();
  }
}
tl::expected<std::string_view, WireEnd> FakeWire::read_now() {
  if (closed_ && taken_ == incoming_.size()) return tl::unexpected(WireEnd::closed);
  // A copy of its own that the next read overwrites, as the shared block of real sockets is.
  std::fill(block_read_.begin(), block_read_.end(), '#');
  block_read_ = incoming_.substr(taken_, block_);
  taken_ += block_read_.size();
  return std::string_view(block_read_);
}

bool FakeWire::write_some(std::string& out) {
  if (not_reading_) return true;
  said += out;
  out.clear();
  ++writes;
  return true;
}

Task<tl::expected<void, WireEnd>> FakeWire::writable() {
  while (not_reading_) {
    if (expired()) co_return tl::unexpected(WireEnd::timed_out);
    co_await wait();
  }
  co_return tl::expected<void, WireEnd>{};
}

}  // namespace toast::smtpd
