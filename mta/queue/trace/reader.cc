#include "mta/queue/trace/reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "mta/message/ascii.h"
#include "mta/queue/trace/event_file.h"

namespace toast::queue::trace {
namespace {

struct Match {
  MessageId parent;
  bool whole = false;  // not only for one of its recipients
};

bool is_attempt(Kind kind) {
  return kind == Kind::delivered || kind == Kind::deferred || kind == Kind::failed;
}

std::size_t bytes_of(const Event& event) {
  Encoder e;
  encode(e, event);
  return e.view().size();
}

// Removed meanwhile: it was the oldest.
bool is_gone(const std::string& path) {
  return ::access(path.c_str(), F_OK) != 0 && errno == ENOENT;
}

Error of(Error error, const std::string& path) {
  error.detail = path + ": " + error.detail;
  return error;
}

class Search {
 public:
  Search(const std::string& directory, const Query& query)
      : directory_(directory), query_(query), text_(without_brackets(query.text)) {}

  Result<Answer> run() {
    Result<void> matched = each_event(query_.since, [this](const Event& event) { match(event); });
    if (!matched) return pass(matched);
    for (const auto& [id, match] : matches_)
      if (match.parent.value() != 0) related_.insert(match.parent);
    if (!matches_.empty()) {
      parents_ = related_;
      Result<void> collected = each_event(WallTime{}, [this](Event& event) { collect(event); });
      if (!collected) return pass(collected);
    }
    return answer();
  }

 private:
  template <class F>
  Result<void> each_event(WallTime since, F callee) {
    Result<std::vector<std::uint64_t>> numbers = list_files(directory_);
    if (!numbers) return pass(numbers);
    bool first = true;
    for (const std::uint64_t number : *numbers) {
      const std::string path = directory_ + "/" + file_name(number);
      Result<Fd> fd = open_file(path, O_RDONLY);
      if (!fd && is_gone(path)) continue;
      if (!fd) return pass(fd);
      struct stat status {};
      if (::fstat(fd->get(), &status) != 0) return system_error("stat", path);
      // All of it is older. The first one is looked into all the same, for its first event.
      if (!first && status.st_mtime < unix_seconds(since)) continue;
      EventFile file(std::move(*fd));
      while (std::optional<Event> event = file.next()) {
        first = false;
        if (!oldest_ || event->time < *oldest_) oldest_ = event->time;
        if (event->time >= since) callee(*event);
      }
      if (file.failure()) return tl::unexpected(of(*file.failure(), path));
    }
    return {};
  }

  bool names(const std::string& address) const { return ascii::equal_fold(address, text_); }
  bool is_to(const Event& event) const {
    return std::ranges::any_of(event.recipients, [this](const auto& r) { return names(r); });
  }

  void match(const Event& event) {
    bool whole = true;
    if (query_.id.value() != 0) {
      if (event.id != query_.id) return;
    } else if (text_.empty()) {
      return;
    } else if (event.message_id.empty() || event.message_id != text_.substr(0, kMaxMessageIdText)) {
      whole = names(event.sender);
      if (!whole && !is_to(event)) return;
    }
    Match& found = matches_[event.id];
    found.parent = event.parent;
    found.whole = found.whole || whole;
    if (matches_.size() > std::min(query_.messages, kMaxMessages)) {
      matches_.erase(matches_.begin());  // by id, which is by time
      cut_ = true;
    }
  }

  bool wanted(const Event& event) {
    const auto found = matches_.find(event.id);
    if (found != matches_.end())
      return found->second.whole || !is_attempt(event.kind) || is_to(event);
    if (related_.contains(event.id)) return true;
    const bool is_child = matches_.contains(event.parent) ||
                          (related_.contains(event.parent) && !parents_.contains(event.parent));
    if (!is_child || event.parent.value() == 0) return false;
    if (related_.size() >= kMaxRelated) {
      cut_ = true;
      return false;
    }
    related_.insert(event.id);
    return true;
  }

  void collect(Event& event) {
    if (!wanted(event)) return;
    const std::size_t bytes = bytes_of(event);
    if (bytes_ + bytes > kMaxAnswerBytes) {
      cut_ = true;
      // Older messages make room for newer ones; one message that fills it all keeps its beginning.
      while (bytes_ + bytes > kMaxAnswerBytes && !found_.empty() &&
             found_.begin()->first < event.id) {
        for (const Event& old : found_.begin()->second) bytes_ -= bytes_of(old);
        found_.erase(found_.begin());
      }
      if (bytes_ + bytes > kMaxAnswerBytes) return;
    }
    bytes_ += bytes;
    found_[event.id].push_back(std::move(event));
  }

  Answer answer() {
    Answer answer;
    answer.cut = cut_;
    answer.oldest = oldest_;
    for (auto& [id, events] : found_) std::ranges::move(events, std::back_inserter(answer.events));
    std::ranges::stable_sort(answer.events, {}, &Event::time);
    return answer;
  }

  const std::string& directory_;
  const Query& query_;
  std::string_view text_;
  std::map<MessageId, Match> matches_;
  std::set<MessageId> related_;
  std::set<MessageId> parents_;  // of these: not to be followed to their other children
  std::map<MessageId, std::vector<Event>> found_;
  std::size_t bytes_ = 0;
  std::optional<WallTime> oldest_;
  bool cut_ = false;
};

}  // namespace

Result<Answer> search(const std::string& directory, const Query& query) {
  return Search(directory, query).run();
}

}  // namespace toast::queue::trace
