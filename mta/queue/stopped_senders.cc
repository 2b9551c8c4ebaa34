#include "mta/queue/stopped_senders.h"

#include <sstream>

#include "auth/kept_words.h"
#include "mta/queue/small_file.h"

namespace toast::queue {
namespace {

constexpr std::size_t kMaxStoppedFile = kMaxStopped * 640;

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text.substr(0, kMaxStopReason);
}

}  // namespace

std::string_view stop_name(Stop stop) { return stop == Stop::locked ? "locked" : "suspended"; }

std::string hold_reason(const std::string& login) {
  return "account stopped: " + login + " (toastctl account show)";
}

// "locked 1763892000 ann@example.org why"; a blank in a login is %20
Result<StoppedSenders> StoppedSenders::load(Disk& disk) {
  StoppedSenders stopped;
  stopped.disk_ = &disk;
  const std::string name(kStoppedFile);
  Result<std::optional<std::string>> text = read_small_file(disk, name, kMaxStoppedFile);
  if (!text) return pass(text);
  if (!*text) return stopped;
  std::istringstream lines(**text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind;
    std::string login;
    std::int64_t since = 0;
    words >> kind >> since >> login;
    const bool locked = kind == stop_name(Stop::locked);
    if (words.fail() || (!locked && kind != stop_name(Stop::suspended)))
      return permanent(name + ": a line that is not ours: remove the file to stop nobody");
    words.get();  // the blank
    std::string reason;
    std::getline(words, reason);
    stopped.senders_[auth::from_kept_word(login)][locked ? Stop::locked : Stop::suspended] = {
        WallTime{std::chrono::seconds{since}}, std::move(reason)};
  }
  return stopped;
}

Result<void> StoppedSenders::save() const {
  if (disk_ == nullptr) return {};
  std::string text;
  for (const auto& [login, stops] : senders_)
    for (const auto& [stop, entry] : stops)
      text += std::string(stop_name(stop)) + ' ' + std::to_string(unix_seconds(entry.since)) + ' ' +
              auth::kept_word(login) + ' ' + entry.reason + '\n';
  return replace_small_file(*disk_, std::string(kStoppedFile), text);
}

const StoppedSenders::Stops* StoppedSenders::find(const std::string& login) const {
  const auto found = senders_.find(login);
  return found == senders_.end() ? nullptr : &found->second;
}

bool StoppedSenders::add(const std::string& login, Stop stop, Entry entry) {
  entry.reason = one_line(std::move(entry.reason));
  return senders_[login].emplace(stop, std::move(entry)).second;
}

bool StoppedSenders::remove(const std::string& login, Stop stop) {
  const auto found = senders_.find(login);
  if (found == senders_.end() || found->second.erase(stop) == 0) return false;
  if (found->second.empty()) senders_.erase(found);
  return true;
}

}  // namespace toast::queue
