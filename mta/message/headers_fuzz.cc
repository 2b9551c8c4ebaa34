// Fields lie inside the message, in order; hops are the same wherever the blocks end.
#include <cstdint>
#include <cstdlib>

#include "mta/message/headers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t block = 1 + data[0] % 16;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  toast::HeaderScanner scanner(text);
  const char* behind = text.data();
  while (auto field = scanner.next()) {
    if (field->name.data() < behind || field->body.data() < field->name.data()) std::abort();
    behind = field->body.data() + field->body.size();
    if (behind > text.data() + text.size()) std::abort();
    if (toast::unfold(field->body).find('\n') != std::string::npos) std::abort();
  }
  if (scanner.body_offset() > text.size()) std::abort();
  toast::HopCounter whole;
  whole.feed(text);
  toast::HopCounter parts;
  for (std::size_t at = 0; at < text.size(); at += block) parts.feed(text.substr(at, block));
  if (whole.hops() != parts.hops()) std::abort();
  return 0;
}
