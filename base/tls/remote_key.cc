#include "base/tls/remote_key.h"

#include <openssl/async.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "base/tls/signing.h"

namespace toast::tls {
namespace {

constexpr char kProvider[] = "toast";
constexpr char kOnlyOurs[] = "provider=toast";
constexpr char kOnlyDefault[] = "provider=default";
constexpr char kParamPublic[] = "toast-public";
constexpr char kParamId[] = "toast-id";
constexpr std::size_t kMaxPublicKey = 4096;
constexpr std::size_t kMaxId = 64;

// OpenSSL's callbacks have no place for an argument of ours, and run inside the call that a
// SigningScope surrounds.
thread_local Signing* current_signing = nullptr;

struct Provider {
  OSSL_LIB_CTX* library;
};

// --- keys

struct RemoteKey {
  OSSL_LIB_CTX* library = nullptr;
  KeyHandle pub;
  std::string id;
};
RemoteKey* key_of(void* data) { return static_cast<RemoteKey*>(data); }
const RemoteKey* key_of(const void* data) { return static_cast<const RemoteKey*>(data); }

void* key_new(void* provider) {
  return new (std::nothrow) RemoteKey{static_cast<Provider*>(provider)->library, {}, {}};
}
void key_free(void* key) { delete key_of(key); }
int key_has(const void*, int) { return 1; }

int key_match(const void* a, const void* b, int) {
  if (!key_of(a)->pub || !key_of(b)->pub) return 0;
  return EVP_PKEY_eq(key_of(a)->pub.get(), key_of(b)->pub.get()) == 1 ? 1 : 0;
}

const OSSL_PARAM kImportTypes[] = {OSSL_PARAM_octet_string(kParamPublic, nullptr, 0),
                                   OSSL_PARAM_octet_string(kParamId, nullptr, 0), OSSL_PARAM_END};
const OSSL_PARAM* key_import_types(int) { return kImportTypes; }

// Only what make_remote_key() gives; a key of another provider has no name here.
int key_import(void* key, int, const OSSL_PARAM params[]) {
  const void* pub = nullptr;
  const void* id = nullptr;
  std::size_t pub_size = 0;
  std::size_t id_size = 0;
  const OSSL_PARAM* given_pub = OSSL_PARAM_locate_const(params, kParamPublic);
  const OSSL_PARAM* given_id = OSSL_PARAM_locate_const(params, kParamId);
  if (given_pub == nullptr || given_id == nullptr ||
      OSSL_PARAM_get_octet_string_ptr(given_pub, &pub, &pub_size) != 1 ||
      OSSL_PARAM_get_octet_string_ptr(given_id, &id, &id_size) != 1)
    return 0;
  const auto* bytes = static_cast<const unsigned char*>(pub);
  RemoteKey& made = *key_of(key);
  made.pub.reset(
      d2i_PUBKEY_ex(nullptr, &bytes, static_cast<long>(pub_size), made.library, kOnlyDefault));
  made.id.assign(static_cast<const char*>(id), id_size);
  return made.pub ? 1 : 0;
}

const OSSL_PARAM* key_export_types(int) { return kImportTypes + 2; }  // whatever the key has
// Never to one who would sign with it: so OpenSSL comes to us for signatures.
int key_export(void* key, int selection, OSSL_CALLBACK* take, void* argument) {
  if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 || !key_of(key)->pub) return 0;
  return EVP_PKEY_export(key_of(key)->pub.get(), EVP_PKEY_PUBLIC_KEY, take, argument);
}

int key_get_params(void* key, OSSL_PARAM params[]) {
  return key_of(key)->pub ? EVP_PKEY_get_params(key_of(key)->pub.get(), params) : 0;
}
const OSSL_PARAM* key_gettable_params(void*) {
  static const OSSL_PARAM kGettable[] = {
      OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
      OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
      OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0),
      OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0),
      OSSL_PARAM_END};
  return kGettable;
}
const char* ec_operation(int operation) { return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC"; }
const char* rsa_operation(int) { return "RSA"; }

template <class Function>
OSSL_DISPATCH entry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

#define TOAST_KEY_FUNCTIONS(operation)                                                    \
  {                                                                                       \
    entry(OSSL_FUNC_KEYMGMT_NEW, key_new), entry(OSSL_FUNC_KEYMGMT_FREE, key_free),       \
        entry(OSSL_FUNC_KEYMGMT_HAS, key_has), entry(OSSL_FUNC_KEYMGMT_MATCH, key_match), \
        entry(OSSL_FUNC_KEYMGMT_IMPORT, key_import),                                      \
        entry(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),                          \
        entry(OSSL_FUNC_KEYMGMT_EXPORT, key_export),                                      \
        entry(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, key_export_types),                          \
        entry(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),                              \
        entry(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable_params),                    \
        entry(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation), {                       \
      0, nullptr                                                                          \
    }                                                                                     \
  }
const OSSL_DISPATCH kEcKeys[] = TOAST_KEY_FUNCTIONS(ec_operation);
const OSSL_DISPATCH kRsaKeys[] = TOAST_KEY_FUNCTIONS(rsa_operation);
#undef TOAST_KEY_FUNCTIONS

// --- signatures

struct Signature {
  const RemoteKey* key = nullptr;
  std::string digest;
  bool pss = false;
};
Signature* signature_of(void* data) { return static_cast<Signature*>(data); }

void* signature_new(void*, const char*) { return new (std::nothrow) Signature; }
void signature_free(void* signature) { delete signature_of(signature); }

int signature_set_params(void* signature, const OSSL_PARAM params[]) {
  if (params == nullptr) return 1;
  const OSSL_PARAM* padding = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
  if (padding == nullptr) return 1;  // the salt is always as long as the digest
  if (padding->data_type == OSSL_PARAM_UTF8_STRING) {
    signature_of(signature)->pss =
        std::strcmp(static_cast<const char*>(padding->data), OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
    return 1;
  }
  int mode = 0;
  if (OSSL_PARAM_get_int(padding, &mode) != 1) return 0;
  signature_of(signature)->pss = mode == RSA_PKCS1_PSS_PADDING;
  return 1;
}
const OSSL_PARAM* signature_settable_params(void*, void*) {
  static const OSSL_PARAM kSettable[] = {
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0), OSSL_PARAM_END};
  return kSettable;
}

int signature_init(void* signature, const char* digest, void* key, const OSSL_PARAM params[]) {
  Signature& begun = *signature_of(signature);
  begun.key = key_of(key);
  begun.digest = digest == nullptr ? "" : digest;
  return signature_set_params(signature, params);
}

// 0, 1, 2 for SHA-256, -384, -512; -1 for all that this does not sign.
int digest_step(const std::string& name) {
  constexpr const char* kNames[] = {"256", "384", "512"};
  for (int i = 0; i < 3; ++i)
    if (name == std::string("SHA") + kNames[i] || name == std::string("SHA2-") + kNames[i])
      return i;
  return -1;
}

std::optional<SignatureScheme> scheme_of(const Signature& signature) {
  const int step = digest_step(signature.digest);
  if (step < 0) return std::nullopt;
  const bool rsa = EVP_PKEY_is_a(signature.key->pub.get(), "RSA") == 1;
  if (!rsa) return static_cast<SignatureScheme>(0x0403 + 0x100 * step);
  if (signature.pss) return static_cast<SignatureScheme>(0x0804 + step);
  return static_cast<SignatureScheme>(0x0401 + 0x100 * step);
}

// The first call asks for the size. The second goes to sleep until the answer is there.
int signature_sign(void* data, unsigned char* out, std::size_t* size, std::size_t room,
                   const unsigned char* text, std::size_t text_size) {
  const Signature& signature = *signature_of(data);
  if (signature.key == nullptr || !signature.key->pub) return 0;
  const int largest = EVP_PKEY_get_size(signature.key->pub.get());
  if (out == nullptr) {
    *size = static_cast<std::size_t>(largest);
    return 1;
  }
  const std::optional<SignatureScheme> scheme = scheme_of(signature);
  Signing* signing = current_signing;
  if (!scheme || signing == nullptr || ASYNC_get_current_job() == nullptr) return 0;
  signing->given.reset();
  signing->wanted = {signature.key->id, *scheme, {reinterpret_cast<const char*>(text), text_size}};
  while (!signing->given)
    if (ASYNC_pause_job() != 1) return 0;
  signing->wanted.reset();
  const Result<std::string>& given = *signing->given;
  if (!given || given->empty() || given->size() > room) return 0;
  std::copy(given->begin(), given->end(), out);
  *size = given->size();
  return 1;
}

const OSSL_DISPATCH kSignatures[] = {
    entry(OSSL_FUNC_SIGNATURE_NEWCTX, signature_new),
    entry(OSSL_FUNC_SIGNATURE_FREECTX, signature_free),
    entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signature_init),
    entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signature_sign),
    entry(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signature_set_params),
    entry(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signature_settable_params),
    {0, nullptr}};

// --- the provider

const OSSL_ALGORITHM kKeyManagement[] = {{"EC", kOnlyOurs, kEcKeys, "EC keys kept elsewhere"},
                                         {"RSA", kOnlyOurs, kRsaKeys, "RSA keys kept elsewhere"},
                                         {nullptr, nullptr, nullptr, nullptr}};
const OSSL_ALGORITHM kSigning[] = {{"ECDSA", kOnlyOurs, kSignatures, "signed elsewhere"},
                                   {"RSA", kOnlyOurs, kSignatures, "signed elsewhere"},
                                   {nullptr, nullptr, nullptr, nullptr}};

const OSSL_ALGORITHM* provider_query(void*, int operation, int* no_cache) {
  *no_cache = 0;
  if (operation == OSSL_OP_KEYMGMT) return kKeyManagement;
  return operation == OSSL_OP_SIGNATURE ? kSigning : nullptr;
}
void provider_teardown(void* provider) { delete static_cast<Provider*>(provider); }

const OSSL_DISPATCH kProviderFunctions[] = {
    entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query),
    entry(OSSL_FUNC_PROVIDER_TEARDOWN, provider_teardown),
    {0, nullptr}};

int provider_init(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* core,
                  const OSSL_DISPATCH** out, void** provider) {
  for (; core->function_id != 0; ++core) {
    if (core->function_id != OSSL_FUNC_CORE_GET_LIBCTX) continue;
    // For a provider within the program the core's context is the library's
    // (OSSL_PROVIDER_add_builtin).
    auto* library = reinterpret_cast<OSSL_LIB_CTX*>(OSSL_FUNC_core_get_libctx(core)(handle));
    *provider = new (std::nothrow) Provider{library};
    *out = kProviderFunctions;
    return *provider != nullptr ? 1 : 0;
  }
  return 0;
}

OSSL_LIB_CTX* make_library() {
  OSSL_LIB_CTX* library = OSSL_LIB_CTX_new();
  if (library == nullptr) return nullptr;
  // The default one by name: a provider that is loaded by hand switches off its automatic loading.
  if (OSSL_PROVIDER_add_builtin(library, kProvider, provider_init) == 1 &&
      OSSL_PROVIDER_load(library, "default") != nullptr &&
      OSSL_PROVIDER_load(library, kProvider) != nullptr)
    return library;
  OSSL_LIB_CTX_free(library);
  return nullptr;
}

}  // namespace

void FreeKey::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

SigningScope::SigningScope(Signing& signing) : outer_(current_signing) {
  current_signing = &signing;
}
SigningScope::~SigningScope() { current_signing = outer_; }

OSSL_LIB_CTX* remote_key_library() {
  static OSSL_LIB_CTX* const made = make_library();
  return made;
}

Result<KeyHandle> make_remote_key(std::string_view public_key, std::string_view key_id) {
  OSSL_LIB_CTX* library = remote_key_library();
  if (library == nullptr) return permanent("OpenSSL: no library context");
  if (public_key.size() > kMaxPublicKey || key_id.size() > kMaxId)
    return permanent("a public key of an unlikely size");
  const auto* bytes = reinterpret_cast<const unsigned char*>(public_key.data());
  const KeyHandle plain(
      d2i_PUBKEY_ex(nullptr, &bytes, static_cast<long>(public_key.size()), library, kOnlyDefault));
  if (!plain) return permanent("not a public key");
  const char* type = nullptr;
  if (EVP_PKEY_is_a(plain.get(), "RSA") == 1) type = "RSA";
  if (EVP_PKEY_is_a(plain.get(), "EC") == 1) type = "EC";
  if (type == nullptr) return permanent("neither an RSA nor an EC key");
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(library, type, kOnlyOurs), &EVP_PKEY_CTX_free);
  std::string pub(public_key);
  std::string id(key_id);
  OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(kParamPublic, pub.data(), pub.size()),
                         OSSL_PARAM_construct_octet_string(kParamId, id.data(), id.size()),
                         OSSL_PARAM_construct_end()};
  EVP_PKEY* made = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params) != 1)
    return permanent("OpenSSL: no key of our provider");
  return KeyHandle(made);
}

}  // namespace toast::tls
