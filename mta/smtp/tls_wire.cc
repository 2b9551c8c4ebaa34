#include "mta/smtp/tls_wire.h"

#include <string.h>  // explicit_bzero

#include <algorithm>
#include <cassert>

namespace toast::smtp {

TlsWire::~TlsWire() {
  engine_->close();
  lower_->write_some(engine_->output());
}

Task<Result<void>> TlsWire::handshake(tls::Signer* signer) {
  std::string_view received;
  while (true) {
    const tls::Progress progress = engine_->handshake(received);
    if (progress == tls::Progress::needs_signature) {
      assert(signer != nullptr);
      tls::SignatureRequest request = engine_->signature_wanted();
      Result<std::string> signature = co_await signer->sign(std::move(request));
      engine_->give_signature(std::move(signature));
      received = {};
      continue;
    }
    auto sent = co_await flush();  // with a failure, the alert that says so
    if (progress == tls::Progress::failed) co_return transient(engine_->failure());
    if (!sent) co_return transient("closed during the handshake");
    if (progress == tls::Progress::done) co_return Result<void>{};
    auto bytes = co_await lower_->read(false);
    if (!bytes)
      co_return transient(bytes.error() == WireEnd::timed_out ? "no end of the handshake in time"
                                                              : "closed during the handshake");
    received = *bytes;
  }
}

Task<tl::expected<void, WireEnd>> TlsWire::flush() {
  while (true) {
    if (!lower_->write_some(engine_->output())) co_return tl::unexpected(WireEnd::closed);
    if (engine_->output().empty()) co_return tl::expected<void, WireEnd>{};
    auto ready = co_await lower_->writable();
    if (!ready) co_return ready;
  }
}

tl::expected<std::string_view, WireEnd> TlsWire::open(std::string_view received) {
  const auto size = engine_->read(received, *block_);
  if (!size) return tl::unexpected(WireEnd::closed);
  opened_ = *size;
  return std::string_view(block_->data(), *size);
}

void TlsWire::forget_input() { explicit_bzero(block_->data(), std::exchange(opened_, 0)); }

Task<tl::expected<std::string_view, WireEnd>> TlsWire::read(bool may_stop) {
  std::string_view received;
  while (true) {
    auto plain = open(received);
    if (!plain || !plain->empty()) co_return plain;
    // An answer to the peer's TLS, such as a new key. What the socket does not take goes later.
    if (!lower_->write_some(engine_->output())) co_return tl::unexpected(WireEnd::closed);
    if (engine_->output().empty()) engine_->output().shrink_to_fit();
    auto bytes = co_await lower_->read(may_stop);
    if (!bytes) co_return tl::unexpected(bytes.error());
    received = *bytes;
  }
}

// One look at the socket: a peer that only sends tickets must not keep us here.
tl::expected<std::string_view, WireEnd> TlsWire::read_now() {
  auto plain = open({});
  if (!plain || !plain->empty()) return plain;
  auto bytes = lower_->read_now();
  if (!bytes || bytes->empty()) return bytes;
  return open(*bytes);
}

bool TlsWire::write_some(std::string& out) {
  while (true) {
    if (!lower_->write_some(engine_->output())) return false;
    if (!engine_->output().empty()) return true;
    assert(sealed_ <= out.size());
    out.erase(0, std::exchange(sealed_, 0));
    if (out.empty()) return true;
    const std::size_t size = std::min(out.size(), tls::kMaxRecord);
    if (!engine_->seal(std::string_view(out).substr(0, size))) return false;
    sealed_ = size;
  }
}

}  // namespace toast::smtp
