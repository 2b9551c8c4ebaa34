// Logins that may send nothing: their account is locked, or they went on far beyond their sending
// limit. What they submit is refused, and what waits of theirs is held. Kept in a file of queue/,
// so that a restart lets nobody loose.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "mta/queue/journal/disk.h"

namespace toast::queue {

inline constexpr std::string_view kStoppedFile = "stopped";
inline constexpr std::size_t kMaxStopped = 100'000;
inline constexpr std::size_t kMaxStopReason = 200;  // bytes

enum class Stop : unsigned char {
  locked,     // the account is
  suspended,  // from sending alone, by us or by an operator
};
inline constexpr Stop kLastStop = Stop::suspended;
std::string_view stop_name(Stop stop);

class StoppedSenders {
 public:
  struct Entry {
    WallTime since{};
    std::string reason;  // one line
  };
  using Stops = std::map<Stop, Entry>;

  StoppedSenders() = default;  // kept nowhere
  // Reads `stopped` on the disk of the queue; a missing file is nobody. One that cannot be read is
  // an error: nobody knows whose mail must not be sent.
  [[nodiscard]] static Result<StoppedSenders> load(Disk& disk);

  bool is_stopped(const std::string& login) const { return senders_.contains(login); }
  // Null: may send.
  const Stops* find(const std::string& login) const;
  const std::map<std::string, Stops>& all() const { return senders_; }
  // False: it was so already, and stays as it was.
  bool add(const std::string& login, Stop stop, Entry entry);
  bool remove(const std::string& login, Stop stop);
  // Durable when it returns well. After an error the file has its old content or this one.
  [[nodiscard]] Result<void> save() const;

 private:
  Disk* disk_ = nullptr;
  std::map<std::string, Stops> senders_;
};

// Why the messages of a stopped login are held: how they are known again.
std::string hold_reason(const std::string& login);

}  // namespace toast::queue
