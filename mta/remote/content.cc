#include "mta/remote/content.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "mta/remote/limits.h"

namespace toast::remote {
namespace {

Result<std::string> read_blob(const Fd& blob, std::uint64_t offset, std::size_t count) {
  std::string block(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t n =
        ::pread(blob.get(), block.data() + done, count - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", "message blob");
    if (n == 0) return transient("message blob ends early", "4.3.0 the message cannot be read");
    done += static_cast<std::size_t>(n);
  }
  return block;
}

}  // namespace

Task<Result<std::string>> Content::read(std::uint64_t offset) const {
  if (offset < bytes_.size()) co_return bytes_.substr(offset, kContentBlock);
  const std::uint64_t at = offset - bytes_.size();
  if (at >= blob_bytes_) co_return std::string();
  const std::size_t count = std::min<std::uint64_t>(kContentBlock, blob_bytes_ - at);
  auto job = [blob = blob_, at, count] { return read_blob(*blob, at, count); };
  co_return co_await run_blocking(pool_, std::move(job));
}

Task<Result<ContentFacts>> Content::scan() const {
  ContentScanner scanner;
  std::uint64_t offset = 0;
  while (offset < size()) {
    Result<std::string> block = co_await read(offset);
    if (!block) co_return pass(block);
    offset += block->size();
    scanner.feed(*block);
  }
  co_return scanner.finish();
}

}  // namespace toast::remote
