// What authd remembers about logins beside the throttle: what became of them, who is kept out just
// now, and whom the operator has banned. LoginService asks and tells it; toastctl reads it through
// auth/login_desk.h.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "auth/bans.h"
#include "auth/foreign_senders.h"
#include "auth/login_history.h"
#include "auth/throttle.h"
#include "auth/vchkpw_log.h"
#include "base/clock.h"

namespace toast::auth {

// Who is kept out by the throttle, for a list; the throttle itself knows no names.
struct Hindered {
  std::string who;  // an account, or an address
  Throttle::Limit limit = Throttle::Limit::address;
  std::string peer;  // of the last attempt
  WallTime until{};
  std::uint64_t attempts = 0;  // turned away since it began
};
inline constexpr std::size_t kMaxHindered = 1000;
// No login takes so long: the longest wait is that for vdomaind and for a hasher.
inline constexpr std::chrono::minutes kLongestLogin{5};

class LoginWatch {
 public:
  LoginWatch(const Clock& clock, VchkpwLog::Write vchkpw_line)
      : history(clock), foreign_senders(clock), vchkpw(std::move(vchkpw_line)), clock_(clock) {}

  LoginHistory history;
  ForeignSenders foreign_senders;
  Bans bans;
  VchkpwLog vchkpw;

  const Ban* ban_of(const IpAddress& peer) const { return bans.find(peer, clock_.wall()); }
  void hindered(const std::string& account, const IpAddress& peer,
                const Throttle::Decision& decision);
  // Those who still are.
  std::vector<Hindered> hindered_now() const;
  // The account was locked just now: a login that began before then must not get through.
  void locked(const std::string& mailbox);
  bool was_locked_since(const std::string& mailbox, SteadyTime began) const;
  // An operator has lifted it.
  void forget(const std::string& who) { hindered_.erase(who); }

 private:
  const Clock& clock_;
  std::map<std::string, Hindered> hindered_;
  std::map<std::string, SteadyTime> locked_;  // of the last minutes
};

}  // namespace toast::auth
