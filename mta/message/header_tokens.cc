#include "mta/message/header_tokens.h"

namespace toast {
namespace {

constexpr std::string_view kSpecials = "<>@,;:.";

bool is_line_end(char c) { return c == '\n' || c == '\r'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || is_line_end(c); }

bool ends_atom(char c) {
  return is_blank(c) || c == '"' || c == '(' || c == ')' || c == '[' || c == ']' ||
         (c != '\0' && kSpecials.find(c) != std::string_view::npos);
}

// Does the backslash at `at` have something to escape? Never a line end: what it means may end up
// in a header of ours.
bool escapes(std::string_view text, std::size_t at) {
  return at + 1 < text.size() && !is_line_end(text[at + 1]);
}

// Takes a token that begins with `open` from the front of `rest`. Comments nest.
bool take_enclosed(std::string_view& rest, char open, char close, HeaderToken& token) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    char c = rest[i];
    if (is_line_end(c)) continue;  // folding
    token.raw.push_back(c);
    if (c == '\\') {
      if (!escapes(rest, i)) return false;
      c = rest[++i];
      token.raw.push_back(c);
      token.text.push_back(c);
      continue;
    }
    const bool opens = c == open && (depth == 0 || open == '(');
    if (opens) {
      ++depth;
    } else if (c == close && --depth == 0) {
      rest.remove_prefix(i + 1);
      return true;
    }
    if (i > 0) token.text.push_back(c);
  }
  return false;
}

HeaderToken::Kind enclosed_kind(char open) {
  if (open == '"') return HeaderToken::Kind::quoted;
  return open == '(' ? HeaderToken::Kind::comment : HeaderToken::Kind::literal;
}
char closing(char open) {
  if (open == '"') return '"';
  return open == '(' ? ')' : ']';
}

bool take_atom(std::string_view& rest, HeaderToken& token) {
  std::size_t size = 0;
  while (size < rest.size() && !ends_atom(rest[size])) {
    // A backslash takes its meaning from the next character, outside quotes as well (qmail).
    if (rest[size] == '\\') {
      if (!escapes(rest, size)) return false;
      ++size;
    }
    token.text.push_back(rest[size]);
    ++size;
  }
  token.raw = rest.substr(0, size);
  rest.remove_prefix(size);
  return true;
}

}  // namespace

std::optional<std::vector<HeaderToken>> tokenize_header(std::string_view body) {
  if (body.find('\0') != std::string_view::npos) return std::nullopt;  // it ends names elsewhere
  std::vector<HeaderToken> tokens;
  bool space = false;
  while (!body.empty()) {
    const char c = body.front();
    if (is_blank(c)) {
      space = true;
      body.remove_prefix(1);
      continue;
    }
    HeaderToken token;
    token.space_before = space;
    space = false;
    if (c == '"' || c == '(' || c == '[') {
      token.kind = enclosed_kind(c);
      if (!take_enclosed(body, c, closing(c), token)) return std::nullopt;
      if (token.kind == HeaderToken::Kind::literal) token.text = token.raw;
    } else if (kSpecials.find(c) != std::string_view::npos) {
      token.kind = HeaderToken::Kind::special;
      token.special = c;
      token.raw.assign(1, c);
      body.remove_prefix(1);
    } else if (c == ')' || c == ']' || !take_atom(body, token)) {
      return std::nullopt;
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace toast
