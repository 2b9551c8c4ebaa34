#include "admin-cli/domain_settings.h"

#include <tuple>

#include "admin-cli/arguments.h"

namespace toast::admin {

using vdomain::CatchAll;
using vdomain::HostedDomain;

namespace {

// "refuse" or "discard", each with ":TEXT" if wished; or an address: of this domain a mailbox, of
// another a forward.
Wanted<CatchAll> parse_catch_all_option(const std::string& text, const Domain& domain) {
  const std::size_t colon = text.find(':');
  const auto kind = vdomain::parse_catch_all(text.substr(0, colon));
  if (kind == CatchAll::Kind::refuse || kind == CatchAll::Kind::discard) {
    CatchAll catch_all{*kind, std::nullopt};
    if (colon == std::string::npos) return catch_all;
    Result<vdomain::ReplyText> words = vdomain::ReplyText::parse(text.substr(colon + 1));
    if (!words)
      return fail(Exit::invalid, "bad_catch_all", "--catch-all: " + words.error().detail, text,
                  text.substr(0, colon) + ", or " + text.substr(0, colon) + ":TEXT");
    catch_all.text = std::move(*words);
    return catch_all;
  }
  if (text.find('@') == std::string::npos)
    return fail(Exit::invalid, "bad_catch_all", "--catch-all: " + text + " is not understood", text,
                "refuse, discard, one of them with :TEXT, or an address that gets the mail");
  Wanted<Address> target = parse_address(text);
  if (!target) return tl::unexpected(std::move(target.error()));
  const bool own = target->domain() == domain;
  return CatchAll{own ? CatchAll::Kind::mailbox : CatchAll::Kind::forward, std::move(*target)};
}

// "/run/dovecot/lmtp", "host.test:24", or "off": their Maildirs.
Wanted<std::optional<NextHop>> parse_lmtp_option(const std::string& text) {
  if (text == "off") return std::nullopt;
  Result<NextHop> server = NextHop::parse_lmtp(text);
  if (!server)
    return fail(Exit::invalid, "bad_lmtp", "--lmtp: " + server.error().detail, text,
                "/run/dovecot/lmtp, host.example:24, [192.0.2.1]:24 or off");
  return std::optional<NextHop>(std::move(*server));
}

}  // namespace

bool DomainSettings::any() const {
  for (const auto& setting :
       {catch_all_, default_quota_, default_quota_messages_, sub_addressing_, lmtp_, max_mailboxes_,
        max_aliases_, max_lists_, max_disk_, max_disk_messages_, owner_, quota_, quota_messages_,
        max_messages_per_hour_, max_messages_per_day_})
    if (setting) return true;
  return !suspend_.empty() || !resume_.empty();
}

tl::expected<void, Failure> DomainSettings::apply_suspensions(HostedDomain& domain) const {
  const auto place = [&](const std::string& what) -> std::optional<std::string>* {
    if (what == "incoming") return &domain.incoming_suspended;
    if (what == "outgoing") return &domain.outgoing_suspended;
    if (what == "login") return &domain.login_suspended;
    return nullptr;
  };
  for (const bool suspend : {false, true}) {
    for (const std::string& what : suspend ? suspend_ : resume_) {
      std::optional<std::string>* reason = place(what);
      if (reason == nullptr)
        return fail(Exit::invalid, "bad_suspension", "cannot suspend " + what, what,
                    "incoming, outgoing or login");
      *reason = suspend ? std::optional(reason_) : std::nullopt;
    }
  }
  return {};
}

tl::expected<void, Failure> DomainSettings::apply_to(HostedDomain& domain) const {
  if (catch_all_) {
    Wanted<CatchAll> catch_all = parse_catch_all_option(*catch_all_, domain.name);
    if (!catch_all) return tl::unexpected(std::move(catch_all.error()));
    domain.catch_all = std::move(*catch_all);
  }
  if (default_quota_) {
    const Wanted<std::uint64_t> bytes = parse_size(*default_quota_, "--default-quota");
    if (!bytes) return tl::unexpected(bytes.error());
    domain.default_quota.bytes = *bytes;
  }
  if (default_quota_messages_) {
    const auto count = parse_limit(*default_quota_messages_, "--default-quota-messages");
    if (!count) return tl::unexpected(count.error());
    domain.default_quota.messages = count->value_or(0);
  }
  if (quota_) {
    const Wanted<std::uint64_t> bytes = parse_size(*quota_, "--quota");
    if (!bytes) return tl::unexpected(bytes.error());
    domain.quota.bytes = *bytes;
  }
  if (quota_messages_) {
    const auto count = parse_limit(*quota_messages_, "--quota-messages");
    if (!count) return tl::unexpected(count.error());
    domain.quota.messages = count->value_or(0);
  }
  for (const auto& [text, option, limit] :
       {std::tuple(&max_messages_per_hour_, "--max-messages-per-hour",
                   &domain.limits.messages_per_hour),
        std::tuple(&max_messages_per_day_, "--max-messages-per-day",
                   &domain.limits.messages_per_day)}) {
    if (!*text) continue;
    const auto parsed = parse_send_limit(**text, option);
    if (!parsed) return tl::unexpected(parsed.error());
    *limit = *parsed;
  }
  if (max_disk_) {
    const Wanted<std::uint64_t> bytes = parse_size(*max_disk_, "--max-disk");
    if (!bytes) return tl::unexpected(bytes.error());
    domain.limits.disk_bytes = *bytes == 0 ? std::nullopt : std::optional(*bytes);
  }
  if (owner_) domain.owner = *owner_ == "none" ? std::nullopt : std::optional(*owner_);
  if (sub_addressing_) {
    const bool none = *sub_addressing_ == "none";
    const auto parsed = vdomain::parse_sub_addressing(none ? "" : *sub_addressing_);
    if (!parsed)
      return fail(Exit::invalid, "bad_sub_addressing",
                  "--sub-addressing: " + *sub_addressing_ + " is not understood", *sub_addressing_,
                  "+, -, +- or none");
    domain.sub_addressing = *parsed;
  }
  if (lmtp_) {
    Wanted<std::optional<NextHop>> server = parse_lmtp_option(*lmtp_);
    if (!server) return tl::unexpected(std::move(server.error()));
    domain.lmtp = std::move(*server);
  }
  for (const auto& [text, option, limit] :
       {std::tuple(&max_mailboxes_, "--max-mailboxes", &domain.limits.mailboxes),
        std::tuple(&max_aliases_, "--max-aliases", &domain.limits.aliases),
        std::tuple(&max_lists_, "--max-lists", &domain.limits.lists),
        std::tuple(&max_disk_messages_, "--max-disk-messages", &domain.limits.disk_messages)}) {
    if (!*text) continue;
    const auto parsed = parse_limit(**text, option);
    if (!parsed) return tl::unexpected(parsed.error());
    *limit = *parsed;
  }
  return apply_suspensions(domain);
}

void DomainSettings::add_to(CLI::App& command) {
  command
      .add_option("--catch-all", catch_all_,
                  "Mail to unknown names: refuse[:TEXT for senders], discard[:REASON], or the "
                  "ADDRESS that gets it")
      ->type_name("WHAT");
  command
      .add_option("--default-quota", default_quota_,
                  "Quota of mailboxes added without one: 1G, 500M, unlimited")
      ->type_name("SIZE");
  command
      .add_option("--default-quota-messages", default_quota_messages_,
                  "The same in messages: a number, or unlimited")
      ->type_name("N");
  command.add_option("--quota", quota_, "What its mailboxes may use together: 100G, or unlimited")
      ->type_name("SIZE");
  command
      .add_option("--quota-messages", quota_messages_,
                  "The same in messages: a number, or unlimited")
      ->type_name("N");
  command.add_option("--owner", owner_, "Who has it, with limits of their own, or none")
      ->type_name("NAME");
  command
      .add_option("--sub-addressing", sub_addressing_, "Separators of ann+news@: +, -, +- or none")
      ->type_name("CHARS");
  command
      .add_option("--lmtp", lmtp_,
                  "Who serves its mailboxes: a socket, HOST:PORT, or off for Maildirs here")
      ->type_name("SERVER");
  command.add_option("--max-mailboxes", max_mailboxes_, "Limit, or unlimited")->type_name("N");
  command.add_option("--max-aliases", max_aliases_, "Limit, or unlimited")->type_name("N");
  command.add_option("--max-lists", max_lists_, "Limit, or unlimited")->type_name("N");
  command
      .add_option("--max-disk", max_disk_,
                  "Limit on the quotas of its mailboxes together, or unlimited")
      ->type_name("SIZE");
  command
      .add_option("--max-disk-messages", max_disk_messages_,
                  "The same in messages: a number, or unlimited")
      ->type_name("N");
  command
      .add_option("--max-messages-per-hour", max_messages_per_hour_,
                  "Recipients at other hosts, in place of sendlimitdomainhour: a number, "
                  "unlimited, or default")
      ->type_name("N");
  command
      .add_option("--max-messages-per-day", max_messages_per_day_,
                  "The same in place of sendlimitdomainday")
      ->type_name("N");
  command.add_option("--suspend", suspend_, "Stop incoming, outgoing or login")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("WHAT");
  command.add_option("--resume", resume_, "Allow incoming, outgoing or login again")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("WHAT");
  command.add_option("--reason", reason_, "What people whose mail is refused read")
      ->type_name("TEXT");
}

}  // namespace toast::admin
