// The files of the event store, as their writer sees them: appended to, the oldest removed when all
// together are larger than they may be. Blocks; one thread at a time. Nothing is ever fsynced: a
// power cut may cost the last seconds of the history, never mail.
//
// Any call may fail, and the next write goes on as well as it can: frames that were not written are
// lost, a file in which two writes in a row failed is given up, and after any other error the
// directory is looked at anew.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mta/queue/journal/disk.h"

namespace toast::queue::trace {

inline constexpr std::uint64_t kMaxFileBytes = std::uint64_t{16} * 1024 * 1024;
// A small store is cut into so many files, so that the oldest part that goes is not all of it.
inline constexpr std::uint64_t kFilesInSmallStore = 8;

// The directory; made if need be and `make`, else null where there is none.
using OpenFolder = std::function<Result<std::unique_ptr<Disk>>(bool make)>;
OpenFolder real_folder(std::string directory);

class Ring {
 public:
  // The directory is made when the first event is written.
  explicit Ring(OpenFolder open_folder) : open_folder_(std::move(open_folder)) {}

  // Whole frames, in a file that has room for all of them. After an error none of them counts. A
  // capacity of 0 removes the files, and keeps nothing.
  [[nodiscard]] Result<void> write(std::string_view frames, std::uint64_t capacity);

 private:
  struct File {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;  // that are good, of the one that is written
  };
  Result<void> open(bool make);
  void look_anew();
  Result<void> put(std::string_view frames, std::uint64_t capacity);
  Result<void> make_room(std::uint64_t bytes, std::uint64_t capacity);
  Result<void> begin_file();
  Result<void> append(std::string_view bytes);
  Result<void> give_up_current();
  Result<void> remove(std::vector<File>::iterator file);

  OpenFolder open_folder_;
  std::unique_ptr<Disk> disk_;
  std::vector<File> files_;            // oldest first
  std::unique_ptr<DiskFile> current_;  // the last of them, if it is being written
  bool last_append_failed_ = false;
  bool sizes_failed_ = false;  // when the directory was looked at
};

}  // namespace toast::queue::trace
