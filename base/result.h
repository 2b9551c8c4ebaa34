// Errors as values. In mail the question is always "again later, or never?", so every error says
// which; it also keeps apart what a peer may read and what only the operator should.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace toast {

enum class Failure : unsigned char {
  transient,
  permanent
};  // RFC 3463 section 2: class 4, class 5

struct Error {
  Failure failure = Failure::transient;
  std::string reply;   // "4.3.0 try again later": enhanced status and text; a peer may read this
  std::string detail;  // what failed, on what, why; for the operator, never sent to a peer
};

template <class T>
using Result = tl::expected<T, Error>;

// The unexpected values that functions return. `detail` is for the operator; `reply` for the peer.
[[nodiscard]] inline tl::unexpected<Error> transient(std::string detail,
                                                     std::string reply = "4.3.0 try again later") {
  return tl::unexpected(Error{Failure::transient, std::move(reply), std::move(detail)});
}
[[nodiscard]] inline tl::unexpected<Error> permanent(std::string detail,
                                                     std::string reply = "5.3.0 refused") {
  return tl::unexpected(Error{Failure::permanent, std::move(reply), std::move(detail)});
}
// Hands an error up unchanged: `if (!r) return pass(r);`
template <class T>
[[nodiscard]] tl::unexpected<Error> pass(Result<T>& failed) {
  return tl::unexpected(std::move(failed.error()));
}
// Hands an error up with what the caller was doing in front of the operator's text.
template <class T>
[[nodiscard]] tl::unexpected<Error> pass(Result<T>& failed, std::string_view doing) {
  Error error = std::move(failed.error());
  error.detail.insert(0, std::string(doing) + ": ");
  return tl::unexpected(std::move(error));
}

// "open queue/lock: Permission denied". A failed system call is temporary unless the caller knows
// better: disks are repaired, descriptors are freed.
[[nodiscard]] tl::unexpected<Error> system_error(std::string_view doing, std::string_view object,
                                                 int error_number);
[[nodiscard]] tl::unexpected<Error> system_error(std::string_view doing, std::string_view object);

}  // namespace toast
