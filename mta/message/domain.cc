#include "mta/message/domain.h"

#include <arpa/inet.h>

#include <array>
#include <optional>

#include "mta/message/ascii.h"

namespace toast {
namespace {

constexpr std::string_view kIpv6Tag = "IPv6:";

tl::unexpected<Error> bad_domain(std::string_view text, std::string_view why) {
  std::string reply = "5.1.2 bad domain: ";
  reply.append(why);
  std::string detail = "domain \"";
  detail.append(text.substr(0, kMaxDomain)).append("\": ").append(why);
  return permanent(std::move(detail), std::move(reply));
}

// Why this label is none; nothing when it is one.
std::optional<std::string_view> label_fault(std::string_view label) {
  if (label.empty()) return "empty label between dots";
  if (label.size() > kMaxDomainLabel) return "a label is longer than 63 characters";
  if (label.front() == '-' || label.back() == '-') return "a label begins or ends with a hyphen";
  for (const char c : label)
    if (!ascii::is_alnum(c) && c != '-')
      return "only letters, digits, hyphens and dots may be used";
  return std::nullopt;
}

template <int Family, std::size_t Bytes>
std::optional<std::string> canonical_ip(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;  // inet_pton stops at it
  std::array<unsigned char, Bytes> raw{};
  if (::inet_pton(Family, terminated.c_str(), raw.data()) != 1) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (::inet_ntop(Family, raw.data(), out.data(), out.size()) == nullptr) return std::nullopt;
  return std::string(out.data());
}

}  // namespace

Result<AddressLiteral> AddressLiteral::parse(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']')
    return bad_domain(text, "an address literal is written in brackets: [192.0.2.1]");
  const std::string_view inner = text.substr(1, text.size() - 2);
  if (ascii::equal_fold(inner.substr(0, kIpv6Tag.size()), kIpv6Tag)) {
    auto ip = canonical_ip<AF_INET6, 16>(inner.substr(kIpv6Tag.size()));
    if (!ip) return bad_domain(text, "not an IPv6 address");
    return AddressLiteral("[IPv6:" + *ip + "]");
  }
  auto ip = canonical_ip<AF_INET, 4>(inner);
  if (!ip) return bad_domain(text, "a literal is [192.0.2.1] or [IPv6:2001:db8::1]");
  return AddressLiteral("[" + *ip + "]");
}

Result<Domain> Domain::parse(std::string_view name) {
  if (name.empty()) return bad_domain(name, "it is empty");
  for (const char c : name)
    if (!ascii::is_ascii(c))
      return permanent("domain with bytes outside ASCII",
                       "5.6.7 internationalized domains are taken in their xn-- form only");
  if (name.size() > kMaxDomain) return bad_domain(name, "longer than 255 characters");
  if (name.back() == '.') return bad_domain(name, "it ends with a dot");
  for (std::string_view rest = name;;) {
    const std::size_t dot = rest.find('.');
    if (auto fault = label_fault(rest.substr(0, dot))) return bad_domain(name, *fault);
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  return Domain(ascii::lower(name));
}

Result<Domain> Domain::parse_name_or_literal(std::string_view text) {
  if (text.empty() || text.front() != '[') return parse(text);
  auto literal = AddressLiteral::parse(text);
  if (!literal) return pass(literal);
  return Domain(*literal);
}

}  // namespace toast
