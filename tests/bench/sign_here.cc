// In place of auth/keyd/key_client_sign.cc: the front end has the private key and signs by itself,
// as servers without a toast-keyd do. To measure what keyd costs; installed nowhere. The file named
// in TOAST_BENCH_KEY is read before main(), while files can still be opened.
#include <cstdlib>

#include "auth/keyd/key_client.h"
#include "base/fd.h"
#include "base/tls/certificate.h"

namespace toast::keyd {
namespace {

const tls::PrivateKey own_key = [] {
  const char* file = std::getenv("TOAST_BENCH_KEY");
  Result<std::string> text = read_file(file == nullptr ? "" : file, tls::kMaxKeyFile);
  Result<tls::PrivateKey> key = tls::PrivateKey::parse(text ? *text : "");
  if (!key) std::abort();
  return std::move(*key);
}();

}  // namespace

Task<Result<std::string>> KeyClient::sign(tls::SignatureRequest request) {
  co_return own_key.sign(request.scheme, request.text);
}

}  // namespace toast::keyd
