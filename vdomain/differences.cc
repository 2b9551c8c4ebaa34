#include "vdomain/differences.h"

#include <fmt/format.h>

namespace toast::vdomain {
namespace {

class Differences {
 public:
  void compare(std::string_view what, const std::string& is, const std::string& asked) {
    if (is == asked) return;
    if (!text_.empty()) text_ += "; ";
    text_ += fmt::format("{} is {}, not {}", what, is, asked);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string quoted(const std::string& text) { return '"' + text + '"'; }
std::string switched(bool on) { return on ? "on" : "off"; }
std::string reason(const std::optional<std::string>& suspended) {
  return suspended ? quoted(*suspended) : "none";
}
std::string limit(const std::optional<std::uint64_t>& most) {
  return most ? std::to_string(*most) : "unlimited";
}
std::string quota(const Quota& q) {
  std::string text = q.bytes == 0 ? "unlimited" : fmt::format("{} bytes", q.bytes);
  if (q.messages != 0) text += fmt::format(" and {} messages", q.messages);
  return text;
}
std::string catch_all(const CatchAll& c) {
  const std::string what = c.target ? c.target->str() : std::string(catch_all_name(c.kind));
  return c.text ? what + ":" + c.text->str() : what;
}
std::string send_limit(const std::optional<std::uint64_t>& most) {
  return !most ? "as the settings say" : *most == 0 ? "unlimited" : std::to_string(*most);
}
std::string server(const std::optional<NextHop>& lmtp) {
  return lmtp ? lmtp->lmtp_server() : "off";
}
std::string targets(const Alias& alias) {
  std::string text;
  for (const Address& target : alias.targets) text += (text.empty() ? "" : " ") + target.str();
  return text;
}

}  // namespace

std::string differences(const HostedDomain& present, const HostedDomain& wanted) {
  Differences d;
  d.compare("catch-all", catch_all(present.catch_all), catch_all(wanted.catch_all));
  d.compare("default quota", quota(present.default_quota), quota(wanted.default_quota));
  d.compare("quota", quota(present.quota), quota(wanted.quota));
  d.compare("sub-addressing", quoted(sub_addressing_name(present.sub_addressing)),
            quoted(sub_addressing_name(wanted.sub_addressing)));
  const DomainLimits& is = present.limits;
  const DomainLimits& asked = wanted.limits;
  d.compare("most mailboxes", limit(is.mailboxes), limit(asked.mailboxes));
  d.compare("most aliases", limit(is.aliases), limit(asked.aliases));
  d.compare("most lists", limit(is.lists), limit(asked.lists));
  d.compare("most messages an hour", send_limit(is.messages_per_hour),
            send_limit(asked.messages_per_hour));
  d.compare("most messages a day", send_limit(is.messages_per_day),
            send_limit(asked.messages_per_day));
  d.compare("most bytes of quotas", limit(is.disk_bytes), limit(asked.disk_bytes));
  d.compare("most messages of quotas", limit(is.disk_messages), limit(asked.disk_messages));
  d.compare("owner", present.owner.value_or("none"), wanted.owner.value_or("none"));
  d.compare("LMTP server", server(present.lmtp), server(wanted.lmtp));
  d.compare("incoming suspension", reason(present.incoming_suspended),
            reason(wanted.incoming_suspended));
  d.compare("outgoing suspension", reason(present.outgoing_suspended),
            reason(wanted.outgoing_suspended));
  d.compare("login suspension", reason(present.login_suspended), reason(wanted.login_suspended));
  return d.take();
}

std::string differences(const DomainOwner& present, const DomainOwner& wanted) {
  Differences d;
  const OwnerLimits& is = present.limits;
  const OwnerLimits& asked = wanted.limits;
  d.compare("most domains", limit(is.domains), limit(asked.domains));
  d.compare("most mailboxes", limit(is.mailboxes), limit(asked.mailboxes));
  d.compare("most aliases", limit(is.aliases), limit(asked.aliases));
  d.compare("most lists", limit(is.lists), limit(asked.lists));
  d.compare("most bytes of quotas", limit(is.disk_bytes), limit(asked.disk_bytes));
  d.compare("most messages of quotas", limit(is.disk_messages), limit(asked.disk_messages));
  d.compare("most messages an hour", send_limit(is.messages_per_hour),
            send_limit(asked.messages_per_hour));
  d.compare("most messages a day", send_limit(is.messages_per_day),
            send_limit(asked.messages_per_day));
  return d.take();
}

std::string differences(const Mailbox& present, const NewMailbox& wanted) {
  Differences d;
  d.compare("name", quoted(present.display_name), quoted(wanted.display_name));
  if (wanted.quota) d.compare("quota", quota(present.quota), quota(*wanted.quota));
  const ServiceSwitches& is = present.services;
  const ServiceSwitches& asked = wanted.services;
  d.compare("pop3", switched(is.pop3), switched(asked.pop3));
  d.compare("imap", switched(is.imap), switched(asked.imap));
  d.compare("smtp", switched(is.smtp), switched(asked.smtp));
  d.compare("receive", switched(is.receive), switched(asked.receive));
  return d.take();
}

std::string differences(const Alias& present, const Alias& wanted) {
  Differences d;
  d.compare("the list of targets", targets(present), targets(wanted));
  d.compare("keep-copy", switched(present.keep_copy), switched(wanted.keep_copy));
  return d.take();
}

}  // namespace toast::vdomain
