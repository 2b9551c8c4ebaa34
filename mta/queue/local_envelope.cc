#include "mta/queue/local_envelope.h"

#include "mta/queue/local_messages.h"
#include "mta/queue/report.h"

namespace toast::queue {
namespace {

tl::unexpected<Error> bad_address(std::string_view text, std::string_view why) {
  std::string detail = "\"" + std::string(text.substr(0, kMaxAddress)) + "\": ";
  detail += why;
  return permanent(detail, "5.1.3 bad address " + detail);
}

}  // namespace

Result<Address> parse_local_recipient(std::string_view text, std::string_view default_host) {
  if (text.size() > kMaxLocalAddress) return bad_address(text, "too long");
  const std::size_t at = text.rfind('@');
  const std::string_view local = text.substr(0, at);
  const std::string_view host = at == std::string_view::npos ? default_host : text.substr(at + 1);
  if (local.empty()) return bad_address(text, "nothing before the @");
  Result<Domain> domain = Domain::parse_name_or_literal(host);
  if (!domain) return bad_address(text, "no domain behind the @");
  Result<Address> address = Address::from_parts(local, std::move(*domain));
  if (!address) return bad_address(text, address.error().reply.substr(6));
  return address;
}

Result<LocalSender> parse_local_sender(std::string_view text, std::string_view default_host) {
  LocalSender sender;
  if (text.empty()) return sender;
  sender.double_bounce = text == kDoubleBounceSender;
  if (sender.double_bounce) return sender;
  sender.verp = text.ends_with(kVerpMark);
  if (sender.verp) text.remove_suffix(kVerpMark.size());
  Result<Address> address = parse_local_recipient(text, default_host);
  if (!address) return pass(address);
  sender.path = std::move(*address);
  return sender;
}

}  // namespace toast::queue
