#include "base/tls/sessions.h"

#include <openssl/ssl.h>

#include <algorithm>

namespace toast::tls {

ssl_session_st* Sessions::find(const std::string& peer) {
  const auto found = known_.find(peer);
  if (found == known_.end()) return nullptr;
  if (clock_.steady() - found->second.since < kSessionLife) return found->second.session.get();
  known_.erase(found);
  return nullptr;
}

void Sessions::put(const std::string& peer, SessionHandle session) {
  known_[peer] = {std::move(session), clock_.steady()};
  if (known_.size() <= kMaxSessions) return;
  known_.erase(std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
    return a.second.since < b.second.since;
  }));
}

void SessionSlot::put(SessionHandle session) const {
  if (sessions && session && SSL_SESSION_is_resumable(session.get()) != 0)
    sessions->put(peer, std::move(session));
}

}  // namespace toast::tls
