// Makes guessing passwords slow without locking owners out. A pure state machine over an injected
// clock; memory is bounded.
//
// Three kinds of counters, each with free failures, then a delay that doubles with every further
// failure up to a maximum, and failures that halve with time:
//   address   an IPv4 address or IPv6 /64, over all accounts. Not for the configured networks (a
//             webmail server, a large NAT).
//   account   over all addresses, so it holds even when a front end lies about where clients are.
//   known     one account from one of the few addresses it was last used from with the right
//             password. There the other two do not apply: a guess distributed over the world, or a
//             colleague's wrong password behind the same NAT, does not lock the owner out. A front
//             end that lies gains at most kMaxKnownAddresses further counters.
// Attempts under way count too: otherwise a thousand sent at once would all be judged by the state
// before the first. Below the free failures max_parallel of them may run, above only one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "auth/digest.h"
#include "auth/lru_map.h"
#include "base/clock.h"
#include "base/ip_address.h"
#include "base/random.h"
#include "base/secret.h"

namespace toast::auth {

inline constexpr std::size_t kMaxKnownAddresses = 8;     // home, office, phone network, and some
inline constexpr std::chrono::hours kKnownFor{30 * 24};  // after this an address is strange again

struct ThrottleRule {
  double free_failures;
  std::chrono::milliseconds first_delay;
  std::chrono::milliseconds max_delay;
  std::chrono::seconds half_life;  // of the count of failures
  unsigned max_parallel;
};

struct ThrottleOptions {
  ThrottleRule address{20, std::chrono::seconds{1}, std::chrono::minutes{15},
                       std::chrono::minutes{10}, 256};
  ThrottleRule account{10, std::chrono::seconds{1}, std::chrono::minutes{15},
                       std::chrono::minutes{10}, 32};
  ThrottleRule known{10, std::chrono::seconds{1}, std::chrono::minutes{2}, std::chrono::minutes{10},
                     32};
  std::size_t max_addresses = 65'536;  // about 20 MB with both tables full
  std::size_t max_accounts = 65'536;
  std::vector<Network> exempt_networks;  // no address counter for these
};

class Throttle {
 public:
  enum class Limit : unsigned char { none, address, account, known };
  struct Decision {
    Limit refused_by = Limit::none;  // none: go on, and call end() later
    std::chrono::milliseconds retry_after{0};
    bool allowed() const { return refused_by == Limit::none; }
  };
  enum class Outcome : unsigned char {
    right,
    wrong,
    unknown,  // nothing was learnt about the password: database away, queue full
  };
  // Handed from begin() to end(): which counters hold the attempt.
  struct Attempt {
    Digest account{};
    Digest address{};
    bool by_known = false;
    bool by_address = false;
  };

  Throttle(ThrottleOptions options, const Clock& clock, Random& random);

  // An attempt begins. When it is allowed, `attempt` is filled in and end() must follow.
  Decision begin(std::string_view account, const IpAddress& peer, Attempt& attempt);
  // True: this failure made the counter go from free to delayed (worth a line in the log).
  bool end(const Attempt& attempt, Outcome outcome);
  // The account was used with the right password from this address before this process was started.
  // Nothing changes when it is known already.
  void introduce(std::string_view account, const IpAddress& peer);
  // Other rules from now on; what has been counted stays. The sizes of the tables do not change.
  void set_options(ThrottleOptions options);
  // By an operator's word: what was counted of this address, or of this account, is forgotten.
  void forgive_address(const IpAddress& peer);
  void forgive_account(std::string_view account);
  std::size_t addresses() const { return addresses_.size(); }
  std::size_t accounts() const { return accounts_.size(); }

 private:
  struct Counter {
    double failures = 0;
    SteadyTime updated{};
    SteadyTime blocked_until{};
    unsigned in_flight = 0;
  };
  struct Known {
    Digest address{};
    SteadyTime last_right{};
    Counter counter;
  };
  struct Account {
    Counter counter;
    std::vector<Known> known;  // most recently right first
  };
  using Addresses = LruMap<Digest, Counter, DigestHash>;
  using Accounts = LruMap<Digest, Account, DigestHash>;

  std::chrono::milliseconds wait(Counter& counter, const ThrottleRule& rule) const;
  static void forgive(Counter& counter);
  void decay(Counter& counter, const ThrottleRule& rule) const;
  bool finish(Counter& counter, const ThrottleRule& rule, Outcome outcome) const;
  Known* find_known(Account& account, const Digest& address) const;
  void remember(const Digest& account, const Digest& address);
  Counter& address_counter(const Digest& address);
  Account& account_entry(const Digest& account);
  bool is_exempt(const IpAddress& peer) const;
  Digest account_key(std::string_view account) const;
  Digest address_key(const IpAddress& peer) const;

  ThrottleOptions options_;
  const Clock& clock_;
  Secret key_;
  Addresses addresses_;
  Accounts accounts_;
};

// As the log and toastctl have it: "address", "account", "known-address", "none".
std::string_view name_of(Throttle::Limit limit);

}  // namespace toast::auth
