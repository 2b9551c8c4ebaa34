// TLS over another wire (RFC 3207, RFC 8314), for either side. Deadlines, shutdown and waiting are
// the lower wire's; here is what passes through it.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/tls/engine.h"
#include "mta/smtp/socket_wire.h"

namespace toast::smtp {

class TlsWire final : public Wire {
 public:
  // Nothing has been received on `lower` that belongs to the time before TLS: the caller has
  // thrown it away, or the connection (RFC 3207 section 6). `block` takes plaintext and is shared
  // by all wires of one thread; not the block that `lower` reads into.
  TlsWire(std::unique_ptr<Wire> lower, std::unique_ptr<tls::Engine> engine,
          std::shared_ptr<ReadBlock> block)
      : lower_(std::move(lower)), engine_(std::move(engine)), block_(std::move(block)) {}
  // Says that nothing follows, as far as the socket takes it now.
  ~TlsWire() override;

  // First of all. The error's detail is why; afterwards there is nothing to do but to close.
  // `signer`: who has a server's private key; needed only where the engine has not.
  Task<Result<void>> handshake(tls::Signer* signer = nullptr);
  const tls::Engine& engine() const { return *engine_; }

  void set_deadline(SteadyTime at) override { lower_->set_deadline(at); }
  Task<tl::expected<std::string_view, WireEnd>> read(bool may_stop) override;
  tl::expected<std::string_view, WireEnd> read_now() override;
  void forget_input() override;
  // What is in front of `out` must stay there until it is gone: it may be on its way, sealed.
  bool write_some(std::string& out) override;
  Task<tl::expected<void, WireEnd>> writable() override { return lower_->writable(); }

 private:
  tl::expected<std::string_view, WireEnd> open(std::string_view received);
  Task<tl::expected<void, WireEnd>> flush();

  std::unique_ptr<Wire> lower_;
  std::unique_ptr<tls::Engine> engine_;
  std::shared_ptr<ReadBlock> block_;
  std::size_t opened_ = 0;  // plaintext in the block, of the last read
  std::size_t sealed_ = 0;  // how much of the front of `out` is in the engine's output
};

}  // namespace toast::smtp
