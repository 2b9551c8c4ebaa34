// An optional value that few have: a pointer where std::optional keeps room for the whole.
#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace toast::queue {

template <class T>
class Rare {
 public:
  Rare() = default;
  Rare(std::nullopt_t) {}
  Rare(const std::optional<T>& value) : value_(value ? std::make_unique<T>(*value) : nullptr) {}
  Rare(T value) : value_(std::make_unique<T>(std::move(value))) {}
  Rare(const Rare& other) : value_(other.value_ ? std::make_unique<T>(*other) : nullptr) {}
  Rare(Rare&&) noexcept = default;
  Rare& operator=(Rare other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~Rare() = default;

  explicit operator bool() const { return value_ != nullptr; }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }
  T value_or(T other) const { return value_ ? *value_ : std::move(other); }
  // The value, made now if there is none.
  T& make() {
    if (!value_) value_ = std::make_unique<T>();
    return *value_;
  }
  void reset() { value_.reset(); }
  friend bool operator==(const Rare& a, const Rare& b) { return a && b ? *a == *b : !a && !b; }
  template <class U>
    requires(!std::is_same_v<U, Rare>)
  friend bool operator==(const Rare& a, const U& b) {
    return a && *a == b;
  }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace toast::queue
