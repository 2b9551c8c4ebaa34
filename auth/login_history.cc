#include "auth/login_history.h"

#include <algorithm>
#include <sstream>

#include "auth/kept_words.h"

namespace toast::auth {
namespace {

std::string key_of(const LoginEvent& event) {
  std::string key{static_cast<char>(event.result), static_cast<char>(event.service)};
  for (const std::string* part :
       {&event.peer, &event.login, &event.account, &event.reason, &event.app_password}) {
    key += *part;
    key += '\0';
  }
  return key;
}

std::string lower_name(std::string_view text) {
  std::string folded(text);
  for (char& c : folded)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return folded;
}

bool fits(const LoginEvent& event, const LoginFilter& filter) {
  if (filter.failed_only && event.result == LoginResult::granted) return false;
  if (event.last < filter.since) return false;
  if (!filter.account.empty() && event.account != filter.account &&
      lower_name(event.login) != lower_name(filter.account))
    return false;
  if (!filter.network) return true;
  const Result<IpAddress> peer = IpAddress::parse(event.peer);
  return peer && filter.network->contains(*peer);
}

WallTime from_seconds(std::int64_t seconds) { return WallTime{std::chrono::seconds{seconds}}; }

}  // namespace

std::string_view login_result_name(LoginResult result) {
  switch (result) {
    case LoginResult::granted:
      return "granted";
    case LoginResult::refused:
      return "refused";
    case LoginResult::throttled:
      return "throttled";
    case LoginResult::banned:
      return "banned";
  }
  return "unknown";
}

void LoginHistory::add(LoginEvent event) {
  const WallTime now = clock_.wall();
  // Of a name that is no name only so much is kept as one may have.
  event.login.resize(std::min(event.login.size(), kMaxLoginName));
  const std::string key = key_of(event);
  Events& events = shelf_of(event.result);
  if (const auto open = open_.find(key); open != open_.end()) {
    LoginEvent& same = events.at(open->second);
    // Also after the clock was set back.
    const bool fresh = now >= same.first && now - same.first < same_again(same.result);
    if (fresh) {
      ++same.count;
      same.last = now;
      return;
    }
    end(key, same);
  }
  event.first = event.last = now;
  event.count = 1;
  open_[key] = next_;
  put(std::move(event));
}

void LoginHistory::put(LoginEvent event) {
  Events& events = shelf_of(event.result);
  event.serial = next_++;
  events.emplace(event.serial, std::move(event));
  if (events.size() > kept_) drop_oldest(events);
}

// One that is still open is written, too: the file reaches as far as it does.
void LoginHistory::drop_oldest(Events& events) {
  const LoginEvent& oldest = events.begin()->second;
  const std::string key = key_of(oldest);
  if (const auto open = open_.find(key); open != open_.end() && open->second == oldest.serial)
    end(key, oldest);
  events.erase(events.begin());
}

void LoginHistory::end(const std::string& key, const LoginEvent& event) {
  lines_[event.result == LoginResult::granted ? 0 : 1] += login_event_line(event);
  open_.erase(key);
}

void LoginHistory::close(bool all) {
  const WallTime now = clock_.wall();
  std::vector<const LoginEvent*> over;
  for (const auto& [key, serial] : open_)
    for (const Events& events : shelves_) {
      const auto found = events.find(serial);
      if (found == events.end()) continue;
      const LoginEvent& event = found->second;
      if (all || now < event.first || now - event.first >= same_again(event.result))
        over.push_back(&event);
    }
  std::ranges::sort(over, {}, &LoginEvent::serial);
  for (const LoginEvent* event : over) end(key_of(*event), *event);
  for (Events& events : shelves_)
    while (!events.empty() && now - events.begin()->second.last > kLoginsKeptFor)
      drop_oldest(events);
}

std::string LoginHistory::take_lines(Shelf shelf) {
  return std::exchange(lines_[static_cast<std::size_t>(shelf)], {});
}

std::vector<LoginEvent> LoginHistory::find(const LoginFilter& filter, std::uint64_t before,
                                           std::size_t limit) const {
  std::vector<LoginEvent> found;
  auto end_of = [before](const Events& events) {
    return std::make_reverse_iterator(before == 0 ? events.end() : events.lower_bound(before));
  };
  auto granted = end_of(shelves_[0]);
  auto failed = end_of(shelves_[1]);
  while (found.size() < limit) {
    const bool more_granted = granted != shelves_[0].rend();
    const bool more_failed = failed != shelves_[1].rend();
    if (!more_granted && !more_failed) break;
    const bool take_granted = more_granted && (!more_failed || granted->first > failed->first);
    const LoginEvent& next = take_granted ? (granted++)->second : (failed++)->second;
    if (fits(next, filter)) found.push_back(next);
  }
  return found;
}

std::optional<WallTime> LoginHistory::reaches_back_to() const {
  std::optional<WallTime> oldest;
  for (const Events& events : shelves_)
    if (!events.empty() && (!oldest || events.begin()->second.first < *oldest))
      oldest = events.begin()->second.first;
  return oldest;
}

std::size_t LoginHistory::load(std::string_view lines) {
  std::vector<LoginEvent> events;
  std::size_t foreign = 0;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    Result<LoginEvent> event = parse_login_event(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (!event) {
      ++foreign;  // the torn last line of a crash
    } else if (clock_.wall() - event->last <= kLoginsKeptFor) {
      events.push_back(std::move(*event));
    }
  }
  for (LoginEvent& event : events) put(std::move(event));
  return foreign;
}

std::string login_event_line(const LoginEvent& event) {
  std::string line(login_result_name(event.result));
  for (const std::int64_t number : {unix_seconds(event.first), unix_seconds(event.last),
                                    static_cast<std::int64_t>(event.count)})
    line += ' ' + std::to_string(number);
  line += ' ';
  line += service_name(event.service);
  for (const std::string* word :
       {&event.peer, &event.login, &event.account, &event.reason, &event.app_password})
    line += ' ' + kept_word(*word);
  return line + '\n';
}

Result<LoginEvent> parse_login_event(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string result;
  std::string service;
  std::int64_t first = 0;
  std::int64_t last = 0;
  LoginEvent event;
  words >> result >> first >> last >> event.count >> service;
  for (std::string* word :
       {&event.peer, &event.login, &event.account, &event.reason, &event.app_password}) {
    std::string kept;
    words >> kept;
    *word = words.fail() ? std::string() : from_kept_word(kept);
  }
  const std::optional<Service> known = parse_service(service);
  std::optional<LoginResult> outcome;
  for (unsigned char n = 0; n <= static_cast<unsigned char>(kLastLoginResult); ++n)
    if (login_result_name(static_cast<LoginResult>(n)) == result)
      outcome = static_cast<LoginResult>(n);
  if (words.fail() || !known || !outcome || event.count == 0 ||
      event.login.size() > kMaxLoginName || event.account.size() > kMaxLoginName)
    return permanent("a line that is not ours");
  event.result = *outcome;
  event.service = *known;
  event.first = from_seconds(first);
  event.last = from_seconds(last);
  return event;
}

}  // namespace toast::auth
