#include "mta/message/path.h"

#include "mta/message/ascii.h"

namespace toast {
namespace {

tl::unexpected<Error> bad_path(std::string_view why) {
  std::string reply = "5.1.3 bad address syntax: ";
  reply.append(why);
  std::string detail = "path: ";
  detail.append(why);
  return permanent(std::move(detail), std::move(reply));
}

// The text between < and the first > that is not inside a quoted string.
Result<std::string_view> take_bracketed(std::string_view& text) {
  if (text.empty() || text.front() != '<')
    return bad_path("write the address in brackets: <ann@example.org>");
  bool quoted = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == '>' && !quoted) {
      if (i + 1 > kMaxPath) return bad_path("longer than 256 characters");
      const std::string_view inner = text.substr(1, i - 1);
      text.remove_prefix(i + 1);
      return inner;
    }
  }
  return bad_path("the closing > is missing");
}

// A-d-l of RFC 5321: At-domain *( "," At-domain ) ":", dropped from the front of `path`.
Result<void> drop_source_route(std::string_view& path) {
  if (path.empty() || path.front() != '@') return {};
  while (true) {
    if (path.empty() || path.front() != '@') return bad_path("bad source route");
    const std::size_t end = path.find_first_of(",:");
    if (end == std::string_view::npos) return bad_path("bad source route");
    if (auto hop = Domain::parse(path.substr(1, end - 1)); !hop) return pass(hop);
    const char separator = path[end];
    path.remove_prefix(end + 1);
    if (separator == ':') return {};
  }
}

Result<Address> parse_mailbox(std::string_view path) {
  if (auto dropped = drop_source_route(path); !dropped) return pass(dropped);
  return Address::parse(path);
}

}  // namespace

Result<ReversePath> take_reverse_path(std::string_view& text) {
  auto inner = take_bracketed(text);
  if (!inner) return pass(inner);
  if (inner->empty()) return ReversePath{};
  auto address = parse_mailbox(*inner);
  if (!address) return pass(address);
  return ReversePath{std::move(*address)};
}

Result<ForwardPath> take_forward_path(std::string_view& text) {
  auto inner = take_bracketed(text);
  if (!inner) return pass(inner);
  if (inner->empty()) return bad_path("<> is no recipient");
  if (ascii::equal_fold(*inner, "postmaster")) return ForwardPath{Postmaster{}};
  auto address = parse_mailbox(*inner);
  if (!address) return pass(address);
  return ForwardPath{std::move(*address)};
}

}  // namespace toast
