// A file of queue/ that is small and always replaced as a whole.
#pragma once

#include <optional>
#include <string>

#include "mta/queue/journal/disk.h"

namespace toast::queue {

// Nothing: there is none. One of more than `max_bytes` is a permanent error.
[[nodiscard]] Result<std::optional<std::string>> read_small_file(Disk& disk,
                                                                 const std::string& name,
                                                                 std::size_t max_bytes);
// Durable when it returns well. After an error the file has its old content or this one.
[[nodiscard]] Result<void> replace_small_file(Disk& disk, const std::string& name,
                                              std::string_view text);

}  // namespace toast::queue
