#include "mta/queue/journal/disk.h"

namespace toast::queue {

Result<void> write_all(DiskFile& file, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    Result<std::size_t> written = file.write_at(offset, bytes);
    if (!written) return pass(written);
    if (*written == 0) return transient("a write took no bytes and gave no reason");
    offset += *written;
    bytes.remove_prefix(*written);
  }
  return {};
}

Result<std::string> read_exactly(DiskFile& file, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  Result<std::size_t> got = file.read_at(offset, bytes);
  if (!got) return pass(got);
  if (*got != size) return permanent("the file ends before the bytes that are looked for");
  return bytes;
}

}  // namespace toast::queue
