// TLS for those who connect to us: versions, ciphers, which certificate for which name, tickets.
// TLS 1.2 and 1.3, ephemeral keys and authenticated ciphers only, no compression, no renegotiation
// (RFC 9325). The private keys are elsewhere (signing.h).
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/tls/engine.h"

namespace toast::tls {

struct ServedCertificate {
  std::string key_id;
  std::vector<std::string> chain;  // DER, the host's own first
  std::vector<std::string> names;  // lower case; the first one wins where two have the same
};

enum class Floor : unsigned char { tls12, tls13 };  // the oldest version that is spoken

// A key for session tickets: name, AES-256 key, HMAC-SHA-256 key, drawn at random.
inline constexpr std::size_t kTicketKeyName = 16;
inline constexpr std::size_t kTicketSecretBytes = kTicketKeyName + 32 + 32;

// Connections may outlive it.
class Server {
 public:
  // `service` ("pop3"): a session begun with one service is not resumed by another.
  [[nodiscard]] static Result<std::unique_ptr<Server>> make(std::string_view service);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // In place of those before, for handshakes from now on. The first is for clients that name no
  // host, or one that nobody has. One that cannot be used is left out; the result says why.
  std::vector<std::string> use(const std::vector<ServedCertificate>& certificates);
  // Kept by all processes that serve the same clients: kTicketSecretBytes each, the one to seal
  // with first. Empty: no tickets.
  void use_ticket_keys(std::vector<Secret> keys);
  bool has_certificate() const;
  // Ready for its handshake. Null: out of memory.
  std::unique_ptr<Engine> begin(Floor floor);

 private:
  struct State;
  explicit Server(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// Before seccomp: OpenSSL draws its first random bytes and fetches what a handshake uses. Reads no
// file: what openssl.cnf says does not count for servers.
[[nodiscard]] Result<void> prepare_server();

}  // namespace toast::tls
