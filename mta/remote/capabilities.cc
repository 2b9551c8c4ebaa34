#include "mta/remote/capabilities.h"

#include <charconv>
#include <optional>

#include "mta/message/ascii.h"

namespace toast::remote {
namespace {

std::string_view take_word(std::string_view& rest) {
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void take_limits(std::string_view rest, Capabilities& found) {
  while (true) {
    const std::string_view limit = take_word(rest);
    if (limit.empty()) return;
    const std::size_t equals = limit.find('=');
    if (equals == std::string_view::npos) continue;
    const std::optional<std::uint64_t> value = number(limit.substr(equals + 1));
    if (!value) continue;
    if (ascii::equal_fold(limit.substr(0, equals), "MAILMAX")) found.max_mails = *value;
    if (ascii::equal_fold(limit.substr(0, equals), "RCPTMAX")) found.max_recipients = *value;
  }
}

void take_mechanisms(std::string_view rest, Capabilities& found) {
  while (true) {
    const std::string_view mechanism = take_word(rest);
    if (mechanism.empty()) return;
    if (ascii::equal_fold(mechanism, "PLAIN")) found.auth_plain = true;
    if (ascii::equal_fold(mechanism, "LOGIN")) found.auth_login = true;
  }
}

void take_keyword(std::string_view line, Capabilities& found) {
  const std::string_view keyword = take_word(line);
  const auto is = [&](std::string_view name) { return ascii::equal_fold(keyword, name); };
  if (is("PIPELINING")) found.pipelining = true;
  if (is("8BITMIME")) found.eight_bit_mime = true;
  if (is("CHUNKING")) found.chunking = true;
  if (is("DSN")) found.dsn = true;
  if (is("SMTPUTF8")) found.smtputf8 = true;
  if (is("ENHANCEDSTATUSCODES")) found.enhanced_status = true;
  if (is("STARTTLS")) found.starttls = true;
  if (is("AUTH")) take_mechanisms(line, found);
  if (is("LIMITS")) take_limits(line, found);
  if (is("SIZE")) {
    found.size = true;
    found.max_size = number(take_word(line)).value_or(0);
  }
}

}  // namespace

Capabilities Capabilities::parse(std::string_view reply_text) {
  Capabilities found;
  std::size_t end = reply_text.find('\n');
  while (end != std::string_view::npos) {
    reply_text.remove_prefix(end + 1);
    end = reply_text.find('\n');
    take_keyword(reply_text.substr(0, end), found);
  }
  return found;
}

}  // namespace toast::remote
