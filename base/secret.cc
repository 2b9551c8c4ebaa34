#include "base/secret.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace toast {

Secret::Secret(std::string_view bytes)
    : bytes_(bytes.empty() ? nullptr : new char[bytes.size()]), size_(bytes.size()) {
  if (size_ > 0) std::memcpy(bytes_.get(), bytes.data(), size_);
}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Secret Secret::take(std::string& text) {
  Secret secret(text);
  toast::wipe(text);
  return secret;
}

Secret Secret::random(Random& random, std::size_t size_bytes) {
  Secret secret;
  secret.bytes_.reset(new char[size_bytes]);
  secret.size_ = size_bytes;
  random.fill({reinterpret_cast<unsigned char*>(secret.bytes_.get()), size_bytes});
  return secret;
}

void Secret::wipe() {
  if (bytes_) sodium_memzero(bytes_.get(), size_);
  bytes_.reset();
  size_ = 0;
}

bool Secret::equals(std::string_view other) const {
  if (size_ != other.size()) return false;
  return size_ == 0 || sodium_memcmp(bytes_.get(), other.data(), size_) == 0;
}

void wipe(std::string& text) {
  if (!text.empty()) sodium_memzero(text.data(), text.size());
  text.clear();
}

void reserve_wiping(std::string& text, std::size_t size_bytes) {
  if (size_bytes <= text.capacity()) return;
  std::string larger;
  larger.reserve(std::max(size_bytes, 2 * text.capacity()));
  larger.append(text);
  wipe(text);
  text.swap(larger);
}

void drop_front_wiping(std::string& text, std::size_t count) {
  const std::size_t left = text.size() - count;
  std::memmove(text.data(), text.data() + count, left);
  sodium_memzero(text.data() + left, count);
  text.resize(left);
}

}  // namespace toast
