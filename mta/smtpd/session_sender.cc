// The sender of a submitted message must be its login's (RFC 6409 section 6.1): what the operator
// wants done about one that is not.
#include "mta/smtpd/session.h"

namespace toast::smtpd {

using smtp::Reply;

// `where` the address stood: "MAIL FROM" or "From". A reply: the message is not taken.
Task<std::optional<Reply>> Session::check_sender(Address sender, SenderMode mode,
                                                 std::string where) {
  if (mode == SenderMode::off || !login_ || sender == *login_) co_return std::nullopt;
  Address login = *login_;
  Address asked = sender;
  const Result<bool> allowed =
      co_await services_.senders->may_send_as(std::move(login), std::move(asked));
  if (allowed && *allowed) co_return std::nullopt;
  if (!allowed && mode == SenderMode::warn) co_return std::nullopt;  // nothing hangs on it
  if (!allowed) {
    services_.log.warning("smtp.sender.unchecked",
                          {{"session", id_}, {"reason", allowed.error().detail}});
    co_return Reply{451, "4.3.0 try again later"};
  }
  const bool refused = mode == SenderMode::enforce;
  services_.counters.foreign_senders.add();
  services_.log.info("smtp.sender.foreign", {{"session", id_},
                                             {"peer", peer_text_},
                                             {"login", security_.authenticated},
                                             {"from", sender.str()},
                                             {"where", where},
                                             {"effect", refused ? "refused" : "accepted"}});
  if (services_.auth != nullptr)
    services_.auth->saw_foreign_sender(
        {security_.authenticated, sender.str(),
         where == "From" ? auth::SenderPlace::header_from : auth::SenderPlace::mail_from, refused});
  if (!refused) co_return std::nullopt;
  co_return Reply{553, "5.7.1 " + sender.str() + " does not belong to your login"};
}

// Each of them: a message says that all have written it.
Task<std::optional<Reply>> Session::check_authors(std::vector<Address> authors) {
  for (Address& author : authors) {
    if (transaction_.reverse_path == author && options_->envelope_check == options_->from_check)
      continue;  // that has been done at MAIL
    std::optional<Reply> refusal =
        co_await check_sender(std::move(author), options_->from_check, "From");
    if (!refusal) continue;
    if (refusal->is_permanent()) refusal->code = 550;
    co_return refusal;
  }
  co_return std::nullopt;
}

}  // namespace toast::smtpd
