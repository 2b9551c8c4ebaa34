// OpenSSL's objects, each with one owner, for headers that do without OpenSSL's own.
#pragma once

#include <memory>

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace toast::tls {

struct Free {
  void operator()(ssl_ctx_st* context) const;
  void operator()(ssl_session_st* session) const;
  void operator()(ssl_st* ssl) const;
};
using ContextHandle = std::unique_ptr<ssl_ctx_st, Free>;
using SessionHandle = std::unique_ptr<ssl_session_st, Free>;
using SslHandle = std::unique_ptr<ssl_st, Free>;

}  // namespace toast::tls
