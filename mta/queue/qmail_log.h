// qmail-send's log lines, for programs that read them (qmailanalog, scripts): exactly its forms,
// one line each, without a time, which the logger adds. Loop thread only.
//
// What differs from qmail's, as it must: N is the queue id as a decimal number, which is never used
// again, and stands for qp as well; a uid is known of local mail only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "mta/queue/observer.h"
#include "mta/queue/options.h"

namespace toast::queue {

class QmailLog final : public Observer {
 public:
  // `line` comes without a line end.
  using Write = std::function<void(std::string_view line)>;
  static Write to_standard_error();
  QmailLog(Write write, const Options& options);
  void set_options(const Options& options);
  // Shutting down; exited(): the last line.
  void exit_as_soon_as_possible();
  void exited();

  void accepted(const QueuedMessage& message, const NewBody& body) override;
  void started(const QueuedMessage& message, const Work& work) override;
  void attempted(const QueuedMessage& message, const Work& work, const Attempt& attempt) override;
  void changed(const QueuedMessage&, OperatorChange, std::string_view, std::string_view) override {}
  void bounce_discarded(const QueuedMessage& message) override;
  void ended(const QueuedMessage& message) override;

 private:
  struct Delivery {
    std::uint64_t number = 0;
    bool remote = false;
  };
  using Key = std::pair<MessageId, std::uint32_t>;
  void status();
  std::uint64_t& running(bool remote) { return remote ? remote_ : local_; }

  Write write_;
  bool on_ = false;
  bool exiting_ = false;
  std::uint32_t local_limit_ = 0;
  std::uint32_t remote_limit_ = 0;
  std::map<Key, Delivery> deliveries_;  // under way
  std::uint64_t local_ = 0;             // of these
  std::uint64_t remote_ = 0;
  std::uint64_t last_delivery_ = 0;
};

}  // namespace toast::queue
