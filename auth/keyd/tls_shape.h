// What may be signed with a TLS key: the text that a server signs in a handshake, and nothing else.
// A front end that was taken over cannot have a certificate request, a mail's DKIM header or
// another protocol's login signed. Pure; trusts nothing of the text.
#pragma once

#include <string_view>

#include "base/tls/signing.h"

namespace toast::keyd {

// The longest: TLS 1.2 with a point on P-521.
inline constexpr std::size_t kMaxSignedText = 64 + 4 + 133;

// RFC 8446 section 4.4.3 (CertificateVerify of a server) or RFC 8422 section 5.4 (the parameters of
// an ECDHE key exchange in TLS 1.2), and a scheme that this version of TLS signs with.
bool is_tls_handshake(std::string_view text, tls::SignatureScheme scheme);

}  // namespace toast::keyd
