#include "base/tls/engine.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

namespace toast::tls {

// What OpenSSL takes for its socket. Never blocks on writing; reading ends where the input does.
struct EngineBio {
  static int write(BIO* bio, const char* bytes, int size) {
    of(bio).output_.append(bytes, static_cast<std::size_t>(size));
    return size;
  }
  static int read(BIO* bio, char* out, int size) {
    BIO_clear_retry_flags(bio);
    std::string_view& input = of(bio).input_;
    const std::size_t n = std::min(input.size(), static_cast<std::size_t>(size));
    if (n == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(out, input.data(), n);
    input.remove_prefix(n);
    return static_cast<int>(n);
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
  static Engine& of(BIO* bio) { return *static_cast<Engine*>(BIO_get_data(bio)); }
  // The same for all, and constant: BIOs may live as long as the process.
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "toast engine");
      if (m == nullptr) throw std::bad_alloc();
      BIO_meth_set_write(m, write);
      BIO_meth_set_read(m, read);
      BIO_meth_set_ctrl(m, control);
      return m;
    }();
    return made;
  }
};

Engine::Engine(SslHandle ssl, SessionSlot slot) : ssl_(std::move(ssl)), slot_(std::move(slot)) {
  BIO* bio = BIO_new(EngineBio::method());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);  // which owns it now
  if (SSL_SESSION* known = slot_.find()) SSL_set_session(ssl_.get(), known);
}

// Tickets of TLS 1.3 come any time after the handshake: the last one counts.
Engine::~Engine() {
  if (signing_.wanted) {  // OpenSSL's stack is asleep in the middle of it: it must come to its end
    give_signature(transient("the connection has gone"));
    do_handshake();
  }
  if (!open_) return;
  close();
  slot_.put(SessionHandle(SSL_get1_session(ssl_.get())));
}

void Engine::take(std::string_view received) {
  ERR_clear_error();
  if (received.empty()) return;
  if (input_.empty()) {
    input_ = received;
    return;
  }
  kept_ = std::string(input_).append(received);
  input_ = kept_;
}

void Engine::keep_rest() {
  kept_ = std::string(input_);
  input_ = kept_;
}

Progress Engine::progress_of(int result) {
  keep_rest();
  if (result > 0) return Progress::done;
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ) return Progress::need_more;
  if (error == SSL_ERROR_WANT_ASYNC && signing_.wanted) return Progress::needs_signature;
  if (error == SSL_ERROR_WANT_ASYNC_JOB) {
    failure_ = "too many handshakes at a time";
    return Progress::failed;
  }
  if (error == SSL_ERROR_ZERO_RETURN) {  // close_notify: the session stays good
    failure_ = "closed by the peer";
    return Progress::failed;
  }
  open_ = false;
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  failure_ = reason == nullptr ? "no reason given" : reason;
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK && SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE)
    failure_.append(": ").append(X509_verify_cert_error_string(verified));
  return Progress::failed;
}

Progress Engine::handshake(std::string_view received) {
  take(received);
  const Progress progress = progress_of(do_handshake());
  open_ = progress == Progress::done;
  if (open_) SSL_clear_mode(ssl_.get(), SSL_MODE_ASYNC);  // nothing is signed from here on
  if (progress != Progress::failed) return progress;
  slot_.forget();  // the session may be why
  if (signing_.given && !*signing_.given) failure_ = signing_.given->error().detail;
  return progress;
}

int Engine::do_handshake() {
  const SigningScope scope(signing_);
  return SSL_do_handshake(ssl_.get());
}

tl::expected<std::size_t, Progress> Engine::read(std::string_view received, std::span<char> plain) {
  take(received);
  std::size_t filled = 0;
  int result = 1;
  while (result > 0 && filled < plain.size()) {
    std::size_t n = 0;
    result = SSL_read_ex(ssl_.get(), plain.data() + filled, plain.size() - filled, &n);
    filled += n;
  }
  const bool ended = progress_of(result) == Progress::failed;
  if (ended && filled == 0) return tl::unexpected(Progress::failed);
  return filled;  // after an end too: the next call meets it again
}

bool Engine::seal(std::string_view plain) {
  assert(!plain.empty() && plain.size() <= kMaxRecord);
  ERR_clear_error();
  if (!open_) return false;
  std::size_t written = 0;
  if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) > 0) return true;
  open_ = false;
  return false;
}

void Engine::close() {
  ERR_clear_error();
  if (open_) SSL_shutdown(ssl_.get());
}

std::string Engine::protocol() const { return SSL_get_version(ssl_.get()); }
std::string Engine::cipher() const { return SSL_get_cipher_name(ssl_.get()); }
bool Engine::resumed() const { return SSL_session_reused(ssl_.get()) != 0; }

std::string Engine::channel_binding() const {
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  if (!open_) return {};
  const bool is_bound =
      SSL_version(ssl_.get()) >= TLS1_3_VERSION || SSL_get_extms_support(ssl_.get()) == 1;
  if (!is_bound) return {};
  std::string bytes(kChannelBindingBytes, '\0');
  const unsigned char no_context = 0;  // RFC 9266: there is one, of no length
  const int made =
      SSL_export_keying_material(ssl_.get(), reinterpret_cast<unsigned char*>(bytes.data()),
                                 bytes.size(), kLabel.data(), kLabel.size(), &no_context, 0, 1);
  if (made == 1) return bytes;
  ERR_clear_error();
  return {};
}

}  // namespace toast::tls
