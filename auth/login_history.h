// What became of the logins of the last days, for toastctl auth log. A pure memory over an injected
// clock; who keeps it on disk is auth/login_history_file.h.
//
// The same again (who, from where, by what, with what result) within kSameAgain is counted and not
// listed anew, so that clients that poll cost a line an hour. Right and wrong logins are kept
// apart: a guesser cannot push the owner's logins out.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/service.h"
#include "base/clock.h"
#include "base/ip_address.h"
#include "base/result.h"

namespace toast::auth {

// Of each kind; some 300 bytes each.
inline constexpr std::size_t kKeptLogins = 20'000;
inline constexpr std::chrono::hours kLoginsKeptFor{30 * 24};
inline constexpr std::size_t kMaxLoginReason = 64;

enum class LoginResult : unsigned char {
  granted,
  refused,
  throttled,  // not looked at: too many failures
  banned,     // not looked at: by the operator's word
};
inline constexpr LoginResult kLastLoginResult = LoginResult::banned;
std::string_view login_result_name(LoginResult result);

struct LoginEvent {
  std::uint64_t serial = 0;  // rising; gaps are possible
  WallTime first{};
  WallTime last{};
  std::uint64_t count = 1;
  LoginResult result = LoginResult::refused;
  Service service = Service::pop3;
  std::string peer;
  std::string login;         // as typed
  std::string account;       // whose it is; empty: nobody's, or not asked
  std::string reason;        // of a refusal: as in the log
  std::string app_password;  // its name
  friend bool operator==(const LoginEvent&, const LoginEvent&) = default;
};

// How long the same again is the same event.
constexpr std::chrono::seconds same_again(LoginResult result) {
  return result == LoginResult::granted ? std::chrono::hours{1} : std::chrono::minutes{1};
}

struct LoginFilter {
  std::string account;             // its name, or what was typed; empty: any
  std::optional<Network> network;  // of the client
  WallTime since{};                // last seen then or later
  bool failed_only = false;
};

class LoginHistory {
 public:
  enum class Shelf : unsigned char { granted, failed };
  static constexpr std::size_t kShelves = 2;

  explicit LoginHistory(const Clock& clock, std::size_t kept = kKeptLogins)
      : clock_(clock), kept_(kept) {}

  // It happened now: times, serial and count are set here.
  void add(LoginEvent event);
  // Newest first, with serials below `before` (0: all), at most `limit`.
  std::vector<LoginEvent> find(const LoginFilter& filter, std::uint64_t before,
                               std::size_t limit) const;
  // The oldest that is kept.
  std::optional<WallTime> reaches_back_to() const;

  // Ends those that the same can no longer be added to; all of them at the end of the process.
  void close(bool all = false);
  // The ended ones of one shelf as lines of text, each once.
  std::string take_lines(Shelf shelf);
  // What take_lines() gave another process. The result is the number of lines that were not ours.
  std::size_t load(std::string_view lines);
  std::size_t size() const { return shelves_[0].size() + shelves_[1].size(); }

 private:
  using Events = std::map<std::uint64_t, LoginEvent>;
  Events& shelf_of(LoginResult result) { return shelves_[result == LoginResult::granted ? 0 : 1]; }
  void put(LoginEvent event);
  void drop_oldest(Events& events);
  void end(const std::string& key, const LoginEvent& event);

  const Clock& clock_;
  std::size_t kept_;
  std::uint64_t next_ = 1;
  Events shelves_[kShelves];
  std::unordered_map<std::string, std::uint64_t> open_;
  std::string lines_[kShelves];
};

// One line, with its line end; and back.
std::string login_event_line(const LoginEvent& event);
[[nodiscard]] Result<LoginEvent> parse_login_event(std::string_view line);

}  // namespace toast::auth
