#include "pop3d/message_reader.h"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "pop3d/wire_encoder.h"

namespace toast::pop3 {
namespace {

constexpr std::size_t kFileBlock = 65536;

// Reads one block at `offset` and encodes it; the bytes read. The block lives on the stack: nothing
// is held while the session waits for its client.
Result<std::size_t> encode_block(const Fd& file, std::uint64_t offset, std::size_t wanted,
                                 WireEncoder& encoder, bool& more, std::string& out) {
  std::array<char, kFileBlock>
      block;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled next
  for (;;) {
    const ssize_t n = ::pread(file.get(), block.data(), std::min(wanted, block.size()),
                              static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", "message");
    const auto length = static_cast<std::size_t>(n);
    more = encoder.feed({block.data(), length}, out) && length > 0;
    return length;
  }
}

}  // namespace

Task<Result<bool>> stream_message(Fd file, std::uint64_t body_lines, ReplyOutput& out) {
  WireEncoder encoder(body_lines);
  std::uint64_t offset = 0;
  bool more = true;
  while (more) {
    const std::size_t block = std::min(out.block_bytes(), kFileBlock);
    const Result<std::size_t> length =
        encode_block(file, offset, block, encoder, more, out.buffer());
    if (!length) co_return tl::unexpected(length.error());
    offset += *length;
    if (out.buffer().size() < block) continue;
    const bool sent = co_await out.drain();
    if (!sent) co_return false;
  }
  encoder.finish(out.buffer());
  co_return true;
}

}  // namespace toast::pop3
