#include "vdomain/model_json.h"

#include <nlohmann/json.hpp>

namespace toast::vdomain {

namespace {

using nlohmann::ordered_json;

template <class T>
ordered_json or_null(const std::optional<T>& value) {
  if (!value) return nullptr;
  return *value;
}

ordered_json or_null(const std::optional<Address>& address) {
  if (!address) return nullptr;
  return address->str();
}

ordered_json or_null(const std::optional<ReplyText>& text) {
  if (!text) return nullptr;
  return text->str();
}

ordered_json or_null(const std::optional<NextHop>& server) {
  if (!server) return nullptr;
  return server->lmtp_server();
}

ordered_json or_null(const std::optional<WallTime>& time) {
  if (!time) return nullptr;
  return unix_seconds(*time);
}

// Names may hold bytes that are not UTF-8; the record keeps what can be shown.
std::string print(const ordered_json& object) {
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

std::string to_json(const HostedDomain& d) {
  return print({
      {"domain", d.name.str()},
      {"incoming_suspended", or_null(d.incoming_suspended)},
      {"outgoing_suspended", or_null(d.outgoing_suspended)},
      {"login_suspended", or_null(d.login_suspended)},
      {"catch_all", std::string(catch_all_name(d.catch_all.kind))},
      {"catch_all_target", or_null(d.catch_all.target)},
      {"catch_all_text", or_null(d.catch_all.text)},
      {"sub_addressing", sub_addressing_name(d.sub_addressing)},
      {"default_quota_bytes", d.default_quota.bytes},
      {"default_quota_messages", d.default_quota.messages},
      {"quota_bytes", d.quota.bytes},
      {"quota_messages", d.quota.messages},
      {"max_mailboxes", or_null(d.limits.mailboxes)},
      {"max_aliases", or_null(d.limits.aliases)},
      {"max_lists", or_null(d.limits.lists)},
      {"max_messages_per_hour", or_null(d.limits.messages_per_hour)},
      {"max_messages_per_day", or_null(d.limits.messages_per_day)},
      {"max_disk_bytes", or_null(d.limits.disk_bytes)},
      {"max_disk_messages", or_null(d.limits.disk_messages)},
      {"owner", or_null(d.owner)},
      {"lmtp", or_null(d.lmtp)},
  });
}

std::string to_json(const DomainAlias& a) {
  return print({{"domain", a.name.str()}, {"target", a.target.str()}});
}

std::string to_json(const Mailbox& m) {
  return print({
      {"address", m.address.str()},
      {"name", m.display_name},
      {"quota_bytes", m.quota.bytes},
      {"quota_messages", m.quota.messages},
      {"pop3", m.services.pop3},
      {"imap", m.services.imap},
      {"smtp", m.services.smtp},
      {"receive", m.services.receive},
      {"maildir", m.maildir},
  });
}

std::string to_json(const DomainOwner& o) {
  return print({
      {"owner", o.name},
      {"max_domains", or_null(o.limits.domains)},
      {"max_mailboxes", or_null(o.limits.mailboxes)},
      {"max_aliases", or_null(o.limits.aliases)},
      {"max_lists", or_null(o.limits.lists)},
      {"max_disk_bytes", or_null(o.limits.disk_bytes)},
      {"max_disk_messages", or_null(o.limits.disk_messages)},
      {"max_messages_per_hour", or_null(o.limits.messages_per_hour)},
      {"max_messages_per_day", or_null(o.limits.messages_per_day)},
  });
}

std::string to_json(const Vacation& v) {
  return print({
      {"mailbox", v.mailbox.str()},
      {"subject", v.subject},
      {"text", v.text},
      {"begins", or_null(v.begins)},
      {"ends", or_null(v.ends)},
      {"days", v.days},
      {"only_if_named", v.only_if_named},
  });
}

std::string to_json(const Alias& a) {
  ordered_json targets = ordered_json::array();
  for (const Address& target : a.targets) targets.push_back(target.str());
  return print({{"address", a.address.str()}, {"targets", targets}, {"keep_copy", a.keep_copy}});
}

}  // namespace toast::vdomain
