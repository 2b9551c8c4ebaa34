// Where a Maildir lies below mail/: "example.org/ann/Maildir". Every instance is safe to walk with
// openat2(RESOLVE_BENEATH): relative, no empty, "." or ".." component, no control bytes.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace toast::maildir {

inline constexpr std::size_t kMaxPathBytes = 1024;
inline constexpr std::size_t kMaxPathDepth = 16;  // domain hashing and user hashing take 8 at most

class MaildirPath {
 public:
  // A trailing slash, as dot-qmail lines write it, and a leading "./" are dropped.
  [[nodiscard]] static Result<MaildirPath> parse(std::string_view text);
  const std::string& str() const { return text_; }
  std::vector<std::string> components() const;
  friend bool operator==(const MaildirPath&, const MaildirPath&) = default;

 private:
  explicit MaildirPath(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace toast::maildir

template <>
struct std::hash<toast::maildir::MaildirPath> {
  std::size_t operator()(const toast::maildir::MaildirPath& path) const noexcept {
    return std::hash<std::string>{}(path.str());
  }
};
