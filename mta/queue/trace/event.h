// One thing that happened to a message: what toast-queued remembers of it after it has left the
// queue, and what toastctl trace shows. Text that came from strangers is cut, never refused: an
// event always has a form on disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/codec.h"
#include "base/result.h"
#include "mta/message/message_id.h"

namespace toast::queue::trace {

inline constexpr std::size_t kMaxAddressText = 1'024;  // as in the journal
inline constexpr std::size_t kMaxMessageIdText = 256;  // a longer Message-ID is compared up to here
inline constexpr std::size_t kMaxPeerText = 256;
inline constexpr std::size_t kMaxLoginText = 512;
inline constexpr std::size_t kMaxEventText = 1'024;  // what a remote host said, at most
inline constexpr std::size_t kMaxRemoteText = 512;
// Recipients named when a message arrives: more than a client usually gives in one transaction. The
// others are found from their first attempt on.
inline constexpr std::size_t kMaxNamedRecipients = 100;
inline constexpr std::size_t kMaxNamedBytes = 16'384;
// Follows from the limits above, rounded up: no frame is larger.
inline constexpr std::size_t kMaxEventBytes = 32'768;

enum class Kind : std::uint8_t {
  accepted,   // from a client or a local program
  created,    // by us, out of `parent`: `text` is forward, bounce, list or reply
  delivered,  // one delivery; `text` is the last word of the other side
  deferred,
  failed,
  held,      // `text` says why
  released,  //
  removed,   // by the operator: `text` says how
  finished,  // it left the queue
};
std::string_view name_of(Kind kind);

struct Event {
  WallTime time;
  MessageId id;
  MessageId parent;  // of every event of a message that we made ourselves; else zero
  Kind kind = Kind::accepted;
  std::string sender;                   // of accepted and created; empty: the null sender
  std::vector<std::string> recipients;  // of these the first ones; of an attempt the one
  std::uint32_t recipient_count = 0;    // of these: in all
  std::uint64_t bytes = 0;
  std::string message_id;  // content of the header field, without <>
  std::string peer;        // "192.0.2.7", "uid 1000"
  std::string login;
  std::string text;
  std::string remote;  // the host that spoke, or the file that was written

  friend bool operator==(const Event&, const Event&) = default;
};

// Cuts what is too long.
void encode(Encoder& e, const Event& event);
Event decode_event(Decoder& d);

// The Message-ID of a message, of which the front is given; empty: it has none.
std::string find_message_id(std::string_view front);
// "<a@b>" and "a@b" are one Message-ID.
std::string_view without_brackets(std::string_view message_id);
// So much of a message is read to find its Message-ID.
inline constexpr std::size_t kMaxScannedHeader = 16'384;

}  // namespace toast::queue::trace
