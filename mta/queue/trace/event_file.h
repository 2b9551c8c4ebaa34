// A file of events: a header, then frames (docs/trace.md). What is read of it ends at the first
// frame that does not prove itself, whether that is a torn tail or damage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "mta/queue/trace/event.h"

namespace toast::queue::trace {

inline constexpr std::size_t kFrameHeaderBytes = 8;  // length, checksum

std::string file_header();
std::string frame(const Event& event);

// trace.0000000000000001
std::string file_name(std::uint64_t number);
// None: it is no file of the store.
std::optional<std::uint64_t> number_of(std::string_view name);
// The numbers of the files in `directory`, oldest first. None if there is no such directory.
[[nodiscard]] Result<std::vector<std::uint64_t>> list_files(const std::string& directory);

class EventFile {
 public:
  explicit EventFile(Fd fd) : fd_(std::move(fd)) {}
  // Nothing: the file has ended, or cannot be read on. Its end may still grow.
  std::optional<Event> next();
  const std::optional<Error>& failure() const { return failure_; }
  // Bytes that are header and good frames so far; 0: not even the header is.
  std::uint64_t good_bytes() const { return good_bytes_; }

 private:
  bool fill(std::size_t wanted);  // at least so many unread bytes in hand
  std::string_view unread() const { return std::string_view(buffer_).substr(at_); }

  Fd fd_;
  std::string buffer_;
  std::size_t at_ = 0;
  std::uint64_t good_bytes_ = 0;
  bool at_end_ = false;
  std::optional<Error> failure_;
};

}  // namespace toast::queue::trace
