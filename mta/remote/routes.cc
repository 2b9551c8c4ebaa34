#include "mta/remote/routes.h"

#include <algorithm>

#include "mta/message/ascii.h"
#include "mta/message/host_port.h"

namespace toast::remote {
namespace {

constexpr std::size_t kMaxPasswordFileName = 64;  // kept short for error texts

// Where the key ends: at the first colon, or behind an address literal, which has colons of its
// own.
std::size_t end_of_key(std::string_view line) {
  const std::size_t bracket = line.starts_with('[') ? line.find(']') : 0;
  return bracket == std::string_view::npos ? bracket : line.find(':', bracket);
}

// Splits off what stands behind the first run of blanks.
std::string_view words_behind(std::string_view& text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
  std::string_view rest = text.substr(end);
  text = text.substr(0, end);
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
  return rest;
}

bool is_file_name(std::string_view text) {
  const auto is_allowed = [](char c) {
    return ascii::is_alnum(c) || c == '.' || c == '_' || c == '@' || c == '-';
  };
  return text.size() <= kMaxPasswordFileName && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), is_allowed);
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

// "relay.test:587 joe FILE" becomes "relay.test:587".
Result<Routes::Login> Routes::take_login(std::string_view& relay) {
  Login login;
  login.user = words_behind(relay);
  if (login.user.empty()) return login;
  login.password_file = words_behind(login.user);
  if (login.password_file.empty())
    return permanent(
        "behind the relay come both a user name and a file of relay-auth/ that holds the password");
  if (!is_file_name(login.password_file))
    return permanent("the last word names a file of relay-auth/: letters, digits, . _ @ and -");
  return login;
}

Result<void> Routes::add_login(Relay& relay, const Login& login) {
  if (login.user.empty()) return {};
  auto* hop = std::get_if<NextHop>(&relay);
  if (hop == nullptr || hop->kind != NextHop::Kind::host)
    return permanent("a user name needs a relay that is named, and that speaks SMTP");
  hop->login = login.user;
  // Whether it can be a login is for NextHop to say: its text is the destination's name.
  if (Result<NextHop> sound = NextHop::parse(hop->str()); !sound) return pass(sound);
  const auto [place, is_new] = password_files_.try_emplace(hop->str(), login.password_file);
  if (is_new || place->second == login.password_file) return {};
  return permanent("another line has the same relay and user name with the password file " +
                   place->second);
}

Result<void> Routes::add(std::string_view line) {
  const std::size_t colon = end_of_key(line);
  if (colon == std::string_view::npos)
    return permanent("no colon; write domain:host or domain:host:port");
  Result<std::string> key = parse_key(line.substr(0, colon));
  if (!key) return pass(key);
  std::string_view where_to = line.substr(colon + 1);
  Result<Login> login = take_login(where_to);
  if (!login) return pass(login);
  Result<Relay> relay = parse_relay(where_to);
  if (!relay) return pass(relay);
  if (Result<void> added = add_login(*relay, *login); !added) return added;
  relays_.insert_or_assign(std::move(*key), std::move(*relay));
  return {};
}

Result<Routes> Routes::parse(const std::vector<std::string>& lines) {
  Routes routes;
  for (const std::string& line : lines) {
    if (Result<void> added = routes.add(line); !added)
      return pass(added, "smtproutes: line \"" + line + "\"");
  }
  return routes;
}

const std::string* Routes::password_file(const NextHop& hop) const {
  const auto found = password_files_.find(hop.str());
  return found == password_files_.end() ? nullptr : &found->second;
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
