#include "vdomain/maildir/message_name.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

namespace toast::maildir {
namespace {

constexpr std::size_t kKeyLetters = 18;   // 90 bits
constexpr std::size_t kHostLetters = 6;   // 30 bits
constexpr std::size_t kHashLetters = 25;  // a unique-id in place of an unusable name: 125 bits

constexpr std::int64_t kMaxSeconds = 9'999'999'999;  // ten digits, the year 2286

class Hash {
 public:
  Hash() { crypto_generichash_init(&state_, nullptr, 0, sizeof(digest_)); }
  void add(std::string_view bytes) {
    crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()),
                              bytes.size());
  }
  void add_number(std::uint64_t v) {
    char raw[8];
    for (std::size_t i = 0; i < 8; ++i) raw[i] = static_cast<char>((v >> (8 * i)) & 0xff);
    add({raw, sizeof(raw)});
  }
  std::string letters(std::size_t count) {
    crypto_generichash_final(&state_, digest_, sizeof(digest_));
    return base32(digest_, count);
  }

 private:
  crypto_generichash_state state_;
  unsigned char digest_[32] = {};
};

// ",S=123" followed by ',' or the end. Anything else is not a size.
std::optional<std::uint64_t> size_field(std::string_view fields, std::string_view tag) {
  const std::size_t at = fields.find(tag);
  if (at == std::string_view::npos) return std::nullopt;
  fields.remove_prefix(at + tag.size());
  std::uint64_t value = 0;
  std::size_t digits = 0;
  while (digits < fields.size() && fields[digits] >= '0' && fields[digits] <= '9') {
    value = value * 10 + static_cast<unsigned>(fields[digits] - '0');
    if (++digits > 18) return std::nullopt;  // no overflow
  }
  if (digits == 0 || (digits < fields.size() && fields[digits] != ',')) return std::nullopt;
  if (value > kMaxNamedBytes) return std::nullopt;  // a lie, or not a size: looked up instead
  return value;
}

void take_seconds(ParsedName& parsed) {
  constexpr std::size_t kMostDigits = 18;  // no overflow
  const std::string_view base = parsed.base;
  std::uint64_t value = 0;
  std::size_t digits = 0;
  for (; digits < base.size() && base[digits] >= '0' && base[digits] <= '9'; ++digits)
    value = digits < kMostDigits ? value * 10 + static_cast<unsigned>(base[digits] - '0') : 0;
  parsed.seconds = value;
  parsed.after_seconds = base.substr(digits);
}

// A queue id counts microseconds since 2026 above its lowest 13 bits (mta/message/message_id.h). An
// id made before that second (a message that took its time to arrive) counts as first in it.
std::uint64_t microseconds_within(std::int64_t seconds, MessageId id) {
  constexpr std::uint64_t kEpochSeconds = 1'767'225'600;  // 2026-01-01T00:00:00Z
  const std::uint64_t micros = id.value() >> 13U;
  const bool same = kEpochSeconds + micros / 1'000'000 == static_cast<std::uint64_t>(seconds);
  return same ? micros % 1'000'000 : 0;
}

// Bytes are looked at eight at a time: a scan and a listing look at each byte of each name.
constexpr std::uint64_t kEach = 0x0101010101010101;

std::uint64_t eight_at(const char* bytes) {
  std::uint64_t eight = 0;
  std::memcpy(&eight, bytes, sizeof(eight));
  return eight;
}

// Is there a zero byte? High bits of bytes behind the first one may be wrong (a borrow).
std::uint64_t has_zero(std::uint64_t eight) { return (eight - kEach) & ~eight & (kEach * 0x80); }

// Not 0 if any of eight bytes is not 0x21-0x7e. In a byte below 0x80, adding 0x5f sets the high bit
// from 0x21 on, adding 1 only at 0x7f; neither carries into the next byte.
std::uint64_t outside_printable(std::uint64_t eight) {
  const std::uint64_t low = eight & (kEach * 0x7f);
  return (eight | ~(low + kEach * 0x5f) | (low + kEach)) & (kEach * 0x80);
}

bool is_special(char c) { return c == ':' || c == '/' || c == '\0'; }

// The first ':', '/' or NUL, or the end.
std::size_t find_special(std::string_view name) {
  std::size_t at = 0;
  for (; at + 8 <= name.size(); at += 8) {
    const std::uint64_t eight = eight_at(name.data() + at);
    if ((has_zero(eight) | has_zero(eight ^ (kEach * ':')) | has_zero(eight ^ (kEach * '/'))) != 0)
      break;
  }
  while (at < name.size() && !is_special(name[at])) ++at;
  return at;
}

}  // namespace

std::string base32(const unsigned char* bytes, std::size_t letters) {
  static constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string out;
  out.reserve(letters);
  unsigned window = 0;
  unsigned have = 0;
  while (out.size() < letters) {
    if (have < 5) {
      window = (window << 8) | *bytes++;
      have += 8;
    }
    have -= 5;
    out.push_back(kAlphabet[(window >> have) & 31]);
    window &= (1U << have) - 1;
  }
  return out;
}

void SizeCounter::add(std::string_view piece) {
  if (piece.empty()) return;
  bytes_ += piece.size();
  std::uint64_t newlines = 0;
  for (const char c : piece) newlines += c == '\n' ? 1 : 0;  // becomes vector code
  if (after_cr_ && piece.front() == '\n') --newlines;
  after_cr_ = piece.back() == '\r';
  // CRs are rare in stored mail: look at each one only where there is any.
  for (const char* cr = static_cast<const char*>(std::memchr(piece.data(), '\r', piece.size()));
       cr != nullptr;) {
    const char* next = cr + 1;
    const auto left = static_cast<std::size_t>(piece.data() + piece.size() - next);
    if (left > 0 && *next == '\n') --newlines;
    cr = left > 0 ? static_cast<const char*>(std::memchr(next, '\r', left)) : nullptr;
  }
  bare_newlines_ += newlines;
}

MessageNamer::MessageNamer(std::string_view host_name) {
  Hash hash;
  hash.add("toast-maildir-host");
  hash.add(host_name);
  host_ = hash.letters(kHostLetters);
}

std::string MessageNamer::name(const DeliveryKey& key, MessageSize size, unsigned again) const {
  assert(size.disk <= kMaxNamedBytes && size.wire <= kMaxNamedBytes);
  Hash hash;
  hash.add_number(key.queue_instance.size());
  hash.add(key.queue_instance);
  hash.add_number(key.message.value());
  hash.add_number(key.recipient_index);
  hash.add_number(key.instruction_index);
  hash.add_number(again);
  hash.add(key.recipient);
  const std::int64_t seconds = std::clamp<std::int64_t>(key.arrival_seconds, 0, kMaxSeconds);
  std::string name = fmt::format("{:010}.M{:06}Q{}.{},S={},W={}", seconds,
                                 microseconds_within(seconds, key.message),
                                 hash.letters(kKeyLetters), host_, size.disk, size.wire);
  assert(is_valid_unique_id(name));
  return name;
}

std::optional<ParsedName> parse_message_name(std::string_view file_name) {
  if (file_name.empty() || file_name.size() > kNameMax || file_name.front() == '.')
    return std::nullopt;
  ParsedName parsed;
  const std::size_t end = find_special(file_name);
  parsed.base = file_name.substr(0, end);
  if (parsed.base.empty()) return std::nullopt;
  if (end < file_name.size()) {
    const std::string_view suffix = file_name.substr(end);
    for (const char c : suffix)
      if (c == '/' || c == '\0') return std::nullopt;
    if (suffix.starts_with(":2,")) parsed.flags = suffix.substr(3);
  }
  const std::string_view fields =
      parsed.base.substr(std::min(parsed.base.find(','), parsed.base.size()));
  parsed.disk = size_field(fields, ",S=");
  parsed.wire = size_field(fields, ",W=");
  take_seconds(parsed);
  return parsed;
}

bool is_valid_unique_id(std::string_view base) {
  if (base.empty() || base.size() > kMaxUniqueId) return false;
  if (base.size() < 8) {
    std::array<char, 8> padded;
    padded.fill('!');
    std::memcpy(padded.data(), base.data(), base.size());
    return outside_printable(eight_at(padded.data())) == 0;
  }
  // The last eight may have been looked at before.
  std::uint64_t bad = outside_printable(eight_at(base.data() + base.size() - 8));
  for (std::size_t at = 0; at + 8 <= base.size(); at += 8)
    bad |= outside_printable(eight_at(base.data() + at));
  return bad == 0;
}

std::string unique_id(std::string_view base) {
  if (is_valid_unique_id(base)) return std::string(base);
  Hash hash;
  hash.add("toast-maildir-uidl");
  hash.add(base);
  return "h." + hash.letters(kHashLetters);
}

}  // namespace toast::maildir
