// A password or a key. It wipes its bytes when it dies or is assigned to, cannot be printed,
// formatted or logged, is copied only by name, and compares in constant time. What it does not
// promise: copies made by the kernel or by whoever calls view() are theirs to wipe, with the
// functions at the end. base/ipc.h wipes the frames of messages that are marked secret.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"

namespace toast {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  // Takes the bytes and wipes the string they came in.
  [[nodiscard]] static Secret take(std::string& text);
  [[nodiscard]] static Secret random(Random& random, std::size_t size_bytes);
  [[nodiscard]] Secret clone() const { return Secret(view()); }

  // For the one call that needs the bytes: a hash, a MAC, an encoder. Never store it.
  std::string_view view() const { return {bytes_.get(), size_}; }
  const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(bytes_.get()); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void wipe();

  // Takes the same time wherever the first difference is; lengths are not secret.
  friend bool operator==(const Secret& a, const Secret& b) { return a.equals(b.view()); }
  bool equals(std::string_view other) const;

  template <class Stream>
  friend Stream& operator<<(Stream&, const Secret&) = delete;  // nothing prints a secret

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

// Wipes a buffer that held a secret: decoded text, a frame.
void wipe(std::string& text);
// As reserve(), erase(0, n): without leaving the bytes in memory that was given back, or behind the
// end.
void reserve_wiping(std::string& text, std::size_t size_bytes);
void drop_front_wiping(std::string& text, std::size_t count);

}  // namespace toast
