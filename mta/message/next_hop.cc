#include "mta/message/next_hop.h"

#include <algorithm>
#include <cassert>
#include <charconv>

#include "base/ip_address.h"
#include "mta/message/ascii.h"
#include "mta/message/host_port.h"

namespace toast {
namespace {

constexpr std::string_view kHostPrefix = "host:";
constexpr std::string_view kLmtpPrefix = "lmtp:";

std::string quoted(std::string_view text) {
  return "\"" + std::string(text.substr(0, kMaxNextHop)) + "\"";
}

bool is_bracketed(std::string_view text) {
  return text.size() >= 2 && text.front() == '[' && text.back() == ']';
}

// A host's name in lower case, or an address in its one form without brackets.
Result<std::string> name_or_address(std::string_view text) {
  if (is_bracketed(text)) {
    Result<IpAddress> address = IpAddress::parse(text.substr(1, text.size() - 2));
    if (!address) return pass(address);
    return address->str();
  }
  if (Result<IpAddress> address = IpAddress::parse(text)) return address->str();
  Result<Domain> domain = Domain::parse(text);
  if (!domain) return pass(domain);
  return domain->str();
}

Result<NextHop> with_port(NextHop::Kind kind, std::string_view text) {
  Result<HostPort> parts = split_host_port(text);
  if (!parts) return pass(parts);
  if (!parts->port) return permanent(quoted(text) + " needs a port: name:25 or [192.0.2.1]:25");
  Result<std::string> name = name_or_address(parts->host);
  if (!name) return pass(name);
  return NextHop{kind, std::move(*name), *parts->port, {}};
}

// What is in front of the last @: a login may hold one, a host's name cannot.
Result<NextHop> relay(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return with_port(NextHop::Kind::host, text);
  const std::string_view login = text.substr(0, at);
  if (login.empty() || login.size() > kMaxLogin)
    return permanent(quoted(text) + ": a user name has 1 to " + std::to_string(kMaxLogin) +
                     " characters");
  const auto is_graphic = [](char c) { return ascii::is_printable(c) && c != ' '; };
  if (!std::all_of(login.begin(), login.end(), is_graphic))
    return permanent(
        "the user name of a relay holds a space or a control character or is not ASCII");
  Result<NextHop> hop = with_port(NextHop::Kind::host, text.substr(at + 1));
  if (hop) hop->login = login;
  return hop;
}

Result<NextHop> socket_path(std::string_view path) {
  if (path.size() > kMaxLmtpSocketPath)
    return permanent(quoted(path) + ": a socket's path has at most " +
                     std::to_string(kMaxLmtpSocketPath) + " characters");
  if (!std::all_of(path.begin(), path.end(), ascii::is_printable))
    return permanent("the path of an LMTP socket holds a control character or is not ASCII");
  return NextHop{NextHop::Kind::lmtp, std::string(path), 0, {}};
}

Result<NextHop> mx_of(std::string_view text) {
  Result<HostPort> parts = split_host_port(text);
  if (!parts) return pass(parts);
  Result<Domain> domain = Domain::parse(parts->host);
  if (!domain) return pass(domain);
  return NextHop{NextHop::Kind::mx, domain->str(), parts->port.value_or(kSmtpPort), {}};
}

}  // namespace

Result<HostPort> split_host_port(std::string_view text) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket))
    return HostPort{text, std::nullopt};
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0)
    return permanent(
        quoted(text) +
        ": after the colon comes a port, 1 to 65535; IPv6 addresses stand in brackets");
  return HostPort{text.substr(0, colon), port};
}

std::string NextHop::str() const {
  if (kind == Kind::mx) return port == kSmtpPort ? name : name + ":" + std::to_string(port);
  const std::string prefix(kind == Kind::lmtp ? kLmtpPrefix : kHostPrefix);
  if (is_socket()) return prefix + name;
  const std::string at_port = ":" + std::to_string(port);
  const bool is_address = IpAddress::parse(name).has_value();
  const std::string host = (is_address ? "[" + name + "]" : name) + at_port;
  if (!login.empty()) return prefix + login + "@" + host;
  return is_address && kind == Kind::host ? host : prefix + host;
}

Result<NextHop> NextHop::parse(std::string_view text) {
  if (text.empty()) return permanent("an empty next hop");
  if (text.size() > kMaxNextHop) return permanent(quoted(text) + "...: too long for a next hop");
  if (text.front() == '[') return with_port(Kind::host, text);
  // A domain may be called "host" or "lmtp" and have a port of its own: then nothing else follows.
  const std::string_view rest = text.substr(std::min(text.size(), kHostPrefix.size()));
  const bool more = rest.starts_with('/') || rest.find(':') != std::string_view::npos;
  if (more && text.starts_with(kHostPrefix)) return relay(rest);
  if (more && text.starts_with(kLmtpPrefix))
    return rest.front() == '/' ? socket_path(rest) : with_port(Kind::lmtp, rest);
  return mx_of(text);
}

Result<NextHop> NextHop::parse_lmtp(std::string_view server) {
  if (server.starts_with('/')) return socket_path(server);
  return with_port(Kind::lmtp, server);
}

std::string NextHop::lmtp_server() const {
  assert(kind == Kind::lmtp);
  return str().substr(kLmtpPrefix.size());
}

NextHop NextHop::of(const Domain& domain) {
  if (!domain.is_literal()) return NextHop{Kind::mx, domain.str(), kSmtpPort, {}};
  constexpr std::string_view kTag = "IPv6:";
  std::string_view inner(domain.str());
  inner = inner.substr(1, inner.size() - 2);
  if (inner.starts_with(kTag)) inner.remove_prefix(kTag.size());
  // A literal holds an address (AddressLiteral::parse); an IPv4-mapped one becomes IPv4 here.
  const Result<IpAddress> address = IpAddress::parse(inner);
  return NextHop{Kind::host, address ? address->str() : std::string(inner), kSmtpPort, {}};
}

}  // namespace toast
