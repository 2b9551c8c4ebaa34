#include "admin-cli/trace_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "admin-cli/output.h"
#include "mta/message/ascii.h"

namespace toast::admin {
namespace {

using queue::trace::Event;
using queue::trace::Kind;

bool is_arrival(const Event& event) {
  return event.kind == Kind::accepted || event.kind == Kind::created;
}

std::string what_happened(const Event& event) {
  if (event.kind == Kind::created)
    return fmt::format("as {} of {}", event.text, event.parent.str());
  if (event.kind == Kind::accepted) {
    std::string text = "from " + (event.peer.empty() ? event.text : event.peer);
    if (!event.login.empty()) text += ", login " + event.login;
    return text;
  }
  std::string text = event.recipients.empty() ? std::string() : event.recipients.front();
  if (!text.empty() && !event.text.empty()) text += ": ";
  text += event.text;
  if (!event.remote.empty()) text += " (" + event.remote + ")";
  return text;
}

}  // namespace

Record to_record(const Event& event) {
  const bool arrival = is_arrival(event);
  Record record{{"time", iso_time(event.time)}, {"event", name_of(event.kind)}};
  record
      .add("recipient",
           arrival || event.recipients.empty() ? Value() : Value(event.recipients.front()))
      .add("text", optional_text(event.text))
      .add("remote", optional_text(event.remote));
  return record;
}

std::vector<Value> to_values(const std::vector<Event>& events) {
  std::vector<Value> values;
  values.reserve(events.size());
  for (const Event& event : events) values.emplace_back(to_record(event));
  return values;
}

std::string line_of(const Event& event) {
  std::string line = fmt::format("{}  {:<9}  {}", iso_time(event.time), name_of(event.kind),
                                 printable(what_happened(event)));
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

RecipientHistories::RecipientHistories(std::vector<Event> events) {
  for (Event& event : events) {
    if (is_arrival(event)) continue;
    if (event.recipients.empty())
      common_.push_back(std::move(event));
    else
      own_[ascii::lower(event.recipients.front())].push_back(std::move(event));
  }
}

std::vector<Event> RecipientHistories::of(const std::string& address) const {
  std::vector<Event> history = common_;
  const auto own = own_.find(ascii::lower(address));
  if (own != own_.end()) history.insert(history.end(), own->second.begin(), own->second.end());
  std::ranges::stable_sort(history, {}, &Event::time);
  return history;
}

}  // namespace toast::admin
