#include "mta/remote/routes.h"

#include "mta/message/host_port.h"

namespace toast::remote {
namespace {

// Where the key ends: at the first colon, or behind an address literal, which has colons of its
// own.
std::size_t end_of_key(std::string_view line) {
  const std::size_t bracket = line.starts_with('[') ? line.find(']') : 0;
  return bracket == std::string_view::npos ? bracket : line.find(':', bracket);
}

}  // namespace

Result<std::string> Routes::parse_key(std::string_view text) {
  if (text.empty()) return std::string();
  const bool suffix = text.front() == '.';
  Result<Domain> domain =
      suffix ? Domain::parse(text.substr(1)) : Domain::parse_name_or_literal(text);
  if (!domain) return pass(domain);
  return (suffix ? "." : "") + domain->str();
}

Result<Routes::Relay> Routes::parse_relay(std::string_view text) {
  if (text.empty()) return OwnPort{};
  if (text.starts_with("lmtp:")) {
    Result<NextHop> hop = NextHop::parse(text);
    if (!hop) return pass(hop);
    if (hop->kind == NextHop::Kind::lmtp) return std::move(*hop);
    // "lmtp:25" is a host of that name, as "relay:25" would be.
  }
  Result<HostPort> parts = split_host_port(text);
  if (!parts) return pass(parts);
  const std::uint16_t port = parts->port.value_or(kSmtpPort);
  if (parts->host.empty()) return OwnPort{port};
  Result<NextHop> hop =
      NextHop::parse("host:" + std::string(parts->host) + ":" + std::to_string(port));
  if (!hop) return pass(hop);
  return std::move(*hop);
}

Result<Routes> Routes::parse(const std::vector<std::string>& lines) {
  Routes routes;
  for (const std::string& line : lines) {
    const std::string where = "smtproutes: line \"" + line + "\"";
    const std::string_view text(line);
    const std::size_t colon = end_of_key(text);
    if (colon == std::string_view::npos)
      return permanent(where + ": no colon; write domain:host or domain:host:port");
    Result<std::string> key = parse_key(text.substr(0, colon));
    if (!key) return pass(key, where);
    Result<Relay> relay = parse_relay(text.substr(colon + 1));
    if (!relay) return pass(relay, where);
    routes.relays_.insert_or_assign(std::move(*key), std::move(*relay));
  }
  return routes;
}

const Routes::Relay* Routes::find(std::string_view domain) const {
  std::string key(domain);
  for (;;) {
    if (const auto found = relays_.find(key); found != relays_.end()) return &found->second;
    if (key.empty()) return nullptr;
    // A literal has no suffixes; a name's begin at its dots, the longest first.
    const std::size_t dot = key.front() == '[' ? std::string::npos : key.find('.', 1);
    key = dot == std::string::npos ? std::string() : key.substr(dot);
  }
}

NextHop Routes::next_hop(const Domain& domain) const {
  NextHop hop = NextHop::of(domain);
  if (relays_.empty()) return hop;
  const Relay* relay = find(domain.str());
  if (relay == nullptr) return hop;
  if (const auto* named = std::get_if<NextHop>(relay)) return *named;
  hop.port = std::get<OwnPort>(*relay).port;
  return hop;
}

}  // namespace toast::remote
