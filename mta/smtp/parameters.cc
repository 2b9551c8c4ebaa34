#include "mta/smtp/parameters.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "mta/message/ascii.h"

namespace toast::smtp {
namespace {

constexpr std::size_t kMaxSizeDigits = 20;  // RFC 1870 section 4

struct Parameter {
  std::string_view keyword;
  std::optional<std::string_view> value;
};

// esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-"); esmtp-value = 1*(%d33-60 / %d62-126)
bool is_keyword(std::string_view text) {
  return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return ascii::is_alnum(c) || c == '-';
  });
}
bool is_value(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c != '=' && ascii::is_printable(c);
  });
}

// The next parameter; nothing at the end.
tl::expected<std::optional<Parameter>, Reply> take_parameter(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  if (text.front() != ' ') return refuse(501, "5.5.4 a space belongs after the address");
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (text.empty()) return std::nullopt;
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  const std::size_t equals = word.find('=');
  Parameter parameter{word.substr(0, equals), std::nullopt};
  if (equals != std::string_view::npos) parameter.value = word.substr(equals + 1);
  if (!is_keyword(parameter.keyword) || (parameter.value && !is_value(*parameter.value)))
    return refuse(501, "5.5.4 a parameter is KEYWORD or KEYWORD=value");
  return parameter;
}

tl::unexpected<Reply> unknown(const Parameter& parameter) {
  return refuse(555,
                "5.5.4 parameter not supported: " + std::string(parameter.keyword.substr(0, 40)));
}

tl::expected<void, Reply> set_size(MailParameters& parameters, const Parameter& parameter) {
  if (parameters.size) return refuse(501, "5.5.4 SIZE was given twice");
  if (!parameter.value || parameter.value->size() > kMaxSizeDigits)
    return refuse(501, "5.5.4 SIZE takes a number of bytes");
  const std::string_view digits = *parameter.value;
  if (!std::all_of(digits.begin(), digits.end(), ascii::is_digit))
    return refuse(501, "5.5.4 SIZE takes a number of bytes");
  std::uint64_t size = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  // 20 digits may not fit into 64 bits; so large is too large for any limit.
  parameters.size = ec == std::errc::result_out_of_range ? ~std::uint64_t{0} : size;
  return {};
}

tl::expected<void, Reply> set_body(MailParameters& parameters, const Parameter& parameter) {
  if (parameters.body) return refuse(501, "5.5.4 BODY was given twice");
  if (parameter.value && ascii::equal_fold(*parameter.value, "7BIT")) {
    parameters.body = BodyType::seven_bit;
  } else if (parameter.value && ascii::equal_fold(*parameter.value, "8BITMIME")) {
    parameters.body = BodyType::eight_bit_mime;
  } else {
    return refuse(501, "5.5.4 BODY is 7BIT or 8BITMIME");
  }
  return {};
}

}  // namespace

tl::expected<MailParameters, Reply> parse_mail_parameters(std::string_view text) {
  MailParameters parameters;
  while (true) {
    auto parameter = take_parameter(text);
    if (!parameter) return tl::unexpected(std::move(parameter.error()));
    if (!*parameter) return parameters;
    tl::expected<void, Reply> set;
    if (ascii::equal_fold((*parameter)->keyword, "SIZE")) {
      set = set_size(parameters, **parameter);
    } else if (ascii::equal_fold((*parameter)->keyword, "BODY")) {
      set = set_body(parameters, **parameter);
    } else {
      return unknown(**parameter);
    }
    if (!set) return tl::unexpected(std::move(set.error()));
  }
}

tl::expected<void, Reply> parse_rcpt_parameters(std::string_view text) {
  auto parameter = take_parameter(text);
  if (!parameter) return tl::unexpected(std::move(parameter.error()));
  if (*parameter) return unknown(**parameter);
  return {};
}

}  // namespace toast::smtp
