#include "mta/queue/small_file.h"

#include <algorithm>

namespace toast::queue {

Result<std::optional<std::string>> read_small_file(Disk& disk, const std::string& name,
                                                   std::size_t max_bytes) {
  Result<std::vector<std::string>> names = disk.list();
  if (!names) return pass(names);
  if (std::ranges::find(*names, name) == names->end()) return std::nullopt;
  Result<std::unique_ptr<DiskFile>> file = disk.open(name);
  if (!file) return pass(file);
  Result<std::uint64_t> size = (*file)->size();
  if (!size) return pass(size);
  if (*size > max_bytes) return permanent(name + " is too large to be ours: remove it");
  Result<std::string> text = read_exactly(**file, 0, *size);
  if (!text) return pass(text);
  return std::move(*text);
}

Result<void> replace_small_file(Disk& disk, const std::string& name, std::string_view text) {
  const std::string temporary = name + ".tmp";
  (void)disk.unlink(temporary);  // of an attempt that failed
  Result<std::unique_ptr<DiskFile>> file = disk.create(temporary);
  if (!file) return pass(file);
  if (Result<void> done = write_all(**file, 0, text); !done) return done;
  if (Result<void> done = (*file)->sync_data(); !done) return done;
  if (Result<void> done = disk.rename(temporary, name); !done) return done;
  return disk.sync_directory();
}

}  // namespace toast::queue
