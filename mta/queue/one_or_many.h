// A fixed number of items, without a block of memory of their own when it is one, as it mostly is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace toast::queue {

template <class T>
class OneOrMany {
 public:
  explicit OneOrMany(std::uint32_t size) : size_(size) {
    if (size_ == 1)
      std::construct_at(&one_);
    else
      many_ = new T[size_]();
  }
  OneOrMany(const OneOrMany&) = delete;
  OneOrMany& operator=(const OneOrMany&) = delete;
  ~OneOrMany() {
    if (size_ == 1)
      std::destroy_at(&one_);
    else
      delete[] many_;
  }

  std::size_t size() const { return size_; }
  T* begin() { return size_ == 1 ? &one_ : many_; }
  T* end() { return begin() + size_; }
  const T* begin() const { return size_ == 1 ? &one_ : many_; }
  const T* end() const { return begin() + size_; }
  T& operator[](std::size_t i) { return begin()[i]; }
  const T& operator[](std::size_t i) const { return begin()[i]; }

 private:
  union {
    T one_;
    T* many_;
  };
  std::uint32_t size_;
};

}  // namespace toast::queue
