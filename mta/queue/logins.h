// Who has logged in over the connections of one smtpd, as authd's tickets said. smtpd names the
// connection with each message and cannot name a login: what it holds is what its clients brought.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

#include "auth/ticket.h"
#include "base/clock.h"
#include "base/result.h"

namespace toast::queue {

// No SMTP connection lives longer (smtpsessionseconds).
inline constexpr std::chrono::hours kLoginLifetime{24};
inline constexpr std::size_t kMaxLogins = 100'000;  // of one smtpd: more than its connections

class Logins {
 public:
  // `front_end`: the smtpd as toastd named it.
  explicit Logins(std::string front_end) : front_end_(std::move(front_end)) {}

  // Errors are those of TicketVerifier; transient when there are too many.
  [[nodiscard]] Result<void> redeem(auth::TicketVerifier& tickets, std::string_view ticket,
                                    const std::string& connection, SteadyTime now);
  void end(const std::string& connection) { logins_.erase(connection); }
  // The canonical address; null: nobody has logged in there, or long ago.
  const std::string* find(const std::string& connection, SteadyTime now) const;

 private:
  struct Login {
    std::string mailbox;
    SteadyTime since;
  };
  std::string front_end_;
  std::unordered_map<std::string, Login> logins_;
};

}  // namespace toast::queue
