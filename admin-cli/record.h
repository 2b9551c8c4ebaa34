// What commands print, before it is a table or JSON: named values in a fixed order. Times are ISO
// 8601 UTC text, sizes are integers of bytes, absent values are null.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace toast::admin {

class Record;

class Value {
 public:
  Value() = default;                                      // null
  Value(bool v) : value_(v) {}                            // NOLINT: implicit on purpose, for lists
  Value(int v) : value_(static_cast<std::int64_t>(v)) {}  // NOLINT
  Value(std::int64_t v) : value_(v) {}                    // NOLINT
  Value(std::uint64_t v) : value_(v) {}                   // NOLINT
  Value(std::uint32_t v) : value_(static_cast<std::uint64_t>(v)) {}  // NOLINT
  Value(std::string v) : value_(std::move(v)) {}                     // NOLINT
  Value(std::string_view v) : value_(std::string(v)) {}              // NOLINT
  Value(const char* v) : value_(std::string(v)) {}                   // NOLINT
  Value(std::vector<Value> v) : value_(std::move(v)) {}              // NOLINT
  Value(Record v);                                                   // NOLINT
  template <class T>
  Value(const std::optional<T>& v) {  // NOLINT
    if (v) *this = Value(*v);
  }

  // JSON; `indent` is that of the line it begins on.
  void write_json(std::string& out, unsigned indent) const;
  // As a person reads it in a table; lists with commas, null as "-".
  std::string text() const;
  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }

 private:
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, std::string, std::vector<Value>,
               std::shared_ptr<const Record>>
      value_;
};

class Record {
 public:
  Record() = default;
  Record(std::initializer_list<std::pair<std::string, Value>> fields) : fields_(fields) {}
  Record& add(std::string name, Value value) {
    fields_.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  const std::vector<std::pair<std::string, Value>>& fields() const { return fields_; }
  const Value* find(std::string_view name) const;
  void write_json(std::string& out, unsigned indent) const;

 private:
  std::vector<std::pair<std::string, Value>> fields_;
};

// Null when it is empty.
inline Value optional_text(const std::string& text) { return text.empty() ? Value() : Value(text); }

std::string json_string(std::string_view text);  // quoted; what is no UTF-8 becomes U+FFFD
std::string iso_time(WallTime time);             // "2026-11-22T14:00:00Z"
std::string iso_time(std::int64_t unix_seconds);
std::string size_text(std::uint64_t bytes);  // "1.5 GiB"

}  // namespace toast::admin
