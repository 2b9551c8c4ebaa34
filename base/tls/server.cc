#include "base/tls/server.h"

#include <openssl/async.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstring>
#include <map>

#include "base/tls/remote_key.h"

namespace toast::tls {
namespace {

// TLS 1.2: forward secrecy and authenticated encryption (RFC 9325 section 4.2).
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr long kSessionSeconds = 3600;
// Handshakes that wait for their signature at a time; each has a stack of 32 KiB meanwhile.
constexpr std::size_t kMaxWaitingHandshakes = 512;

struct FreeX509 {
  void operator()(X509* one) const { X509_free(one); }
};
using CertificateHandle = std::unique_ptr<X509, FreeX509>;
struct FreeX509Stack {
  void operator()(STACK_OF(X509) * all) const { sk_X509_pop_free(all, X509_free); }
};
using X509Stack = std::unique_ptr<STACK_OF(X509), FreeX509Stack>;

tl::unexpected<Error> server_error(const char* doing) {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  return permanent(std::string("OpenSSL: ") + doing + ": " +
                   (reason == nullptr ? "no reason given" : reason));
}

// As a client names the host: letter case and a final dot do not count.
std::string normal_name(const char* asked) {
  std::string name = asked == nullptr ? "" : asked;
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (name.ends_with('.')) name.pop_back();
  return name;
}

CertificateHandle parse_der(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  X509* made = X509_new_ex(remote_key_library(), nullptr);
  if (made == nullptr || d2i_X509(&made, &bytes, static_cast<long>(der.size())) == nullptr) {
    X509_free(made);
    return nullptr;
  }
  return CertificateHandle(made);
}

std::string public_key_of(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  std::string out;
  if (size > 0) out.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

struct Pair {
  CertificateHandle certificate;
  X509Stack issuers;
  KeyHandle key;
};

Result<Pair> make_pair(const ServedCertificate& served) {
  Pair pair;
  pair.issuers.reset(sk_X509_new_null());
  for (const std::string& der : served.chain) {
    CertificateHandle one = parse_der(der);
    if (!one || !pair.issuers) return permanent("a certificate that OpenSSL does not understand");
    if (!pair.certificate) {
      pair.certificate = std::move(one);
    } else if (sk_X509_push(pair.issuers.get(), one.get()) > 0) {
      (void)one.release();  // the stack's
    }
  }
  if (!pair.certificate) return permanent("an empty chain");
  Result<KeyHandle> key = make_remote_key(public_key_of(pair.certificate.get()), served.key_id);
  if (!key) return pass(key);
  pair.key = std::move(*key);
  return pair;
}

}  // namespace

struct Server::State {
  std::vector<std::shared_ptr<const Pair>> pairs;
  std::map<std::string, std::shared_ptr<const Pair>, std::less<>> by_name;
  std::vector<Secret> ticket_keys;
  ContextHandle context;

  const Pair* find(const std::string& name) const {
    auto found = by_name.find(name);
    const std::size_t dot = name.find('.');
    if (found == by_name.end() && dot != std::string::npos)
      found = by_name.find("*" + name.substr(dot));
    if (found != by_name.end()) return found->second.get();
    return pairs.empty() ? nullptr : pairs.front().get();
  }

  // --- what OpenSSL calls, with the State as its argument

  static State& of(SSL* ssl) {
    return **static_cast<std::shared_ptr<State>*>(SSL_get_ex_data(ssl, index()));
  }
  // Each connection shares the state: it may outlive the Server.
  static int index() {
    static const int made = SSL_get_ex_new_index(
        0, nullptr, nullptr, nullptr, [](void*, void* data, CRYPTO_EX_DATA*, int, long, void*) {
          delete static_cast<std::shared_ptr<State>*>(data);
        });
    return made;
  }

  // Called with and without a name. Tickets of TLS 1.2 would give away what they protect together
  // with their key, for all connections back to the first.
  static int on_server_name(SSL* ssl, int*, void*) {
    if (SSL_version(ssl) < TLS1_3_VERSION) SSL_set_options(ssl, SSL_OP_NO_TICKET);
    return SSL_TLSEXT_ERR_OK;
  }

  static int on_certificate(SSL* ssl, void*) {
    const Pair* pair =
        of(ssl).find(normal_name(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)));
    if (pair == nullptr) return 0;
    return SSL_use_cert_and_key(ssl, pair->certificate.get(), pair->key.get(), pair->issuers.get(),
                                1);
  }

  // A browser that was led here by an attacker's page says that it wants HTTP (ALPACA). Whoever
  // offers anything else, or nothing, is served.
  static int on_alpn(SSL*, const unsigned char**, unsigned char*, const unsigned char* offered,
                     unsigned size, void*) {
    for (unsigned at = 0; at < size; at += 1U + offered[at]) {
      const std::string_view name(reinterpret_cast<const char*>(offered) + at + 1,
                                  std::min<unsigned>(offered[at], size - at - 1));
      if (!name.starts_with("http/") && !name.starts_with("h2") && !name.starts_with("h3"))
        return SSL_TLSEXT_ERR_NOACK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac, int sealing) {
    const std::vector<Secret>& keys = of(ssl).ticket_keys;
    if (keys.empty() || SSL_version(ssl) < TLS1_3_VERSION) return 0;
    const Secret* key = &keys.front();
    if (sealing == 1) {
      std::memcpy(name, key->data(), kTicketKeyName);
      if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return -1;
    } else {
      key = nullptr;
      for (const Secret& known : keys)
        if (std::memcmp(name, known.data(), kTicketKeyName) == 0) key = &known;
      if (key == nullptr) return 0;  // rotated away: a whole handshake
    }
    const unsigned char* encryption = key->data() + kTicketKeyName;
    std::string authentication(key->view().substr(kTicketKeyName + 32));
    char digest[] = "SHA2-256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, authentication.data(),
                                          authentication.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    const bool ready =
        EVP_CipherInit_ex(cipher, ticket_cipher(), nullptr, encryption, iv, sealing) == 1 &&
        EVP_MAC_CTX_set_params(mac, params) == 1;
    wipe(authentication);
    if (!ready) return -1;
    return sealing == 1 ? 1 : 2;  // 2: and a new ticket of the newest key goes back
  }
  static const EVP_CIPHER* ticket_cipher() {
    static const EVP_CIPHER* const made =
        EVP_CIPHER_fetch(remote_key_library(), "AES-256-CBC", nullptr);
    return made;
  }
};

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::make(std::string_view service) {
  ERR_clear_error();
  OSSL_LIB_CTX* library = remote_key_library();
  if (library == nullptr) return server_error("library context");
  auto state = std::make_shared<State>();
  state->context.reset(SSL_CTX_new_ex(library, nullptr, TLS_server_method()));
  if (!state->context) return server_error("new context");
  SSL_CTX* c = state->context.get();
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ASYNC);
  SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                             SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                             SSL_OP_CLEANSE_PLAINTEXT);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);  // tickets remember at the client
  SSL_CTX_set_timeout(c, kSessionSeconds);
  if (SSL_CTX_set_session_id_context(c, reinterpret_cast<const unsigned char*>(service.data()),
                                     static_cast<unsigned>(service.size())) != 1)
    return server_error("session context");
  if (SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) != 1) return server_error("versions");
  if (SSL_CTX_set_cipher_list(c, kCiphers) != 1) return server_error("cipher list");
  char groups[] = "X25519:P-256:P-384";
  if (SSL_CTX_set1_groups_list(c, groups) != 1) return server_error("groups");
  SSL_CTX_set_tlsext_servername_callback(c, State::on_server_name);
  SSL_CTX_set_cert_cb(c, State::on_certificate, nullptr);
  SSL_CTX_set_alpn_select_cb(c, State::on_alpn, nullptr);
  if (SSL_CTX_set_tlsext_ticket_key_evp_cb(c, State::on_ticket) != 1)
    return server_error("ticket keys");
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::vector<std::string> Server::use(const std::vector<ServedCertificate>& certificates) {
  std::vector<std::string> refused;
  state_->pairs.clear();
  state_->by_name.clear();
  for (const ServedCertificate& served : certificates) {
    Result<Pair> pair = make_pair(served);
    if (!pair) {
      refused.push_back((served.names.empty() ? "the default" : served.names.front()) + ": " +
                        pair.error().detail);
      continue;
    }
    auto shared = std::make_shared<const Pair>(std::move(*pair));
    state_->pairs.push_back(shared);
    for (const std::string& name : served.names) state_->by_name.emplace(name, shared);
  }
  return refused;
}

void Server::use_ticket_keys(std::vector<Secret> keys) {
  std::erase_if(keys, [](const Secret& key) { return key.size() != kTicketSecretBytes; });
  state_->ticket_keys = std::move(keys);
}

bool Server::has_certificate() const { return !state_->pairs.empty(); }

std::unique_ptr<Engine> Server::begin(Floor floor) {
  ERR_clear_error();
  SslHandle ssl(SSL_new(state_->context.get()));
  if (!ssl) return nullptr;
  auto shared = std::make_unique<std::shared_ptr<State>>(state_);
  if (SSL_set_ex_data(ssl.get(), State::index(), shared.get()) != 1) return nullptr;
  (void)shared.release();  // the connection's
  const int oldest = floor == Floor::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (SSL_set_min_proto_version(ssl.get(), oldest) != 1) return nullptr;
  SSL_set_num_tickets(ssl.get(), state_->ticket_keys.empty() ? 0 : 1);
  SSL_set_accept_state(ssl.get());
  return std::make_unique<Engine>(std::move(ssl));
}

Result<void> prepare_server() {
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
                       OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                   nullptr);
  unsigned char seeded = 0;
  if (remote_key_library() == nullptr) return server_error("library context");
  if (RAND_bytes_ex(remote_key_library(), &seeded, sizeof seeded, 0) != 1)
    return server_error("random bytes");
  if (ASYNC_is_capable() != 1 || ASYNC_init_thread(kMaxWaitingHandshakes, 0) != 1)
    return server_error("asynchronous jobs");
  return {};
}

}  // namespace toast::tls
