#include "vdomain/model.h"

#include "mta/message/ascii.h"

namespace toast::vdomain {

Address canonical(const Address& address) {
  // Folding the case of a valid local part leaves it valid.
  return Address::from_parts(ascii::lower(address.local_part()), address.domain()).value();
}

std::string_view catch_all_name(CatchAll::Kind kind) {
  switch (kind) {
    case CatchAll::Kind::refuse:
      return "refuse";
    case CatchAll::Kind::discard:
      return "discard";
    case CatchAll::Kind::mailbox:
      return "mailbox";
    case CatchAll::Kind::forward:
      return "forward";
  }
  return "refuse";
}

std::optional<CatchAll::Kind> parse_catch_all(std::string_view name) {
  using Kind = CatchAll::Kind;
  for (const Kind kind : {Kind::refuse, Kind::discard, Kind::mailbox, Kind::forward})
    if (catch_all_name(kind) == name) return kind;
  return std::nullopt;
}

Quota effective_quota(const Mailbox& mailbox, const HostedDomain& domain) {
  const auto of = [](std::uint64_t own, std::uint64_t shared) { return own != 0 ? own : shared; };
  return {of(mailbox.quota.bytes, domain.quota.bytes),
          of(mailbox.quota.messages, domain.quota.messages)};
}

std::string sub_addressing_name(SubAddressing separators) {
  std::string name;
  if (separators.plus) name += '+';
  if (separators.dash) name += '-';
  return name;
}

std::optional<SubAddressing> parse_sub_addressing(std::string_view separators) {
  SubAddressing found{.plus = false, .dash = false};
  for (const char c : separators) {
    bool* seen = c == '+' ? &found.plus : c == '-' ? &found.dash : nullptr;
    if (seen == nullptr || *seen) return std::nullopt;
    *seen = true;
  }
  return found;
}

std::string directory_name(std::string_view local_part) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string name;
  for (const char c : local_part) {
    const bool plain = (c >= 'a' && c <= 'z') || ascii::is_digit(c) || c == '_' || c == '-' ||
                       c == '+' || c == '=' || (c == '.' && !name.empty());
    if (plain) {
      name += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    name += '%';
    name += kHex[byte >> 4U];
    name += kHex[byte & 15U];
  }
  return name;
}

std::string domain_directory(const Domain& domain) { return domain.str(); }

std::string maildir_path(const Address& canonical) {
  return domain_directory(canonical.domain()) + "/" + directory_name(canonical.local_part()) +
         "/Maildir";
}

}  // namespace toast::vdomain
