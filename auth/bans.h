// Networks whose clients may not log in, by the operator's word. They are few, looked through at
// each login, and kept in one small file that is replaced as a whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"
#include "base/result.h"

namespace toast::auth {

inline constexpr std::size_t kMaxBans = 4096;      // some 20 microseconds to look through
inline constexpr std::size_t kMaxBanReason = 200;  // bytes
// Wider than this is a typing error, unless it is asked for twice.
inline constexpr unsigned kWidestBanV4 = 8;
inline constexpr unsigned kWidestBanV6 = 16;

struct Ban {
  Network network;
  WallTime made{};
  std::optional<WallTime> until{};  // none: for good
  std::string reason{};             // the operator's words
  friend bool operator==(const Ban&, const Ban&) = default;
};

class Bans {
 public:
  // The one that ends last of those that hold this address now; null: none.
  const Ban* find(const IpAddress& peer, WallTime now) const;
  // Takes the place of one of the same network. Permanent: there are too many.
  [[nodiscard]] Result<void> add(Ban ban, WallTime now);
  bool remove(const Network& network);
  // Those that hold now, in the order they were made.
  std::vector<Ban> in_force(WallTime now) const;

  std::string text() const;
  // Error: a line that text() did not write.
  [[nodiscard]] static Result<Bans> parse(std::string_view text);

 private:
  std::vector<Ban> bans_;
};

// Why this should not be banned; empty: it may be. `exempt`: networks that the operator trusts.
std::string why_not_ban(const Network& network, const std::vector<Network>& exempt);

}  // namespace toast::auth
