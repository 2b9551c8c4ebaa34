#include "auth/saslprep/saslprep.h"

#include <gsasl.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace toast::auth {

Secret saslprep(const Secret& password) {
  const std::string_view text = password.view();
  // Control characters are ASCII and forbidden: they stay as they are, as all that is refused.
  const bool is_ascii = std::all_of(text.begin(), text.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (is_ascii || text.find('\0') != std::string_view::npos) return password.clone();
  std::string ended(text);
  char* prepared = nullptr;
  const int failed = ::gsasl_saslprep(ended.c_str(), GSASL_ALLOW_UNASSIGNED, &prepared, nullptr);
  wipe(ended);
  if (failed != GSASL_OK || prepared == nullptr) return password.clone();
  Secret result{std::string_view(prepared)};
  explicit_bzero(prepared, std::strlen(prepared));
  ::gsasl_free(prepared);
  // What maps to nothing would be an empty password.
  return result.empty() ? password.clone() : std::move(result);
}

}  // namespace toast::auth
