#include "mta/queue/limit_notice.h"

#include "mta/message/date.h"

namespace toast::queue {
namespace {

constexpr std::chrono::hours kBetweenNotices{24};

std::string notice_head(const std::string& subject, MessageId id, WallTime now,
                        const std::vector<Address>& to, const Options& options) {
  std::string text = "Date: " + format_date(now) + "\n";
  text += "From: " + options.bounce_from + "@" + options.host + "\nTo: ";
  for (const Address& address : to)
    text += (&address == &to.front() ? "" : ",\n  ") + address.str();
  text += "\nSubject: " + subject + "\n";
  text += "Message-ID: <" + id.str() + "@" + options.host + ">\n";
  text += "Auto-Submitted: auto-generated\n\n";
  return text;
}

}  // namespace

std::string suspension_notice_text(const std::string& login, std::string_view what, MessageId id,
                                   WallTime now, const std::vector<Address>& to,
                                   const Options& options) {
  std::string text = notice_head("Sending suspended: " + login, id, now, to, options);
  text += "login " + login + " may send nothing more, to nobody, until an administrator lets it:\n";
  text += std::string(what) + ".\n\n";
  text += "Its mail that waits here is held. It can still read its mail. Somebody who has its\n";
  text +=
      "password, or a program that has gone wild, does such a thing. To see what waits, and to\n";
  text += "throw it away:\n\n";
  text += "  toastctl queue list --login " + login + "\n";
  text += "  toastctl queue delete --login " + login + "\n\n";
  text += "To keep a thief out altogether, and then, with a new password, to let the owner in:\n\n";
  text += "  toastctl account lock " + login + "\n";
  text += "  toastctl mailbox passwd " + login + "\n";
  text += "  toastctl account unlock " + login + "\n\n";
  text += "To let it send again, what is held included:\n\n";
  text += "  toastctl account resume " + login + "\n\n";
  text += "The setting sendlimitsuspend says when this happens.\n";
  return text;
}

std::string limit_notice_text(const SendLimitOf& limit, std::string_view what, MessageId id,
                              WallTime now, const std::vector<Address>& to,
                              const Options& options) {
  const std::string name = limit.who.substr(limit.who.find(' ') + 1);
  std::string text = notice_head("Sending limit reached: " + limit.who, id, now, to, options);
  text += std::string(what) + " at other hosts,\nand has tried to send to more. ";
  text += "What is over the limit is put off with 450, until there is room again.\n\n";
  if (limit.who.starts_with("login ")) {
    text += "If this is not the user's own doing, somebody has the password:\n\n";
    text += "  toastctl account lock " + name + "\n\n";
    text += "keeps him out, ends his sessions, and holds what waits.\n\n";
  }
  text += "You hear of this once a day. The limits are the settings sendlimithour and its kin,\n";
  text += "or, of this domain or owner alone, --max-messages-per-day of toastctl domain set and\n";
  text += "toastctl owner set.\n";
  return text;
}

// Of a domain its postmaster, who always exists; of an owner he himself, where his name is an
// address; of this host whoever gets double bounces.
std::vector<Address> LimitNotices::readers(const std::string& who) const {
  std::vector<Address> to;
  const auto add = [&to](const std::string& text) {
    Result<Address> address = Address::parse(text);
    if (address && std::find(to.begin(), to.end(), *address) == to.end())
      to.push_back(std::move(*address));
  };
  if (who.starts_with("owner ")) {
    add(who.substr(who.find(' ') + 1));
  } else if (!who.starts_with("uid ")) {
    const std::string name = who.substr(who.find(' ') + 1);
    add("postmaster@" + name.substr(name.rfind('@') + 1));
  }
  add(options_.double_bounce_to);
  return to;
}

void LimitNotices::tell(const SendLimitOf& limit, const std::string& what) {
  const WallTime now = services_.clock.wall();
  const auto before = told_.find(limit.who);
  if (before != told_.end() && now - before->second < kBetweenNotices) return;
  if (told_.size() >= kMaxSenders) told_.clear();
  told_.insert_or_assign(limit.who, now);
  const std::vector<Address> to = readers(limit.who);
  if (to.empty()) return;
  SubmitBegin envelope;
  envelope.id = services_.ids.next();
  for (const Address& address : to) envelope.recipients.emplace_back(address);
  std::string text = limit_notice_text(limit, what, envelope.id, now, to, options_);
  spawn(services_.loop, submit(services_, std::move(envelope), std::move(text)));
}

void LimitNotices::tell_suspended(const std::string& login, const std::string& what) {
  const std::vector<Address> to = readers("login " + login);
  if (to.empty()) return;
  SubmitBegin envelope;
  envelope.id = services_.ids.next();
  for (const Address& address : to) envelope.recipients.emplace_back(address);
  std::string text =
      suspension_notice_text(login, what, envelope.id, services_.clock.wall(), to, options_);
  spawn(services_.loop, submit(services_, std::move(envelope), std::move(text)));
}

Task<> LimitNotices::submit(Services services, SubmitBegin envelope, std::string text) {
  std::shared_ptr<Intake::Submission> content = services.intake.open(envelope.id);
  Result<void> kept = co_await services.intake.close_local(std::move(content), std::move(envelope),
                                                           false, std::move(text));
  if (!kept) services.log.warning("queue.notice.failed", {{"reason", kept.error().detail}});
}

}  // namespace toast::queue
