#include "mta/queue/selector.h"

#include <algorithm>
#include <cctype>

#include "vdomain/glob.h"

namespace toast::queue {
namespace {

std::string lower(std::string_view text) {
  std::string folded(text);
  std::ranges::transform(folded, folded.begin(), [](unsigned char c) { return std::tolower(c); });
  return folded;
}

bool fits(const std::string& pattern, std::string_view text) {
  return pattern.empty() || vdomain::glob_matches(lower(pattern), lower(text));
}

std::string_view domain_of(std::string_view address) {
  return address.substr(std::min(address.rfind('@') + 1, address.size()));
}

}  // namespace

Selector::Selector(const Selection& selection, const remote::Routes& routes, Moment now)
    : selection_(selection),
      routes_(routes),
      now_(now),
      ids_(selection.ids.begin(), selection.ids.end()),
      reason_(lower(selection.reason)) {}

bool Selector::message_matches(const QueuedMessage& message) const {
  if (message.open == 0) return false;
  if (!ids_.empty() && !ids_.contains(message.id)) return false;
  if (selection_.held_only && !message.hold) return false;
  const std::string sender = wire_reverse_path(message.envelope);
  if (selection_.sender == "<>" ? !sender.empty() : !fits(selection_.sender, sender)) return false;
  if (!fits(selection_.login, message.envelope.authenticated())) return false;
  const std::int64_t age = (now_ - message.birth()).count();
  if (age < selection_.min_age_seconds) return false;
  return selection_.max_age_seconds == 0 || age <= selection_.max_age_seconds;
}

bool Selector::recipient_matches(const QueuedMessage& message, std::uint32_t index) const {
  const QueuedRecipient& r = message.recipients[index];
  if (!r.is_open()) return false;
  const std::string_view address = message.recipient(index).address;
  if (!fits(selection_.recipient, address) || !fits(selection_.domain, domain_of(address)))
    return false;
  if (!reason_.empty() && (!r.past || lower(r.past->last_text).find(reason_) == std::string::npos))
    return false;
  if (selection_.destination.empty()) return true;
  Result<Domain> domain = Domain::parse_name_or_literal(domain_of(address));
  return domain && routes_.next_hop(*domain).str() == selection_.destination;
}

std::vector<std::uint32_t> Selector::choose(const QueuedMessage& message) const {
  std::vector<std::uint32_t> chosen;
  if (!message_matches(message)) return chosen;
  for (std::uint32_t i = 0; i < message.recipients.size(); ++i)
    if (recipient_matches(message, i)) chosen.push_back(i);
  return chosen;
}

bool Selector::any(const QueuedMessage& message) const {
  if (!message_matches(message)) return false;
  for (std::uint32_t i = 0; i < message.recipients.size(); ++i)
    if (recipient_matches(message, i)) return true;
  return false;
}

}  // namespace toast::queue
