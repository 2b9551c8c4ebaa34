#include "vdomain/directory_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "mta/message/ascii.h"

namespace toast::vdomain::rules {

namespace {

// Counters are stored as signed 64-bit numbers.
constexpr std::uint64_t kMaxCount = std::numeric_limits<std::int64_t>::max();

// RFC 3629, as far as it keeps a reader of bytes in step: no stray and no missing continuation.
bool is_utf8(std::string_view text) {
  std::size_t wanted = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) == 0x80U) {
      if (wanted == 0) return false;
      --wanted;
      continue;
    }
    if (wanted != 0 || byte == 0xC0 || byte == 0xC1 || byte > 0xF4) return false;
    wanted = byte < 0x80 ? 0 : byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  }
  return wanted == 0;
}

std::optional<std::string> wrong_with_quota(const Quota& quota) {
  if (quota.bytes <= kMaxCount && quota.messages <= kMaxCount) return std::nullopt;
  return "quota: too large; 0 means no limit";
}

std::optional<std::string> wrong_with_reason(std::string_view which,
                                             const std::optional<std::string>& reason) {
  if (!reason) return std::nullopt;
  if (reason->empty())
    return fmt::format("{}: a suspension needs a reason, which people will read", which);
  if (reason->size() > kMaxSuspensionReason)
    return fmt::format("{}: the reason is longer than {} bytes", which, kMaxSuspensionReason);
  if (!std::all_of(reason->begin(), reason->end(), ascii::is_printable))
    return fmt::format("{}: the reason goes into SMTP replies: printable ASCII only", which);
  return std::nullopt;
}

std::optional<std::string> wrong_with_limits(const DomainLimits& limits) {
  for (const auto& limit : {limits.mailboxes, limits.aliases, limits.lists, limits.messages_per_day,
                            limits.disk_bytes, limits.disk_messages, limits.messages_per_hour})
    if (limit && *limit > kMaxCount) return "limit: too large; leave it out for no limit";
  return std::nullopt;
}

std::optional<std::string> wrong_with_catch_all(const HostedDomain& domain) {
  const CatchAll& catch_all = domain.catch_all;
  const bool wants_target =
      catch_all.kind == CatchAll::Kind::mailbox || catch_all.kind == CatchAll::Kind::forward;
  if (wants_target && !catch_all.target)
    return fmt::format("catch-all {}: needs an address", catch_all_name(catch_all.kind));
  if (!wants_target && catch_all.target)
    return fmt::format("catch-all {}: takes no address", catch_all_name(catch_all.kind));
  if (wants_target && catch_all.text)
    return fmt::format("catch-all {}: takes no text; refuse and discard do",
                       catch_all_name(catch_all.kind));
  if (catch_all.kind == CatchAll::Kind::mailbox && catch_all.target->domain() != domain.name)
    return fmt::format("catch-all mailbox {}: must be in {}; use forward for other domains",
                       catch_all.target->str(), domain.name.str());
  return std::nullopt;
}

}  // namespace

std::optional<std::string> wrong_with_name(const Domain& name) {
  if (name.is_literal())
    return fmt::format("{}: mail can be hosted for domain names, not for addresses of machines",
                       name.str());
  return std::nullopt;
}

std::optional<std::string> wrong_with(const HostedDomain& domain) {
  if (auto wrong = wrong_with_name(domain.name)) return wrong;
  if (auto wrong = wrong_with_reason("incoming", domain.incoming_suspended)) return wrong;
  if (auto wrong = wrong_with_reason("outgoing", domain.outgoing_suspended)) return wrong;
  if (auto wrong = wrong_with_reason("login", domain.login_suspended)) return wrong;
  if (auto wrong = wrong_with_quota(domain.default_quota)) return wrong;
  if (auto wrong = wrong_with_quota(domain.quota)) return wrong;
  if (auto wrong = wrong_with_limits(domain.limits)) return wrong;
  if (domain.lmtp && domain.lmtp->kind != NextHop::Kind::lmtp)
    return fmt::format("{}: mailboxes can be served by an LMTP server only", domain.lmtp->str());
  if (domain.lmtp && domain.quota.limited())
    return fmt::format(
        "{}: its mailboxes are served by another server over LMTP, which measures "
        "them; no quota of the domain holds here",
        domain.name.str());
  return wrong_with_catch_all(domain);
}

std::optional<std::string> wrong_with(const DomainOwner& owner) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || ascii::is_digit(c) ||
           std::string_view("._-@+").find(c) != std::string_view::npos;
  };
  if (owner.name.empty() || owner.name.size() > kMaxOwnerName ||
      !std::all_of(owner.name.begin(), owner.name.end(), fits) || owner.name == "none")
    return fmt::format("owner \"{}\": a name is 1 to {} of a-z 0-9 . _ - @ +, and not none",
                       owner.name, kMaxOwnerName);
  const OwnerLimits& l = owner.limits;
  for (const auto& limit : {l.domains, l.mailboxes, l.aliases, l.lists, l.disk_bytes,
                            l.disk_messages, l.messages_per_hour, l.messages_per_day})
    if (limit && *limit > kMaxCount) return "limit: too large; leave it out for no limit";
  return std::nullopt;
}

std::optional<std::string> wrong_with(const Vacation& vacation) {
  const auto is_bad = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const auto is_bad_in_text = [&](char c) { return is_bad(c) && c != '\n' && c != '\t'; };
  if (vacation.text.empty()) return "vacation: the text is empty";
  if (vacation.text.size() > kMaxVacationText)
    return fmt::format("vacation: the text is longer than {} bytes", kMaxVacationText);
  if (vacation.subject.size() > kMaxVacationSubject)
    return fmt::format("vacation: the subject is longer than {} bytes", kMaxVacationSubject);
  if (std::any_of(vacation.subject.begin(), vacation.subject.end(), is_bad))
    return "vacation: the subject is one line without control characters";
  if (std::any_of(vacation.text.begin(), vacation.text.end(), is_bad_in_text))
    return "vacation: control characters are not allowed in the text";
  if (!is_utf8(vacation.subject) || !is_utf8(vacation.text))
    return "vacation: subject and text are UTF-8";
  if (vacation.days < 1 || vacation.days > kMaxVacationDays)
    return fmt::format("vacation: 1 to {} days between two answers to one sender",
                       kMaxVacationDays);
  if (vacation.begins && vacation.ends && *vacation.ends <= *vacation.begins)
    return "vacation: it ends before it begins";
  return std::nullopt;
}

std::optional<std::string> wrong_with_local_part(const Address& address) {
  if (address.local_part().empty())
    return fmt::format("{}: the part before the @ is empty", address.str());
  if (address.local_part().size() > kMaxLocalPart)
    return fmt::format("{}: more than {} characters before the @, which other servers may refuse",
                       address.str(), kMaxLocalPart);
  if (!std::all_of(address.local_part().begin(), address.local_part().end(), ascii::is_printable))
    return fmt::format("{}: control characters and non-ASCII bytes cannot be part of a name here",
                       address.str());
  return std::nullopt;
}

std::optional<std::string> wrong_with_mailbox(const Address& address,
                                              const std::string& display_name, const Quota& quota) {
  if (auto wrong = wrong_with_local_part(address)) return wrong;
  if (display_name.size() > kMaxDisplayName)
    return fmt::format("name: longer than {} bytes", kMaxDisplayName);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(display_name.begin(), display_name.end(), is_control))
    return "name: control characters are not allowed";
  return wrong_with_quota(quota);
}

std::optional<std::string> wrong_with(const Alias& alias) {
  if (auto wrong = wrong_with_local_part(alias.address)) return wrong;
  if (alias.targets.empty())
    return fmt::format("alias {}: needs at least one target", alias.address.str());
  if (alias.targets.size() > kMaxAliasTargets)
    return fmt::format("alias {}: more than {} targets; a mailing list is made for that",
                       alias.address.str(), kMaxAliasTargets);
  std::set<Address> seen;
  for (const Address& target : alias.targets)
    if (!seen.insert(target).second)
      return fmt::format("alias {}: target {} is named twice", alias.address.str(), target.str());
  return std::nullopt;
}

}  // namespace toast::vdomain::rules
