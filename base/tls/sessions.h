// TLS sessions of earlier connections, by peer, so that the next handshake with it costs no public
// key operation. In memory, bounded.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/tls/handles.h"

namespace toast::tls {

// A session holds the peer's certificates: some 5 to 10 kB each.
inline constexpr std::size_t kMaxSessions = 1000;
// Servers rarely keep theirs longer, and keys that live longer help who steals them.
inline constexpr std::chrono::hours kSessionLife{1};

class Sessions {
 public:
  explicit Sessions(const Clock& clock) : clock_(clock) {}
  ssl_session_st* find(const std::string& peer);  // null: none; ours
  // In place of the one that is there. The oldest of all makes room.
  void put(const std::string& peer, SessionHandle session);
  void forget(const std::string& peer) { known_.erase(peer); }
  std::size_t size() const { return known_.size(); }

 private:
  struct Known {
    SessionHandle session;
    SteadyTime since;
  };
  const Clock& clock_;
  std::map<std::string, Known> known_;
};

// One peer's place among them; without `sessions` nothing is remembered.
struct SessionSlot {
  std::shared_ptr<Sessions> sessions;
  std::string peer;

  ssl_session_st* find() const { return sessions ? sessions->find(peer) : nullptr; }
  void put(SessionHandle session) const;
  void forget() const {
    if (sessions) sessions->forget(peer);
  }
};

}  // namespace toast::tls
