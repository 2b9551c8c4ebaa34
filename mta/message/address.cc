#include "mta/message/address.h"

#include "mta/message/ascii.h"

namespace toast {
namespace {

tl::unexpected<Error> bad_address(std::string_view text, std::string_view why) {
  std::string reply = "5.1.3 bad address syntax: ";
  reply.append(why);
  std::string detail = "address \"";
  detail.append(text.substr(0, kMaxPath)).append("\": ").append(why);
  return permanent(std::move(detail), std::move(reply));
}

tl::unexpected<Error> not_ascii() {
  return permanent("address with bytes outside ASCII",
                   "5.6.7 addresses with characters outside ASCII are not supported here");
}

// Dot-string of RFC 5321: atoms with single dots between them.
bool is_dot_string(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  char previous = 'a';
  for (const char c : text) {
    if (c == '.' ? previous == '.' : !ascii::is_atext(c)) return false;
    previous = c;
  }
  return true;
}

struct LocalPart {
  std::string unquoted;
  std::size_t written_size;  // octets as written, quotes included
};

// Quoted-string of RFC 5321: printable ASCII only, also behind a backslash.
Result<LocalPart> parse_quoted(std::string_view text) {
  std::string unquoted;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return LocalPart{std::move(unquoted), i + 1};
    if (text[i] == '\\' && ++i == text.size()) break;
    if (!ascii::is_ascii(text[i])) return not_ascii();
    if (!ascii::is_printable(text[i])) return bad_address(text, "control character in quotes");
    unquoted.push_back(text[i]);
  }
  return bad_address(text, "the quote is not closed");
}

Result<LocalPart> parse_local_part(std::string_view text) {
  if (text.empty()) return bad_address(text, "it is empty");
  if (text.front() == '"') return parse_quoted(text);
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return bad_address(text, "no @domain");
  const std::string_view local = text.substr(0, at);
  for (const char c : local)
    if (!ascii::is_ascii(c)) return not_ascii();
  if (local.empty()) return bad_address(text, "nothing before the @");
  if (!is_dot_string(local))
    return bad_address(text, "the part before the @ has misplaced dots or characters to be quoted");
  return LocalPart{std::string(local), at};
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  if (text.size() > kMaxAddress) return bad_address(text, "longer than 254 characters");
  auto local = parse_local_part(text);
  if (!local) return pass(local);
  std::string_view rest = text.substr(local->written_size);
  if (rest.empty() || rest.front() != '@') return bad_address(text, "no @domain");
  rest.remove_prefix(1);
  auto domain = Domain::parse_name_or_literal(rest);
  if (!domain) return pass(domain);
  return Address(std::move(local->unquoted), std::move(*domain));
}

Result<Address> Address::from_parts(std::string_view local_part, Domain domain) {
  for (const char c : local_part) {
    if (!ascii::is_ascii(c)) return not_ascii();
    if (!ascii::is_printable(c)) return bad_address(local_part, "control character");
  }
  // The lengths count as the address is written, so what is built here can be parsed again.
  Address built(std::string(local_part), std::move(domain));
  if (built.str().size() > kMaxAddress)
    return bad_address(local_part, "longer than 254 characters");
  return built;
}

std::string Address::str() const {
  std::string out;
  out.reserve(local_part_.size() + domain_.str().size() + 3);
  if (is_dot_string(local_part_)) {
    out = local_part_;
  } else {
    out.push_back('"');
    for (const char c : local_part_) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('"');
  }
  out.push_back('@');
  out.append(domain_.str());
  return out;
}

std::string path_text(const ReversePath& reverse_path) {
  if (!reverse_path) return {};
  return reverse_path->str();
}

}  // namespace toast
