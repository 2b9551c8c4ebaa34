#include "mta/queue/trace/event_file.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <memory>

namespace toast::queue::trace {
namespace {

constexpr std::string_view kMagic = "toasttrc";
constexpr std::uint32_t kVersion = 1;
constexpr std::string_view kNamePrefix = "trace.";
constexpr std::size_t kReadBytes = std::size_t{256} * 1024;

// Against damage, not against forgery: frames are found by walking from the file's beginning, never
// by looking for them, so a key that everybody knows will do.
std::uint32_t checksum(std::string_view bytes) {
  constexpr unsigned char kKey[crypto_shorthash_KEYBYTES] = {};
  unsigned char out[crypto_shorthash_BYTES];
  crypto_shorthash(out, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), kKey);
  return Decoder({reinterpret_cast<const char*>(out), sizeof out}).u32();
}

}  // namespace

std::string file_header() {
  Encoder e;
  for (const char c : kMagic) e.u8(static_cast<std::uint8_t>(c));
  e.u32(kVersion);
  return e.take();
}

std::string frame(const Event& event) {
  Encoder payload;
  encode(payload, event);
  assert(payload.view().size() <= kMaxEventBytes);
  Encoder e;
  e.u32(static_cast<std::uint32_t>(payload.view().size()));
  e.u32(checksum(payload.view()));
  return e.take() + payload.view();
}

std::string file_name(std::uint64_t number) {
  return fmt::format("{}{:016x}", kNamePrefix, number);
}

std::optional<std::uint64_t> number_of(std::string_view name) {
  std::uint64_t number = 0;
  if (!name.starts_with(kNamePrefix)) return std::nullopt;
  std::from_chars(name.data() + kNamePrefix.size(), name.data() + name.size(), number, 16);
  return name == file_name(number) ? std::optional(number) : std::nullopt;
}

Result<std::vector<std::uint64_t>> list_files(const std::string& directory) {
  struct Close {
    void operator()(DIR* d) const { ::closedir(d); }
  };
  const std::unique_ptr<DIR, Close> stream(::opendir(directory.c_str()));
  std::vector<std::uint64_t> numbers;
  if (!stream && errno == ENOENT) return numbers;
  if (!stream) return system_error("list", directory);
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    if (const std::optional<std::uint64_t> number = number_of(entry->d_name))
      numbers.push_back(*number);
  }
  if (errno != 0) return system_error("list", directory);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

bool EventFile::fill(std::size_t wanted) {
  while (buffer_.size() - at_ < wanted && !at_end_) {
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t start = buffer_.size();
    buffer_.resize(start + kReadBytes);
    const ssize_t got = ::read(fd_.get(), buffer_.data() + start, kReadBytes);
    buffer_.resize(start + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) failure_ = system_error("read", "it").value();
    at_end_ = got <= 0;
  }
  return buffer_.size() - at_ >= wanted;
}

std::optional<Event> EventFile::next() {
  if (good_bytes_ == 0) {
    const std::string header = file_header();
    if (!fill(header.size()) || !unread().starts_with(header)) return std::nullopt;
    good_bytes_ = at_ = header.size();
  }
  if (!fill(kFrameHeaderBytes)) return std::nullopt;
  Decoder head(unread().substr(0, kFrameHeaderBytes));
  const std::uint32_t length = head.u32();
  const std::uint32_t sum = head.u32();
  if (length > kMaxEventBytes || !fill(kFrameHeaderBytes + length)) return std::nullopt;
  const std::string_view payload = unread().substr(kFrameHeaderBytes, length);
  if (checksum(payload) != sum) return std::nullopt;
  Decoder decoder(payload);
  Event event = decode_event(decoder);
  if (!decoder.finish("event")) return std::nullopt;
  at_ += kFrameHeaderBytes + length;
  good_bytes_ += kFrameHeaderBytes + length;
  return event;
}

}  // namespace toast::queue::trace
