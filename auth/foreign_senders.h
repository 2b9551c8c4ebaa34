// Which logins send as whom, although it is not theirs: who would be refused if sendercheck and
// fromcheck were `enforce`. A pure memory over an injected clock. smtpd reports it; what a
// taken-over one invents is bounded.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace toast::auth {

inline constexpr std::size_t kMaxForeignSenders = 10'000;  // some 4 MB
inline constexpr std::size_t kMaxForeignOfLogin = 50;      // then the rest is counted as "*"
inline constexpr std::chrono::hours kForeignKeptFor{30 * 24};

// What stands in the place of addresses beyond the 50th of a login.
inline constexpr std::string_view kOtherAddresses = "*";

enum class SenderPlace : unsigned char { mail_from, header_from };
inline constexpr SenderPlace kLastSenderPlace = SenderPlace::header_from;
std::string_view sender_place_name(SenderPlace place);

struct ForeignSender {
  std::string login;
  SenderPlace place = SenderPlace::mail_from;
  std::string address;
  std::uint64_t count = 0;
  bool refused = false;  // the last one was: the check was `enforce`
  WallTime first{};
  WallTime last{};
  friend bool operator==(const ForeignSender&, const ForeignSender&) = default;
};

class ForeignSenders {
 public:
  explicit ForeignSenders(const Clock& clock) : clock_(clock) {}
  void add(const std::string& login, SenderPlace place, const std::string& address, bool refused);
  // By login; those after this one of a list before, at most `limit`.
  std::vector<ForeignSender> list(const std::optional<ForeignSender>& after,
                                  std::size_t limit) const;
  bool is_changed() const { return changed_; }
  // A line for each, without those whose time is over; it counts as written then.
  std::string take_text();
  // Error: a line that take_text() did not write.
  [[nodiscard]] Result<void> load(std::string_view text);

 private:
  struct Key {
    std::string login;
    SenderPlace place;
    std::string address;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  std::size_t addresses_of(const std::string& login) const;

  const Clock& clock_;
  std::map<Key, ForeignSender> senders_;
  bool changed_ = false;
};

}  // namespace toast::auth
