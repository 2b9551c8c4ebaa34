// The files of the event store, as their writer sees them: appended to, the oldest removed when all
// together are larger than they may be. Blocks; one thread at a time. Nothing is ever fsynced: a
// power cut may cost the last seconds of the history, never mail.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace toast::queue::trace {

inline constexpr std::uint64_t kMaxFileBytes = std::uint64_t{16} * 1024 * 1024;
// A small store is cut into so many files, so that the oldest part that goes is not all of it.
inline constexpr std::uint64_t kFilesInSmallStore = 8;

class Ring {
 public:
  // The directory is made when the first event is written.
  explicit Ring(std::string directory) : directory_(std::move(directory)) {}

  // Whole frames, in a file that has room for all of them. After an error none of them is there,
  // as far as the disk allows. A capacity of 0 removes the files, and keeps nothing.
  [[nodiscard]] Result<void> write(std::string_view frames, std::uint64_t capacity);

 private:
  struct File {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
  };
  Result<void> open();
  Result<void> make_room(std::uint64_t bytes, std::uint64_t capacity);
  Result<void> begin_file();
  Result<void> append(std::string_view bytes);
  Result<void> remove_oldest();
  std::string path(std::uint64_t number) const;

  std::string directory_;
  bool opened_ = false;
  std::vector<File> files_;  // oldest first
  Fd current_;               // the last of them, if it is being written
};

}  // namespace toast::queue::trace
