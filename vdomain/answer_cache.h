// Answers of the directory, by question. While nothing has changed an answer of the last second is
// given again; in an outage only a positive one is, however old: "unknown" is never remembered.
// Bounded: two halves, the older of which is dropped when the newer is full.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/clock.h"

namespace toast::vdomain {

// A dot-qmail file may change without the database knowing.
inline constexpr std::chrono::seconds kMaxAnswerAge{1};
inline constexpr std::size_t kMaxCachedAnswers = 200'000;  // some 100 MB at worst, mostly 40

template <class Answer>
class AnswerCache {
 public:
  explicit AnswerCache(std::size_t max_answers = kMaxCachedAnswers) : half_(max_answers / 2) {}

  // Valid now: given while the directory was as it is (`epoch`), a second ago at most.
  const Answer* fresh(const std::string& question, std::uint64_t epoch, SteadyTime now) {
    const Entry* entry = find(question);
    const bool valid =
        entry != nullptr && entry->epoch == epoch && now - entry->at <= kMaxAnswerAge;
    return valid ? &entry->answer : nullptr;
  }
  // The same, if it turns nobody away.
  const Answer* fresh_positive(const std::string& question, std::uint64_t epoch, SteadyTime now) {
    return positive(question) == nullptr ? nullptr : fresh(question, epoch, now);
  }
  // The last word we had, for an outage.
  const Answer* positive(const std::string& question) {
    const Entry* entry = find(question);
    return entry != nullptr && entry->positive ? &entry->answer : nullptr;
  }
  void put(const std::string& question, Answer answer, bool positive, std::uint64_t epoch,
           SteadyTime now) {
    if (newer_.size() >= half_) {
      older_ = std::move(newer_);
      newer_.clear();
    }
    older_.erase(question);
    newer_.insert_or_assign(question, Entry{std::move(answer), positive, epoch, now});
  }
  std::size_t size() const { return newer_.size() + older_.size(); }

 private:
  struct Entry {
    Answer answer;
    bool positive;
    std::uint64_t epoch;
    SteadyTime at;
  };
  using Half = std::unordered_map<std::string, Entry>;

  const Entry* find(const std::string& question) {
    if (auto found = newer_.find(question); found != newer_.end()) return &found->second;
    auto found = older_.find(question);
    if (found == older_.end()) return nullptr;
    // In use: it stays when the older half goes.
    if (newer_.size() >= half_) return &found->second;
    auto kept = newer_.insert_or_assign(question, std::move(found->second)).first;
    older_.erase(found);
    return &kept->second;
  }

  std::size_t half_;
  Half newer_;
  Half older_;
};

}  // namespace toast::vdomain
