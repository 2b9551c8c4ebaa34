// A map that never grows past its limit: the entry used longest ago makes room. For memories whose
// keys strangers choose.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

namespace toast::auth {

template <class Key, class Value, class Hash = std::hash<Key>>
class LruMap {
 public:
  explicit LruMap(std::size_t max_entries) : max_entries_(max_entries) {}

  // Null when absent. Marks the entry as just used.
  Value* find(const Key& key) {
    auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }
  // The entry, made if absent. With a limit of zero nothing is kept beyond the next call.
  Value& find_or_make(const Key& key) {
    if (Value* present = find(key)) return *present;
    make_room();
    entries_.emplace_front(key, Value{});
    index_.emplace(key, entries_.begin());
    return entries_.front().second;
  }
  void erase(const Key& key) {
    auto found = index_.find(key);
    if (found == index_.end()) return;
    entries_.erase(found->second);
    index_.erase(found);
  }
  // Before a new entry: among the kSpared entries used longest ago the first for which `spare` is
  // false goes; when all are to be spared, the oldest of them.
  template <class Spare>
  void make_room_sparing(Spare spare) {
    constexpr int kSpared = 8;
    if (entries_.size() < max_entries_ || entries_.empty()) return;
    auto victim = std::prev(entries_.end());
    for (int looked = 0; looked < kSpared; ++looked, --victim) {
      if (!spare(victim->second)) return drop(victim);
      if (victim == entries_.begin()) break;
    }
    drop(std::prev(entries_.end()));
  }
  std::size_t size() const { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<Key, Value>>;
  void make_room() {
    while (entries_.size() >= max_entries_ && !entries_.empty()) drop(std::prev(entries_.end()));
  }
  void drop(typename Entries::iterator victim) {
    index_.erase(victim->first);
    entries_.erase(victim);
  }
  std::size_t max_entries_;
  Entries entries_;  // most recently used first
  std::unordered_map<Key, typename Entries::iterator, Hash> index_;
};

}  // namespace toast::auth
