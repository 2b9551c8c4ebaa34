// Private keys that are not here, as OpenSSL wants them: a provider of ours, whose keys are a
// public key and a name, and whose signatures are asked for through the SigningScope of the thread
// (signing.h). No ENGINE and no key methods: OpenSSL 4 has neither.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;
struct ossl_lib_ctx_st;

namespace toast::tls {

struct FreeKey {
  void operator()(evp_pkey_st* key) const;
};
using KeyHandle = std::unique_ptr<evp_pkey_st, FreeKey>;

// A library context of its own with OpenSSL's default provider and ours: what else in this process
// uses OpenSSL never meets our provider. Made once, for the life of the process, as connections may
// outlive whoever began them. Null: OpenSSL could not make it.
ossl_lib_ctx_st* remote_key_library();

// `public_key`: SubjectPublicKeyInfo in DER; RSA or EC.
[[nodiscard]] Result<KeyHandle> make_remote_key(std::string_view public_key,
                                                std::string_view key_id);

}  // namespace toast::tls
