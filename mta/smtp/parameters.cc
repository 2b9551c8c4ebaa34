#include "mta/smtp/parameters.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string>

#include "mta/message/ascii.h"

namespace toast::smtp {
namespace {

constexpr std::size_t kMaxSizeDigits = 20;      // RFC 1870 section 4
constexpr std::size_t kMaxAuthParameter = 500;  // RFC 4954 section 3

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

tl::expected<void, Reply> set_ret(MailParameters& parameters, const Parameter& parameter) {
  if (parameters.ret != DsnReturn::unset) return refuse(501, "5.5.4 RET was given twice");
  if (parameter.value && ascii::equal_fold(*parameter.value, "FULL")) {
    parameters.ret = DsnReturn::full;
  } else if (parameter.value && ascii::equal_fold(*parameter.value, "HDRS")) {
    parameters.ret = DsnReturn::headers;
  } else {
    return refuse(501, "5.5.4 RET is FULL or HDRS");
  }
  return {};
}

tl::expected<void, Reply> set_envid(MailParameters& parameters, const Parameter& parameter) {
  if (!parameters.envid.empty()) return refuse(501, "5.5.4 ENVID was given twice");
  if (!parameter.value) return refuse(501, "5.5.4 ENVID takes a text");
  std::optional<std::string> envid = decode_xtext(*parameter.value);
  if (!envid) return refuse(501, "5.5.4 ENVID is not xtext of printable characters");
  if (envid->size() > kMaxEnvid) return refuse(501, "5.5.4 ENVID is over 100 characters");
  parameters.envid = std::move(*envid);
  return {};
}

// RFC 4954 section 5. Who a client says the author is counts for nothing here; it must be readable.
tl::expected<void, Reply> set_auth(MailParameters& parameters, const Parameter& parameter) {
  if (parameters.auth) return refuse(501, "5.5.4 AUTH was given twice");
  if (!parameter.value) return refuse(501, "5.5.4 AUTH takes <> or a mailbox in xtext");
  if (*parameter.value == "<>") {
    parameters.auth.emplace();
    return {};
  }
  parameters.auth = decode_xtext(*parameter.value);
  if (!parameters.auth || parameters.auth->size() > kMaxAuthParameter)
    return refuse(501, "5.5.4 AUTH takes <> or a mailbox in xtext");
  return {};
}

tl::expected<void, Reply> set_notify(RcptParameters& parameters, const Parameter& parameter) {
  if (parameters.notify != 0) return refuse(501, "5.5.4 NOTIFY was given twice");
  const auto notify = parameter.value ? parse_notify(*parameter.value) : std::nullopt;
  if (!notify) return refuse(501, "5.5.4 NOTIFY is NEVER or a list of SUCCESS, FAILURE, DELAY");
  parameters.notify = *notify;
  return {};
}

tl::expected<void, Reply> set_orcpt(RcptParameters& parameters, const Parameter& parameter) {
  if (!parameters.orcpt.empty()) return refuse(501, "5.5.4 ORCPT was given twice");
  if (!parameter.value || !is_orcpt(*parameter.value))
    return refuse(501, "5.5.4 ORCPT is a type, a semicolon and an address in xtext");
  parameters.orcpt = *parameter.value;
  return {};
}

template <class Parameters>
struct Keyword {
  std::string_view name;
  tl::expected<void, Reply> (*set)(Parameters& parameters, const Parameter& parameter);
};
constexpr Keyword<MailParameters> kMailKeywords[] = {
    {"SIZE", set_size},   {"BODY", set_body}, {"RET", set_ret},
    {"ENVID", set_envid}, {"AUTH", set_auth},
};
constexpr Keyword<RcptParameters> kRcptKeywords[] = {
    {"NOTIFY", set_notify},
    {"ORCPT", set_orcpt},
};

template <class Parameters, std::size_t N>
tl::expected<Parameters, Reply> parse(std::string_view text,
                                      const Keyword<Parameters> (&keywords)[N]) {
  Parameters parameters;
  while (true) {
    auto parameter = take_parameter(text);
    if (!parameter) return tl::unexpected(std::move(parameter.error()));
    if (!*parameter) return parameters;
    const auto* known =
        std::find_if(std::begin(keywords), std::end(keywords), [&](const auto& keyword) {
          return ascii::equal_fold((*parameter)->keyword, keyword.name);
        });
    if (known == std::end(keywords)) return unknown(**parameter);
    if (auto set = known->set(parameters, **parameter); !set)
      return tl::unexpected(std::move(set.error()));
  }
}

}  // namespace

tl::expected<MailParameters, Reply> parse_mail_parameters(std::string_view text) {
  return parse(text, kMailKeywords);
}

tl::expected<RcptParameters, Reply> parse_rcpt_parameters(std::string_view text) {
  return parse(text, kRcptKeywords);
}

}  // namespace toast::smtp
