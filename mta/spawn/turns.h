// How many programs run at a time, and who waits. One domain whose program hangs takes neither all
// places nor all of the waiting room from the others.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/async.h"
#include "base/clock.h"

namespace toast::spawnd {

struct TurnLimits {
  std::size_t at_once = 32;  // processes, each with an interpreter's memory, perhaps
  std::size_t at_once_of_domain = 8;
  std::size_t waiting = 256;  // at 50 ms a password, 8 at once: 1.6 s
  std::size_t waiting_of_domain = 64;
};

class Turns {
 public:
  Turns(asio::any_io_executor executor, TurnLimits limits)
      : executor_(std::move(executor)), limits_(limits) {}

  enum class Answer : unsigned char { yours, too_many, too_late };
  // A place, at once or when it is our turn before `deadline`. To be given back.
  Task<Answer> take(std::string domain, SteadyTime deadline);
  void give_back(const std::string& domain);

  std::size_t running() const { return running_; }
  std::size_t waiting() const { return waiters_.size(); }

 private:
  struct Waiter {
    Waiter(const asio::any_io_executor& executor, std::string of, SteadyTime deadline)
        : domain(std::move(of)), timer(executor, deadline) {}
    std::string domain;
    asio::steady_timer timer;  // cancelled when it is its turn
    bool has_place = false;
  };
  struct Count {
    std::size_t running = 0;
    std::size_t waiting = 0;
  };
  bool has_room(const Count& count) const {
    return running_ < limits_.at_once && count.running < limits_.at_once_of_domain;
  }
  void begin(Count& count) {
    ++running_;
    ++count.running;
  }
  void forget_if_idle(const std::string& domain);

  asio::any_io_executor executor_;
  TurnLimits limits_;
  std::size_t running_ = 0;
  std::map<std::string, Count> counts_;  // of domains that have any
  std::list<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace toast::spawnd
