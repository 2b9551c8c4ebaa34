// Items in the order of their keys, in blocks of neighbours: what a std::map is for, without its 40
// bytes for each item. Keys that come in about ascending order, as message ids do, fill the blocks.
// Pointers and iterators are good until the next insert or erase.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace toast::queue {

// KeyOf{}(item) is the item's key; it must not change.
template <class Item, class KeyOf>
class SortedBlocks {
  using Block = std::vector<Item>;
  using Blocks = std::vector<Block>;  // none of them empty

  class Iterator {
   public:
    using value_type = Item;
    using reference = const Item&;
    using pointer = const Item*;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::forward_iterator_tag;

    Iterator() = default;
    Iterator(const Blocks* blocks, std::size_t block, std::size_t item)
        : blocks_(blocks), block_(block), item_(item) {
      if (block_ < blocks_->size() && item_ == (*blocks_)[block_].size()) {
        ++block_;
        item_ = 0;
      }
    }
    reference operator*() const { return (*blocks_)[block_][item_]; }
    pointer operator->() const { return &**this; }
    Iterator& operator++() { return *this = Iterator(blocks_, block_, item_ + 1); }
    Iterator operator++(int) { return std::exchange(*this, Iterator(blocks_, block_, item_ + 1)); }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Blocks* blocks_ = nullptr;
    std::size_t block_ = 0;
    std::size_t item_ = 0;
  };

 public:
  using Key = std::decay_t<std::invoke_result_t<KeyOf, const Item&>>;
  using const_iterator = Iterator;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const_iterator begin() const { return {&blocks_, 0, 0}; }
  const_iterator end() const { return {&blocks_, blocks_.size(), 0}; }

  const_iterator lower_bound(const Key& key) const {
    const auto [block, item] = place_of(key);
    return {&blocks_, block, item};
  }
  const_iterator upper_bound(const Key& key) const {
    const_iterator at = lower_bound(key);
    if (at != end() && KeyOf{}(*at) == key) ++at;
    return at;
  }
  const Item* find(const Key& key) const {
    const auto [block, item] = place_of(key);
    return is_at(block, item, key) ? &blocks_[block][item] : nullptr;
  }
  Item* find(const Key& key) { return const_cast<Item*>(std::as_const(*this).find(key)); }
  bool contains(const Key& key) const { return find(key) != nullptr; }
  const Item* last() const { return blocks_.empty() ? nullptr : &blocks_.back().back(); }
  // The last item with a lesser key; null: there is none.
  const Item* before(const Key& key) const {
    const auto [block, item] = place_of(key);
    if (item > 0) return &blocks_[block][item - 1];
    return block > 0 ? &blocks_[block - 1].back() : nullptr;
  }

  // False, and nothing happens, if the key is there already.
  bool insert(Item item) {
    const Key key = KeyOf{}(item);
    auto [block, place] = place_of(key);
    if (is_at(block, place, key)) return false;
    ++size_;
    if (blocks_.empty()) add_block(0);
    if (blocks_[block].size() == kBlockItems) std::tie(block, place) = make_room(block, place);
    Block& into = blocks_[block];
    into.insert(into.begin() + static_cast<std::ptrdiff_t>(place), std::move(item));
    return true;
  }

  bool erase(const Key& key) {
    const auto [block, place] = place_of(key);
    if (!is_at(block, place, key)) return false;
    --size_;
    Block& from = blocks_[block];
    from.erase(from.begin() + static_cast<std::ptrdiff_t>(place));
    if (from.empty())
      blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(block));
    else if (from.size() < kBlockItems / 4 && block + 1 < blocks_.size())
      merge_with_next(block);
    return true;
  }

  void clear() {
    blocks_.clear();
    size_ = 0;
  }

 private:
  static constexpr std::size_t kBlockItems = 64;  // moved at most for one insert
  struct Place {
    std::size_t block, item;
    operator std::tuple<std::size_t, std::size_t>() const { return {block, item}; }
  };

  // Of the first item that is not before `key`: behind the last item of a block where that is the
  // next block's first, so that what is inserted there fills the block.
  Place place_of(const Key& key) const {
    const auto next = std::upper_bound(
        blocks_.begin(), blocks_.end(), key,
        [](const Key& k, const Block& block) { return k < KeyOf{}(block.front()); });
    if (next == blocks_.begin()) return {0, 0};
    const Block& block = *std::prev(next);
    const auto item = std::lower_bound(block.begin(), block.end(), key,
                                       [](const Item& i, const Key& k) { return KeyOf{}(i) < k; });
    return {static_cast<std::size_t>(next - blocks_.begin() - 1),
            static_cast<std::size_t>(item - block.begin())};
  }
  bool is_at(std::size_t block, std::size_t item, const Key& key) const {
    return block < blocks_.size() && item < blocks_[block].size() &&
           KeyOf{}(blocks_[block][item]) == key;
  }
  Block& add_block(std::size_t at) {
    Block& block = *blocks_.emplace(blocks_.begin() + static_cast<std::ptrdiff_t>(at));
    block.reserve(kBlockItems);
    return block;
  }

  // `block` is full; returns where the item that belongs at `place` in it goes. Its last item moves
  // on to a next block that has room; else the block is split, unless it is the last that grows.
  std::tuple<std::size_t, std::size_t> make_room(std::size_t block, std::size_t place) {
    if (block + 1 == blocks_.size() && place == kBlockItems) {
      add_block(block + 1);
      return {block + 1, 0};
    }
    if (block + 1 < blocks_.size() && blocks_[block + 1].size() < kBlockItems) {
      if (place == kBlockItems) return {block + 1, 0};
      Block& next = blocks_[block + 1];
      next.insert(next.begin(), std::move(blocks_[block].back()));
      blocks_[block].pop_back();
      return {block, place};
    }
    Block& upper = add_block(block + 1);
    Block& lower = blocks_[block];
    constexpr auto kHalf = static_cast<std::ptrdiff_t>(kBlockItems / 2);
    std::move(lower.begin() + kHalf, lower.end(), std::back_inserter(upper));
    lower.erase(lower.begin() + kHalf, lower.end());
    if (place <= kBlockItems / 2) return {block, place};
    return {block + 1, place - kBlockItems / 2};
  }

  void merge_with_next(std::size_t block) {
    Block& into = blocks_[block];
    Block& next = blocks_[block + 1];
    if (into.size() + next.size() > kBlockItems) return;
    std::move(next.begin(), next.end(), std::back_inserter(into));
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(block) + 1);
  }

  Blocks blocks_;
  std::size_t size_ = 0;
};

// A table by key: pairs, as a std::map's are seen.
struct FirstOf {
  template <class Pair>
  const auto& operator()(const Pair& pair) const {
    return pair.first;
  }
};
template <class Key, class Value>
using SortedTable = SortedBlocks<std::pair<Key, Value>, FirstOf>;

}  // namespace toast::queue
