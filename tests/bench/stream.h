// A client's connection over loopback, in clear text or under TLS, as plain as can be: it blocks,
// and any failure ends the program. Header only, for the loads of the benchmarks.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace toast::bench {

[[noreturn]] inline void give_up(const char* what) {
  std::fprintf(stderr, "%s: failed\n", what);
  std::exit(1);
}

// TLS 1.3, no session is resumed, whoever answers is believed: the server's work is measured.
inline SSL_CTX* client_context() {
  static SSL_CTX* const made = [] {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1)
      give_up("TLS");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_cert_verify_callback(
        context, [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return context;
  }();
  return made;
}

class Stream {
 public:
  explicit Stream(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      give_up("connect");
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    SSL_free(ssl_);
    ::close(fd_);
  }

  void begin_tls() {
    ssl_ = SSL_new(client_context());
    if (ssl_ == nullptr || SSL_set_fd(ssl_, fd_) != 1 || SSL_connect(ssl_) != 1)
      give_up("handshake");
  }
  // At least one byte.
  std::size_t read(char* out, std::size_t size) {
    const int limit = static_cast<int>(size);
    const ssize_t n = ssl_ != nullptr ? SSL_read(ssl_, out, limit) : ::read(fd_, out, size);
    if (n <= 0) give_up("read: the connection was closed");
    return static_cast<std::size_t>(n);
  }
  void write(std::string_view text) {
    const auto size = static_cast<ssize_t>(text.size());
    const ssize_t n = ssl_ != nullptr ? SSL_write(ssl_, text.data(), static_cast<int>(size))
                                      : ::write(fd_, text.data(), text.size());
    if (n != size) give_up("write");
  }

 private:
  int fd_ = -1;
  SSL* ssl_ = nullptr;
};

}  // namespace toast::bench
