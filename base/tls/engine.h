// One end of a TLS connection without its network: bytes of the peer go in, bytes for the peer come
// out, client and server alike. OpenSSL works on these two strings through a BIO of ours, so that a
// connection which waits holds no buffer (OpenSSL gives its own back between records).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/tls/handles.h"
#include "base/tls/sessions.h"
#include "base/tls/signing.h"

namespace toast::tls {

// What one record holds (RFC 8446 section 5.1): more is sealed in pieces of this size.
inline constexpr std::size_t kMaxRecord = 16 * 1024;
inline constexpr std::size_t kChannelBindingBytes = 32;  // RFC 9266 section 2

enum class Progress : unsigned char {
  done,
  need_more,
  failed,
  needs_signature,  // of a server's handshake: by a key that is kept elsewhere
};

class Engine {
 public:
  // `ssl` has its role and its settings; see client.h. `slot`: where its session goes at the end.
  explicit Engine(SslHandle ssl, SessionSlot slot = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Each takes all of `received`, and appends to output() what the peer must get.
  Progress handshake(std::string_view received);
  // After needs_signature: what to sign. Give the answer, then go on with handshake({}).
  const SignatureRequest& signature_wanted() const { return *signing_.wanted; }
  void give_signature(Result<std::string> signature) { signing_.given = std::move(signature); }
  // How many bytes of plaintext it has put into `plain`; 0: more must be received first. Ask until
  // then: what does not fit is kept. An error is the peer's end of the connection, or a failure.
  tl::expected<std::size_t, Progress> read(std::string_view received, std::span<char> plain);
  // At most kMaxRecord bytes. False: the connection is unusable.
  bool seal(std::string_view plain);
  // Tells the peer that nothing follows (close_notify).
  void close();

  std::string& output() { return output_; }
  // After the handshake: "TLSv1.3", "TLS_AES_256_GCM_SHA384", whether an earlier session was
  // resumed.
  std::string protocol() const;
  std::string cipher() const;
  bool resumed() const;
  // What both ends know of this connection and nobody between them (tls-exporter, RFC 9266). Empty
  // where it proves nothing: before the handshake's end, or TLS 1.2 without extended master secret.
  std::string channel_binding() const;
  // After `failed`: why, in OpenSSL's words.
  const std::string& failure() const { return failure_; }

 private:
  friend struct EngineBio;
  void take(std::string_view received);
  void keep_rest();
  Progress progress_of(int result);
  int do_handshake();

  SslHandle ssl_;
  SessionSlot slot_;
  Signing signing_;
  std::string_view input_;  // of the bytes of this call, or of kept_
  std::string kept_;
  std::string output_;
  std::string failure_;
  bool open_ = false;  // the handshake is done, and nothing has failed since
};

}  // namespace toast::tls
