#include "mta/queue/logins.h"

namespace toast::queue {

Result<void> Logins::redeem(auth::TicketVerifier& tickets, std::string_view ticket,
                            const std::string& connection, SteadyTime now) {
  Result<auth::Grant> grant =
      tickets.redeem(ticket, auth::Service::smtp, auth::ConnectionId{front_end_, connection});
  if (!grant) return pass(grant, front_end_);
  if (logins_.size() >= kMaxLogins)
    std::erase_if(logins_, [now](const auto& e) { return now - e.second.since >= kLoginLifetime; });
  if (logins_.size() >= kMaxLogins) return transient(front_end_ + ": too many logins at once");
  logins_.insert_or_assign(connection, Login{std::move(grant->mailbox), now});
  return {};
}

const std::string* Logins::find(const std::string& connection, SteadyTime now) const {
  const auto found = logins_.find(connection);
  if (found == logins_.end() || now - found->second.since >= kLoginLifetime) return nullptr;
  return &found->second.mailbox;
}

}  // namespace toast::queue
