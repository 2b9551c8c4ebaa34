#include "auth/login_watch.h"

namespace toast::auth {

void LoginWatch::hindered(const std::string& account, const IpAddress& peer,
                          const Throttle::Decision& decision) {
  const WallTime now = clock_.wall();
  const std::string who =
      decision.refused_by == Throttle::Limit::address ? accounting_address(peer).str() : account;
  if (hindered_.size() >= kMaxHindered && !hindered_.contains(who)) {
    std::erase_if(hindered_, [now](const auto& e) { return e.second.until <= now; });
    if (hindered_.size() >= kMaxHindered) return;
  }
  Hindered& entry = hindered_[who];
  if (entry.until <= now) entry.attempts = 0;
  entry.who = who;
  entry.limit = decision.refused_by;
  entry.peer = peer.str();
  entry.until = now + decision.retry_after;
  ++entry.attempts;
}

void LoginWatch::locked(const std::string& mailbox) {
  const SteadyTime now = clock_.steady();
  std::erase_if(locked_, [now](const auto& e) { return now - e.second > kLongestLogin; });
  locked_[mailbox] = now;
}

bool LoginWatch::was_locked_since(const std::string& mailbox, SteadyTime began) const {
  const auto found = locked_.find(mailbox);
  return found != locked_.end() && found->second >= began;
}

std::vector<Hindered> LoginWatch::hindered_now() const {
  std::vector<Hindered> now;
  for (const auto& [who, entry] : hindered_)
    if (entry.until > clock_.wall()) now.push_back(entry);
  return now;
}

}  // namespace toast::auth
