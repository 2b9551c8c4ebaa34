// Events of messages as toastctl shows them: a line for a person, a record for JSON.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "admin-cli/record.h"
#include "mta/queue/trace/event.h"

namespace toast::admin {

// {"time", "event", "recipient", "text", "remote"}; what an event has not is null.
Record to_record(const queue::trace::Event& event);
std::vector<Value> to_values(const std::vector<queue::trace::Event>& events);
// "2026-11-23T00:44:00Z  deferred   ann@a.test: 4.2.2 over quota (mx.a.test [192.0.2.1])"
std::string line_of(const queue::trace::Event& event);

// The events of one message, by recipient.
class RecipientHistories {
 public:
  explicit RecipientHistories(std::vector<queue::trace::Event> events);
  // Its attempts, and what befell the message as a whole since it arrived, in order of time.
  std::vector<queue::trace::Event> of(const std::string& address) const;

 private:
  std::map<std::string, std::vector<queue::trace::Event>> own_;  // by address in lower case
  std::vector<queue::trace::Event> common_;
};

}  // namespace toast::admin
