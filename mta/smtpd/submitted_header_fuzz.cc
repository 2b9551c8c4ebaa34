// The header of a submitted message: where it ends does not depend on how the bytes come; what has
// been completed is complete, has no blind copies, and keeps its body as it was.
#include <cstdint>
#include <cstdlib>

#include "mta/message/ascii.h"
#include "mta/message/headers.h"
#include "mta/smtpd/submitted_header.h"

namespace {

using toast::smtpd::complete_header;
using toast::smtpd::find_body;

std::size_t find_in_pieces(std::string_view text, std::size_t piece) {
  std::size_t searched = 0;
  for (std::size_t size = piece; size < text.size(); size += piece) {
    const std::size_t found = find_body(text.substr(0, size), searched, false);
    if (found != std::string_view::npos) return found;
    searched = size;
  }
  return find_body(text, searched, true);
}

void check(std::string_view header, bool has_body) {
  const toast::smtpd::HeaderAdditions additions{toast::WallTime{}, "id", "mx.example.org"};
  const auto once = complete_header(header, additions);
  if (!once) return;
  if (once->from.empty()) std::abort();
  for (const char* name : {"Bcc", "Resent-Bcc"})
    if (toast::count_fields(once->text, name) != 0) std::abort();
  for (const char* name : {"Date", "Message-ID", "From"})
    if (toast::count_fields(once->text, name) < 1) std::abort();
  if (has_body && !once->text.ends_with("\n")) std::abort();
  const auto twice = complete_header(once->text, additions);
  if (!twice || twice->text != once->text || twice->from != once->from) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  const std::size_t body = find_body(text, 0, true);
  if (body > text.size()) std::abort();
  if (find_in_pieces(text, 1 + data[0] % 16U) != body) std::abort();
  check(text.substr(0, body), body < text.size());
  return 0;
}
