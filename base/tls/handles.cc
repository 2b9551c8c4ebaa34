#include "base/tls/handles.h"

#include <openssl/ssl.h>

namespace toast::tls {

void Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void Free::operator()(ssl_session_st* session) const { SSL_SESSION_free(session); }
void Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

}  // namespace toast::tls
