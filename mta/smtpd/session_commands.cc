// What each command does in each state, DATA apart.
#include <variant>

#include "auth/sasl/names.h"
#include "mta/smtpd/session.h"

namespace toast::smtpd {
namespace {

using smtp::Reply;
using smtp::reply_for;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

Reply parameters_need_ehlo() { return {555, "5.5.4 parameters need EHLO"}; }
std::string mechanism_list(auth::sasl::Offer offer, const SecurityContext& security) {
  std::string list;
  for (const std::string_view mechanism :
       auth::sasl::offered(offer, !security.channel_binding.empty()))
    (list += ' ') += mechanism;
  return list;
}

Reply database_away() { return {451, "4.3.0 try again later"}; }

}  // namespace

std::string_view protocol_name(Hello hello, const SecurityContext& security) {
  if (hello != Hello::ehlo) return "SMTP";
  if (security.encrypted) return security.authenticated.empty() ? "ESMTPS" : "ESMTPSA";
  return security.authenticated.empty() ? "ESMTP" : "ESMTPA";
}

void Session::greet(std::string name, Hello hello) {
  hello_ = hello;
  helo_ = std::move(name);
  reset_transaction();
  state_ = State::greeted;
}

void Session::reset_transaction() {
  transaction_ = {};
  if (state_ == State::mail_given || state_ == State::recipients_given) state_ = State::greeted;
}

Reply Session::answer_plain(const smtp::Command& command) {
  return std::visit(
      Overloaded{
          [this](const smtp::Helo& helo) {
            greet(helo.name, Hello::helo);
            return Reply{250, options_->greeting};
          },
          [this](const smtp::Ehlo& ehlo) {
            greet(ehlo.name, Hello::ehlo);
            return Reply{
                250,
                options_->greeting + "\nPIPELINING\nSIZE " +
                    std::to_string(options_->max_message_bytes) +
                    "\n8BITMIME\nENHANCEDSTATUSCODES\nDSN" + (offers_tls() ? "\nSTARTTLS" : "") +
                    (offers_auth() ? "\nAUTH" + mechanism_list(options_->sasl, security_) : "")};
          },
          [this](const smtp::Rset&) {
            reset_transaction();
            return Reply{250, "2.0.0 ok"};
          },
          [](const smtp::Noop&) {
            return Reply{250, "2.0.0 ok"};
          },
          [this](const smtp::Quit&) {
            state_ = State::closing;
            return Reply{221, "2.0.0 " + options_->greeting};
          },
          [](const smtp::Vrfy&) {  // the same for every address: who exists is not told here
            return Reply{252, "2.5.0 send some mail and see"};
          },
          [](const smtp::Help&) {
            return Reply{214, "2.0.0 RFC 5321: EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT"};
          },
          [](const smtp::Expn&) {
            return Reply{502, "5.5.1 EXPN is not available"};
          },
          [](const smtp::Bdat&) {
            return Reply{502, "5.5.1 CHUNKING is not offered here"};
          },
          // answered elsewhere
          [](const smtp::Mail&) {
            return Reply{503, "5.5.1 bad sequence of commands"};
          },
          [](const smtp::Rcpt&) {
            return Reply{503, "5.5.1 bad sequence of commands"};
          },
          [](const smtp::Data&) {
            return Reply{503, "5.5.1 bad sequence of commands"};
          },
          [](const smtp::Auth&) {
            return Reply{503, "5.5.1 bad sequence of commands"};
          },
          [](const smtp::StartTls&) {
            return Reply{503, "5.5.1 bad sequence of commands"};
          },
      },
      command);
}

// What is wrong with this MAIL here and now, whatever the queue says.
std::optional<Reply> Session::refuse_mail(const smtp::Mail& mail) const {
  if (state_ == State::connected) return Reply{503, "5.5.1 EHLO or HELO first"};
  if (port_ != Port::smtp && security_.authenticated.empty())  // RFC 6409 section 4.3
    return Reply{530, security_.encrypted ? "5.7.0 log in first" : "5.7.0 STARTTLS first"};
  if (state_ != State::greeted)
    return Reply{503, "5.5.1 a message has begun already: DATA or RSET"};
  if (mail.has_parameters && hello_ != Hello::ehlo)  // nothing was offered (RFC 5321, 4.1.1.11)
    return parameters_need_ehlo();
  if (mail.parameters.auth && (!takes_logins() || !security_.encrypted))
    return Reply{555, "5.5.4 parameter not supported: AUTH"};
  if (options_->max_message_bytes != 0 &&
      mail.parameters.size.value_or(0) > options_->max_message_bytes)
    return Reply{552, "5.3.4 message too large, the limit is " +
                          std::to_string(options_->max_message_bytes) + " bytes"};
  return std::nullopt;
}

Task<> Session::answer_mail(smtp::Mail mail) {
  if (const std::optional<Reply> refusal = refuse_mail(mail)) {
    refuse(*refusal);
    co_return;
  }
  if (messages_ >= options_->max_messages) {
    close_with({421, "4.7.0 enough messages for one connection, connect again"}, "enough messages");
    co_return;
  }
  if (right_ && !right_->holds()) {  // the queue was started anew, and knows of no login
    close_with({421, "4.3.0 the mail queue was restarted, log in again"}, "queue restarted");
    co_return;
  }
  if (mail.reverse_path) {  // nobody's is everybody's: receipts and the like come from <>
    Address sender = *mail.reverse_path;
    const std::optional<Reply> refusal =
        co_await check_sender(std::move(sender), options_->envelope_check, "MAIL FROM");
    if (refusal) {
      refuse(*refusal);
      co_return;
    }
  }
  const std::uint64_t size = mail.parameters.size.value_or(0);
  std::string connection = right_ ? id_ : std::string();
  Result<void> space = co_await services_.queue.check_space(size, std::move(connection));
  if (!space) {
    services_.log.warning("smtp.mail.deferred",
                          {{"session", id_}, {"reason", space.error().detail}});
    Reply reply = reply_for(space.error(), 451, 552);
    if (reply.text.starts_with("4.3.1")) reply.code = 452;  // storage, RFC 5321 section 4.2.3
    if (reply.text.starts_with("4.7.1")) reply.code = 450;  // this login's limits
    if (reply.text.starts_with("5.7.1")) reply.code = 550;  // this login may not send
    say(reply);
    co_return;
  }
  transaction_ = {};
  transaction_.reverse_path = std::move(mail.reverse_path);
  transaction_.parameters = std::move(mail.parameters);
  state_ = State::mail_given;
  say({250, "2.1.0 ok"});
}

Task<> Session::answer_rcpt(smtp::Rcpt rcpt) {
  if (state_ != State::mail_given && state_ != State::recipients_given) {
    refuse({503, "5.5.1 MAIL first"});
    co_return;
  }
  if (rcpt.has_parameters && hello_ != Hello::ehlo) {
    refuse(parameters_need_ehlo());
    co_return;
  }
  Address* given = std::get_if<Address>(&rcpt.forward_path);
  Result<Address> recipient = given != nullptr ? Result<Address>(std::move(*given))
                                               : Address::parse("postmaster@" + options_->host);
  if (!recipient) {  // control/me is checked when it is read
    say(database_away());
    co_return;
  }
  if (transaction_.known.contains(*recipient)) {  // accepted again, delivered once
    say({250, "2.1.5 ok"});
    count_noop();  // it brings nothing forward
    co_return;
  }
  if (transaction_.recipients.size() >= options_->max_recipients) {
    refuse_recipient(*recipient, {452, "4.5.3 too many recipients, send the rest separately"});
    co_return;
  }
  Address asked = *recipient;
  Result<RecipientVerdict> verdict = co_await services_.recipients.check(
      std::move(asked), transaction_.parameters.size.value_or(0));
  if (!verdict) {
    services_.log.warning(
        "smtp.rcpt.deferred",
        {{"session", id_}, {"rcpt", recipient->str()}, {"reason", verdict.error().detail}});
    refuse_recipient(*recipient, database_away());
  } else if (is_taken(*verdict)) {
    accept_recipient({std::move(*recipient), std::move(rcpt.parameters)});
  } else {
    refuse_recipient(*recipient, verdict_reply(*verdict));
  }
}

// Mail for other hosts is taken from our own clients and from nobody else.
bool Session::is_taken(const RecipientVerdict& verdict) const {
  if (verdict.verdict == Verdict::not_local) return security_.may_relay;
  return verdict.verdict == Verdict::accept;
}

void Session::accept_recipient(Recipient recipient) {
  transaction_.known.insert(recipient.address);
  transaction_.recipients.push_back(std::move(recipient));
  state_ = State::recipients_given;
  say({250, "2.1.5 ok"});
}

Reply Session::verdict_reply(const RecipientVerdict& verdict) const {
  switch (verdict.verdict) {
    case Verdict::accept:
      return {250, "2.1.5 ok"};
    case Verdict::unknown:
      return {550, "5.1.1 " + (verdict.reason.empty() ? "no such mailbox" : verdict.reason)};
    case Verdict::over_quota:
      return {452, "4.2.2 mailbox is full"};
    case Verdict::suspended: {
      Reply reply = reply_for({Failure::permanent, verdict.reason, {}}, 451, 550);
      if (reply.text == verdict.reason) return reply;  // it brings its own enhanced status
      return {550, "5.2.1 " + (verdict.reason.empty() ? "mailbox is suspended" : verdict.reason)};
    }
    case Verdict::not_local:
      break;
  }
  return {550, "5.7.1 relaying denied"};
}

void Session::refuse_recipient(const Address& recipient, const Reply& reply) {
  services_.counters.refused_recipients.add();
  services_.log.info("smtp.rcpt.refused",
                     {{"session", id_},
                      {"peer", peer_text_},
                      {"from", path_text(transaction_.reverse_path)},
                      {"rcpt", recipient.str()},
                      {"code", std::to_string(reply.code) + " " + reply.text}});
  refuse(reply);
  // A client is right to go on after 452 (RFC 5321 section 4.5.3.1.10), but not without end.
  if (!reply.is_permanent() && ++deferrals_ > options_->max_recipients)
    close_with({421, "4.7.0 too many recipients refused"}, "recipient flood");
}

}  // namespace toast::smtpd
