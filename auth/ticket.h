// A ticket is what a good password buys: the right to open one mailbox for one service, once,
// within 30 seconds, over the connection it was issued for. authd issues it, the front end carries
// it, the keeper of the mail redeems it. The front end can neither make one, nor change it, nor use
// another connection's.
//
// A ticket is authenticated with a key that toastd hands to the issuer and to one verifier, a fresh
// one at every start of toastd, and one per kind of verifier: the keeper of the mail cannot issue
// submission tickets. Times in it are of the host's monotonic clock, which both ends share: moving
// the wall clock neither revives nor kills a ticket.
//
//   version u8 | issuer life u64 | serial u64 | issued i64 ns | service u8 | front end |
//   connection | mailbox | maildir | quota bytes u64 | quota messages u64 | authenticator 32 bytes
// in the codec of base/codec.h; the authenticator is HMAC-SHA512-256 (crypto_auth) over all before
// it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>

#include "auth/service.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace toast::auth {

inline constexpr std::size_t kTicketKeyBytes = 32;          // crypto_auth_KEYBYTES
inline constexpr std::chrono::seconds kTicketLifetime{30};  // a front end opens the mailbox at once
// Redeemed tickets remembered until they expire: 30 s at 8000 logins a second. Beyond: try again.
inline constexpr std::size_t kMaxRedeemedTickets = 240'000;

// Which connection of which front end. `front_end` is the peer's name as toastd told the keeper
// when it wired the channel ("toast-pop3d.1"), never a field the peer itself sends; `connection` is
// drawn by the front end at random for each session, sent with the login and again with the ticket.
struct ConnectionId {
  std::string front_end;   // 1 to kMaxFrontEndName bytes
  std::string connection;  // at most kMaxConnection bytes
  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

// What a ticket opens.
struct Grant {
  std::string mailbox;               // canonical address, as the directory spells it
  std::string maildir;               // path below mail/
  std::uint64_t quota_bytes = 0;     // 0: no limit
  std::uint64_t quota_messages = 0;  // 0: no limit
  Service service = Service::pop3;
  friend bool operator==(const Grant&, const Grant&) = default;
};

// One per life of the issuing process. `key` is of kTicketKeyBytes (throws std::invalid_argument).
class TicketIssuer {
 public:
  TicketIssuer(Secret key, const Clock& clock);
  // Permanent when the grant breaks a limit above (a directory row no program of ours wrote).
  [[nodiscard]] Result<std::string> issue(const Grant& grant, const ConnectionId& connection);

 private:
  Secret key_;
  const Clock& clock_;
  std::uint64_t life_;
  std::uint64_t next_serial_ = 1;
};

// Refusals are permanent (forged, used, expired, someone else's), except: issued before this
// verifier started (it may have been redeemed then, nobody remembers) and memory full are
// transient. Once a ticket of a newer issuer is seen, those of its dead predecessor are refused.
class TicketVerifier {
 public:
  TicketVerifier(Secret key, const Clock& clock, std::size_t max_redeemed = kMaxRedeemedTickets);
  [[nodiscard]] Result<Grant> redeem(std::string_view ticket, Service service,
                                     const ConnectionId& connection);
  // The issuing process was gone at `at`: tickets issued before are void. What its successor has
  // issued since is good, however late this is learnt.
  void issuer_ended(SteadyTime at);
  std::size_t remembered() const { return used_.size(); }

 private:
  struct Redeemed {
    std::uint64_t serial;
    SteadyTime expires;
  };
  Result<void> remember(std::uint64_t serial, SteadyTime expires);
  Secret key_;
  const Clock& clock_;
  std::size_t max_redeemed_;
  SteadyTime not_before_;
  std::uint64_t life_ = 0;                  // of the newest issuer seen
  std::unordered_set<std::uint64_t> used_;  // serials of that life
  std::deque<Redeemed> by_age_;             // the same, oldest first
};

}  // namespace toast::auth
