// What we print we read back the same, and from_parts() agrees with parse().
#include <cstdint>
#include <cstdlib>

#include "mta/message/address.h"
#include "mta/message/path.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  auto first = toast::Address::parse(text);
  if (first) {
    const auto again = toast::Address::parse(first->str());
    if (!again || !(*again == *first)) std::abort();
    const auto parts = toast::Address::from_parts(first->local_part(), first->domain());
    if (!parts || !(*parts == *first)) std::abort();
    const std::string bracketed = "<" + first->str() + ">";
    std::string_view path = bracketed;
    const auto reverse = toast::take_reverse_path(path);
    if (!reverse || !path.empty() || !(**reverse == *first)) std::abort();
  }
  std::string_view rest = text;
  const auto forward = toast::take_forward_path(rest);
  if (forward && rest.size() + 3 > text.size()) std::abort();  // at least <x> was consumed
  return 0;
}
