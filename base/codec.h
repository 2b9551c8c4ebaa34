// The one binary codec: for messages between our processes, for journal records, for control
// snapshots. Fixed-width little-endian integers and length-counted byte strings, nothing else, so a
// decoder has no grammar to get wrong. Every string and list has a limit given by its reader.
// What it trusts: nothing. A Decoder over any bytes either yields values within the limits or
// fails.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace toast {

// Secret: what is written is wiped from memory when the buffer grows and when it goes.
enum class Secrecy : bool { open, secret };

class Encoder {
 public:
  Encoder() = default;
  explicit Encoder(Secrecy secrecy) : secrecy_(secrecy) {}
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  Encoder(Encoder&&) = default;
  Encoder& operator=(Encoder&&) = default;
  ~Encoder() {
    if (secrecy_ == Secrecy::secret) wipe(out_);
  }

  void u8(std::uint8_t v) {
    make_room(1);
    out_.push_back(static_cast<char>(v));
  }
  void u16(std::uint16_t v) { fixed(v); }
  void u32(std::uint32_t v) { fixed(v); }
  void u64(std::uint64_t v) { fixed(v); }
  void i64(std::int64_t v) { fixed(static_cast<std::uint64_t>(v)); }
  void boolean(bool v) { u8(v ? 1 : 0); }
  void bytes(std::string_view v) {
    u32(static_cast<std::uint32_t>(v.size()));
    make_room(v.size());
    out_.append(v);
  }
  template <class E>
    requires std::is_enum_v<E>
  void enumeration(E v) {
    u8(static_cast<std::uint8_t>(v));
  }
  // Items are written by `each(encoder, item)`.
  template <class Range, class F>
  void list(const Range& range, F each) {
    u32(static_cast<std::uint32_t>(range.size()));
    for (const auto& item : range) each(*this, item);
  }
  std::string take() { return std::move(out_); }
  const std::string& view() const { return out_; }

 private:
  template <class T>
  void fixed(T v) {
    char raw[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i) raw[i] = static_cast<char>((v >> (8 * i)) & 0xff);
    make_room(sizeof(T));
    out_.append(raw, sizeof(T));
  }
  void make_room(std::size_t more) {
    if (secrecy_ == Secrecy::secret) reserve_wiping(out_, out_.size() + more);
  }
  std::string out_;
  Secrecy secrecy_ = Secrecy::open;
};

// Reads what an Encoder wrote. Errors are sticky: after the first bad field every value is empty,
// and finish() says so. Check finish() before using any value.
class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}

  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint16_t u16() { return fixed<std::uint16_t>(); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  bool boolean() {
    const std::uint8_t v = u8();
    if (v > 1) fail("boolean out of range");
    return v == 1;
  }
  // A view into the input: valid as long as the input is.
  std::string_view bytes(std::size_t max_bytes) {
    const std::uint32_t n = u32();
    if (n > max_bytes || n > in_.size()) {
      fail("byte string over its limit");
      return {};
    }
    const std::string_view v = in_.substr(0, n);
    in_.remove_prefix(n);
    return v;
  }
  std::string string(std::size_t max_bytes) { return std::string(bytes(max_bytes)); }
  // An enum class whose last value is E::last_ or given here.
  template <class E>
  E enumeration(E last) {
    const std::uint8_t v = u8();
    if (v > static_cast<std::uint8_t>(last)) {
      fail("enumeration out of range");
      return static_cast<E>(0);
    }
    return static_cast<E>(v);
  }
  template <class F>
  auto list(std::size_t max_items, F each) -> std::vector<decltype(each(*this))> {
    std::vector<decltype(each(*this))> items;
    const std::uint32_t n = u32();
    if (n > max_items || n > in_.size()) {  // every item takes at least one byte
      fail("list over its limit");
      return items;
    }
    items.reserve(n);
    for (std::uint32_t i = 0; i < n && ok(); ++i) items.push_back(each(*this));
    return items;
  }

  void fail(std::string_view why) {
    if (ok()) error_ = why;
    in_ = {};
  }
  bool ok() const { return error_.empty(); }
  bool at_end() const { return in_.empty(); }
  std::string_view rest() const { return in_; }
  // Nothing was wrong and nothing is left over.
  [[nodiscard]] Result<void> finish(std::string_view what) const {
    if (!ok()) return permanent(std::string(what) + ": " + std::string(error_));
    if (!in_.empty()) return permanent(std::string(what) + ": bytes left over");
    return {};
  }

 private:
  template <class T>
  T fixed() {
    if (in_.size() < sizeof(T)) {
      fail("cut short");
      return 0;
    }
    T v = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      v = static_cast<T>(v | (static_cast<T>(static_cast<unsigned char>(in_[i])) << (8 * i)));
    in_.remove_prefix(sizeof(T));
    return v;
  }
  std::string_view in_;
  std::string_view error_;
};

}  // namespace toast
