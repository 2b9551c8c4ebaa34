// Asks where a new message goes while its record is on the way to the disk, so that the answer is
// there when the delivery begins: at low load one wait less between 250 and new/.
//
// For messages with one recipient. An answer that nobody took within kEarlyAnswerAge is worth
// nothing: the delivery asks itself, as every later attempt does.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/async.h"
#include "base/clock.h"
#include "base/ipc.h"
#include "mta/message/message_id.h"
#include "vdomain/resolver_messages.h"

namespace toast::queue {

// As old as an answer of toast-vdomaind may be anyway.
inline constexpr std::chrono::seconds kEarlyAnswerAge{1};
// Messages between their promise and their first delivery, at some 300 bytes each.
inline constexpr std::size_t kMaxEarlyAnswers = 1024;

class EarlyLookup {
 public:
  EarlyLookup(asio::any_io_executor loop, ipc::Link& directory, const Clock& clock)
      : loop_(std::move(loop)), directory_(directory), clock_(clock) {}
  EarlyLookup(const EarlyLookup&) = delete;
  EarlyLookup& operator=(const EarlyLookup&) = delete;

  void ask(MessageId message, const Address& recipient);
  // The answer for this message, once; waits for it if it is on its way. Nothing: nobody asked, or
  // it was long ago, or the directory could not say.
  Task<std::optional<vdomain::Resolve::Reply>> take(MessageId message);

 private:
  struct Entry {
    Entry(const asio::any_io_executor& loop, SteadyTime now) : asked(now), ended(loop) {}
    SteadyTime asked;
    std::optional<vdomain::Resolve::Reply> answer;
    bool pending = true;
    asio::steady_timer ended;  // cancelled when nothing is pending any more
  };
  static Task<> look_up(std::shared_ptr<ipc::Channel> directory, Address recipient,
                        std::shared_ptr<Entry> entry);

  asio::any_io_executor loop_;
  ipc::Link& directory_;
  const Clock& clock_;
  std::unordered_map<MessageId, std::shared_ptr<Entry>> entries_;
  std::deque<MessageId> order_;  // as asked; of taken ones too, until they come to the front
};

}  // namespace toast::queue
