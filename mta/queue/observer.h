// Hears what becomes of messages, as it happens: the event store of toastctl trace and qmail-send's
// log lines are two of these. What an observer does never blocks and never fails the queue.
#pragma once

#include <string_view>
#include <vector>

#include "mta/queue/journal/record.h"

namespace toast::queue {

struct Attempt;
struct QueuedMessage;
struct Work;

enum class OperatorChange : std::uint8_t {
  held,      // also on arrival, by a filter
  released,  //
  given_up,  // one recipient, or all that are open, without another attempt
};

class Observer {
 public:
  virtual ~Observer() = default;
  // It is durable. `body`: as it was given to the journal; only an inline one can be read here.
  virtual void accepted(const QueuedMessage& message, const NewBody& body) = 0;
  // Somebody is being asked to take it for this recipient. May be said twice when the process that
  // was asked died.
  virtual void started(const QueuedMessage& message, const Work& work) = 0;
  // Its outcome: the recipient's phase is what it is now.
  virtual void attempted(const QueuedMessage& message, const Work& work,
                         const Attempt& attempt) = 0;
  // `recipient`: of given_up; empty: the message as a whole.
  virtual void changed(const QueuedMessage& message, OperatorChange change,
                       std::string_view recipient, std::string_view text) = 0;
  // A bounce that bounced twice: nobody is told.
  virtual void bounce_discarded(const QueuedMessage& message) = 0;
  // It has left the queue.
  virtual void ended(const QueuedMessage& message) = 0;
};

// Tells all of them.
class Observers final : public Observer {
 public:
  void add(Observer& observer) { observers_.push_back(&observer); }

  void accepted(const QueuedMessage& message, const NewBody& body) override {
    for (Observer* each : observers_) each->accepted(message, body);
  }
  void started(const QueuedMessage& message, const Work& work) override {
    for (Observer* each : observers_) each->started(message, work);
  }
  void attempted(const QueuedMessage& message, const Work& work, const Attempt& attempt) override {
    for (Observer* each : observers_) each->attempted(message, work, attempt);
  }
  void changed(const QueuedMessage& message, OperatorChange change, std::string_view recipient,
               std::string_view text) override {
    for (Observer* each : observers_) each->changed(message, change, recipient, text);
  }
  void bounce_discarded(const QueuedMessage& message) override {
    for (Observer* each : observers_) each->bounce_discarded(message);
  }
  void ended(const QueuedMessage& message) override {
    for (Observer* each : observers_) each->ended(message);
  }

 private:
  std::vector<Observer*> observers_;
};

}  // namespace toast::queue
