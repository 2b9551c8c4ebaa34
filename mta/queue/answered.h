// Whom a mailbox has answered, and when: the memory of automatic answers (RFC 3834 section 2), so
// that one sender gets one in so many days.
//
// An entry is durable before the answer is made, and names the message that it answers. The answer
// is then made in the record that says that this message's instruction is done; so after a crash
// between the two the same message is delivered again, finds itself in the entry, and is answered
// after all. Once, whatever happens.
//
// The file `answered` in queue/ is a list of lines that is only appended to, and written anew when
// most of it is old. It is a memory, not mail: what cannot be read in it is forgotten.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "mta/message/address.h"
#include "mta/message/message_id.h"
#include "mta/queue/journal/disk.h"

namespace toast::queue {

inline constexpr std::string_view kAnsweredFile = "answered";
// Some 20 MB in memory at most. Beyond it the oldest are forgotten: who wrote long ago may get an
// answer a second time.
inline constexpr std::size_t kMaxAnswered = 100'000;

class AnswerMemory {
 public:
  AnswerMemory() = default;  // kept nowhere
  [[nodiscard]] static Result<std::shared_ptr<AnswerMemory>> load(Disk& disk, WallTime now);

  struct Question {
    Address mailbox;
    Address sender;
    MessageId message;
    std::uint32_t recipient = 0;  // of the message
    WallTime now;
    std::chrono::days interval{};
  };
  // Is an answer due? If so it is remembered as given, durably, before this returns. Blocks; any
  // thread.
  [[nodiscard]] Result<bool> claim(const Question& question);
  std::size_t size() const;

 private:
  struct Entry {
    std::int64_t until = 0;  // Unix time: no answer before
    std::uint64_t message = 0;
    std::uint32_t recipient = 0;
  };
  using Key = std::pair<std::string, std::string>;  // mailbox, sender
  static std::string line(const Key& key, const Entry& entry);
  void read(std::string_view text, std::int64_t now);
  void forget_old(std::int64_t now);
  [[nodiscard]] Result<void> append(const std::string& line);
  [[nodiscard]] Result<void> write_anew();

  mutable std::mutex mutex_;
  Disk* disk_ = nullptr;
  std::unique_ptr<DiskFile> file_;
  std::uint64_t end_ = 0;  // of the file
  std::size_t lines_ = 0;  // in the file
  std::map<Key, Entry> entries_;
};

}  // namespace toast::queue
