// The text of a bounce: a report in RFC 3464 form (multipart/report), whose first part is also a
// QSBMF notice, so that programs written for qmail's bounces read it as before. A pure function: it
// reads no queue, no clock and no settings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "mta/message/message_id.h"

namespace toast::queue {

// The sender of a double bounce, which is no address: what bounces to it is discarded (qmail).
inline constexpr std::string_view kDoubleBounceSender = "#@[]";
// Ends the reverse path of a list whose bounces come one per recipient (VERP); bounces that we make
// ourselves go to the path without it (qmail).
inline constexpr std::string_view kVerpMark = "-@[]";

struct FailedRecipient {
  std::string address;  // as the sender knows it: before any alias or forward
  std::string orcpt;    // ORCPT of the client, "rfc822;ann@example.org"; empty: none
  std::string text;     // "5.1.1 no mailbox here by that name"
};

struct Bounce {
  MessageId id;  // of the bounce itself
  WallTime now;
  std::string host;             // who speaks: control/bouncehost
  std::string from;             // local part of the author: control/bouncefrom
  std::string to;               // whom it is for
  bool is_double = false;       // a bounce that bounced, told to the postmaster
  std::string original_sender;  // empty: the null sender
  WallTime original_arrival;
  std::string envid;                    // ENVID of the client; empty: none
  std::vector<FailedRecipient> failed;  // in the order in which they failed
  // The message, or at least its header; quoted whole up to max_quoted bytes (0: no limit), else
  // the header only, cut at max_quoted or kMaxQuotedHeader.
  std::string_view original;
  std::uint64_t original_bytes = 0;  // of the whole message
  std::uint64_t max_quoted = 0;
};

inline constexpr std::size_t kMaxQuotedHeader = std::size_t{64} * 1024;

// The bounce with LF line ends, and whether it needs 8BITMIME.
struct BounceText {
  std::string content;
  bool eight_bit = false;
};
BounceText bounce_text(const Bounce& bounce);

// Whom a bounce for a message of this sender goes to. Empty: nobody, it is discarded.
struct BounceRoute {
  std::string to;
  std::string sender;  // reverse path of the bounce
  bool is_double = false;
};
BounceRoute bounce_route(std::string_view original_sender, std::string_view double_bounce_to);

// "5.1.1" at the front of a text or in "(#5.1.1)"; "5.0.0" when there is none. The class is 5,
// since an Action of "failed" is final whatever led to it (RFC 3464 section 2.3.4).
std::string status_of(std::string_view text);

}  // namespace toast::queue
