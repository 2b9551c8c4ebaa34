// Next hops come from queued and from control/smtproutes: what parse() takes, str() gives back as
// the same destination, and within the length that messages allow.
#include <cstdint>
#include <cstdlib>

#include "mta/message/next_hop.h"
#include "mta/remote/routes.h"

namespace toast::remote {
namespace {

void same_again(const NextHop& hop) {
  const std::string text = hop.str();
  const Result<NextHop> again = NextHop::parse(text);
  if (!again || !(*again == hop) || text.size() > kMaxNextHop) std::abort();
}

void fuzz(std::string_view text) {
  if (const Result<NextHop> hop = NextHop::parse(text)) same_again(*hop);
  const Result<Routes> routes = Routes::parse({std::string(text)});
  if (!routes) return;
  for (const std::string_view domain : {"example.org", "mail.example.org", "[IPv6:2001:db8::1]"})
    same_again(routes->next_hop(*Domain::parse_name_or_literal(domain)));
}

}  // namespace
}  // namespace toast::remote

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  toast::remote::fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
