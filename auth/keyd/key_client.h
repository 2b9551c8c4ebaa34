// A front end's side of keyd: keeps its TLS server supplied with certificates and ticket keys, and
// has signatures made. While keyd is away what is known stays; handshakes fail until it is back.
#pragma once

#include <asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "auth/keyd/key_messages.h"
#include "base/async.h"
#include "base/ipc.h"
#include "base/log.h"
#include "base/tls/server.h"
#include "base/tls/signing.h"

namespace toast::keyd {

inline constexpr std::chrono::seconds kSignPatience{2};
// How long a front end that has just started holds its listeners back for the first certificates.
inline constexpr std::chrono::seconds kFirstPatience{2};

class KeyClient final : public tls::Signer {
 public:
  // All outlive the event loop's run.
  KeyClient(asio::any_io_executor executor, ipc::Link& keyd, tls::Server& server, Logger& log)
      : executor_(std::move(executor)), keyd_(keyd), server_(server), log_(log) {}

  void start();
  // Runs `go` when certificates are known, or it is clear that none will come soon: a client that
  // connects at once must find TLS.
  void when_known(std::function<void()> go);
  // A handshake can succeed now, as far as one can tell.
  bool is_ready() const { return server_.has_certificate() && keyd_.connected(); }
  Task<Result<std::string>> sign(tls::SignatureRequest request) override;

 private:
  Task<> follow();
  Task<> give_up_waiting();
  Task<Result<void>> fetch();
  Task<Result<void>> fetch_ticket_keys();
  void know();

  asio::any_io_executor executor_;
  ipc::Link& keyd_;
  tls::Server& server_;
  Logger& log_;
  std::uint64_t generation_ = 0;
  bool known_ = false;
  std::vector<std::function<void()>> waiting_;
};

}  // namespace toast::keyd
