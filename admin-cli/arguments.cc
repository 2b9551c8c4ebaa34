#include "admin-cli/arguments.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace toast::admin {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};
// Powers of 1024 throughout, as quotas of mail servers have always meant.
constexpr std::array<Unit, 13> kUnits{{{"", 1},
                                       {"b", 1},
                                       {"k", 1ULL << 10U},
                                       {"kb", 1ULL << 10U},
                                       {"kib", 1ULL << 10U},
                                       {"m", 1ULL << 20U},
                                       {"mb", 1ULL << 20U},
                                       {"mib", 1ULL << 20U},
                                       {"g", 1ULL << 30U},
                                       {"gb", 1ULL << 30U},
                                       {"gib", 1ULL << 30U},
                                       {"t", 1ULL << 40U},
                                       {"tib", 1ULL << 40U}}};
constexpr double kMaxSize = 9e15;  // exact in a double, and more than any disk

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string without_status(const std::string& reply) {
  const std::size_t space = reply.find(' ');  // "5.1.3 ...": the text after the enhanced status
  return space == std::string::npos ? reply : reply.substr(space + 1);
}

}  // namespace

Wanted<Address> parse_address(const std::string& text) {
  Result<Address> address = Address::parse(text);
  if (address) return std::move(*address);
  std::string hint;
  if (text.find('@') == std::string::npos)
    hint = "give the whole address: " + text + "@example.org";
  return fail(Exit::invalid, "bad_address",
              "not a mail address: " + without_status(address.error().reply), text,
              std::move(hint));
}

Wanted<Domain> parse_domain(const std::string& text) {
  Result<Domain> domain = Domain::parse(text);
  if (domain) return std::move(*domain);
  std::string hint;
  if (const std::size_t at = text.find('@'); at != std::string::npos)
    hint = "did you mean " + text.substr(at + 1) + "?";
  return fail(Exit::invalid, "bad_domain",
              "not a domain name: " + without_status(domain.error().reply), text, std::move(hint));
}

Wanted<std::uint64_t> parse_size(const std::string& text, const std::string& option) {
  const auto refuse = [&] {
    return fail(Exit::invalid, "bad_size", fmt::format("{}: {} is no size", option, text), text,
                "like 500M, 1G, 1.5G, 1073741824 (bytes), or unlimited");
  };
  if (lower(text) == "unlimited") return 0U;
  const std::size_t digits = text.find_first_not_of("0123456789.");
  const std::string number = text.substr(0, digits);
  const std::string unit = digits == std::string::npos ? "" : lower(text.substr(digits));
  if (number.empty() || number.size() > 20 || number.front() == '.' || number.back() == '.' ||
      number.find('.') != number.rfind('.'))
    return refuse();
  for (const Unit& known : kUnits) {
    if (known.name != unit) continue;
    const double bytes = std::stod(number) * static_cast<double>(known.bytes);
    if (bytes > kMaxSize || (known.bytes == 1 && number.find('.') != std::string::npos))
      return refuse();
    if (bytes < 1)
      return fail(Exit::invalid, "bad_size", option + ": 0 leaves room for nothing", text,
                  "write unlimited to have no limit");
    return static_cast<std::uint64_t>(std::llround(bytes));
  }
  return refuse();
}

Wanted<std::optional<std::uint64_t>> parse_limit(const std::string& text,
                                                 const std::string& option) {
  if (lower(text) == "unlimited") return std::nullopt;
  const bool digits = !text.empty() && text.size() <= 12 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  if (digits) return std::stoull(text);
  return fail(Exit::invalid, "bad_number", fmt::format("{}: {} is no number", option, text), text,
              "a whole number, or unlimited");
}

Wanted<std::optional<std::uint64_t>> parse_send_limit(const std::string& text,
                                                      const std::string& option) {
  if (lower(text) == "default") return std::nullopt;
  Wanted<std::optional<std::uint64_t>> limit = parse_limit(text, option);
  if (!limit) {
    limit.error().hint = "a whole number, unlimited, or default: as the settings say";
    return limit;
  }
  if (*limit && **limit == 0)
    return fail(Exit::invalid, "bad_number", option + ": 0 would let nothing through", text,
                "toastctl domain set DOMAIN --suspend outgoing stops a domain's mail");
  return limit->value_or(0);
}

Wanted<std::chrono::seconds> parse_age(const std::string& text, const std::string& option) {
  constexpr std::pair<std::string_view, int> kAgeUnits[] = {
      {"", 1}, {"s", 1}, {"m", 60}, {"h", 3'600}, {"d", 86'400}, {"w", 7 * 86'400}};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  for (const auto& [name, seconds] : kAgeUnits)
    if (digits > 0 && digits <= 9 && text.substr(digits) == name)
      return std::chrono::seconds(std::stoll(text.substr(0, digits)) * seconds);
  return fail(Exit::invalid, "bad_time", fmt::format("{}: {} is no length of time", option, text),
              text, "like 90s, 15m, 4h, 2d or 1w");
}

Wanted<bool> parse_switch(const std::string& text, const std::string& option) {
  const std::string word = lower(text);
  for (const char* on : {"on", "yes", "true", "1"})
    if (word == on) return true;
  for (const char* off : {"off", "no", "false", "0"})
    if (word == off) return false;
  return fail(Exit::invalid, "bad_switch",
              fmt::format("{}: {} is neither on nor off", option, text), text,
              "write " + option + "=on or " + option + "=off");
}

}  // namespace toast::admin
