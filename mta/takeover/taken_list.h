// Which messages of another queue were taken over: a file of lines "ID NOTE". It is what is left to
// know of a message that was delivered and forgotten since. Locked while it is open.
//
// The order: the message is on our stable storage, held -> its line is -> it is delivered. A crash
// in between leaves a message without its line: the next run asks for it again and is told that it
// is here. So it is never lost and never delivered twice.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "mta/message/message_id.h"
#include "mta/queue/journal/disk.h"

namespace toast::takeover {

class TakenList {
 public:
  // Made if it is not there.
  [[nodiscard]] static Result<TakenList> open(const std::string& path);
  // A file that is open, and ours alone. `path` is for people.
  [[nodiscard]] static Result<TakenList> load(std::unique_ptr<queue::DiskFile> file,
                                              const std::string& path);
  // Only to look; one that is not there is empty.
  [[nodiscard]] static Result<TakenList> read(const std::string& path);

  bool contains(MessageId id) const { return ids_.contains(id); }
  std::size_t size() const { return ids_.size(); }
  // On stable storage when it returns well. `note` is for people.
  [[nodiscard]] Result<void> add(MessageId id, std::string_view note);

 private:
  void take_in(std::string_view text);
  Result<void> append(std::string_view text);
  std::string path_;
  std::unique_ptr<queue::DiskFile> file_;
  std::uint64_t end_ = 0;  // of what is whole; what a failed add() left is written over
  std::unordered_set<MessageId> ids_;
};

}  // namespace toast::takeover
