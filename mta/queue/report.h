// The text of a report to a sender: a bounce, a warning of a delay, a confirmation that was asked
// for (RFC 3461). In RFC 3464 form (multipart/report); the first part of a bounce is also a QSBMF
// notice, so that programs written for qmail's bounces read it as before. A pure function: it reads
// no queue, no clock and no settings.
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

// RFC 3464 section 2.3.3. Relayed: handed to a host that does not report itself. Expanded: given to
// the addresses an alias stands for.
enum class Action : std::uint8_t { failed, delayed, delivered, relayed, expanded };

struct ReportedRecipient {
  std::string address;  // as the sender knows it: before any alias or forward
  std::string orcpt;    // ORCPT of the client, "rfc822;ann@example.org"; empty: none
  std::string text;     // "5.1.1 no mailbox here by that name"
};

struct Report {
  MessageId id;  // of the bounce itself
  WallTime now;
  std::string host;                // who speaks: control/bouncehost
  std::string from;                // local part of the author: control/bouncefrom
  std::string to;                  // whom it is for
  Action action = Action::failed;  // of all its recipients
  bool is_double = false;          // a bounce that bounced, told to the postmaster
  std::string original_sender;     // empty: the null sender
  WallTime original_arrival;
  std::string envid;                          // ENVID of the client; empty: none
  std::vector<ReportedRecipient> recipients;  // failed ones in the order in which they failed
  WallTime retry_until{};                     // delayed: when we shall give up
  // The message, or at least its header; quoted whole up to max_quoted bytes (0: no limit), else
  // the header only, cut at max_quoted or kMaxQuotedHeader.
  std::string_view original;
  std::uint64_t original_bytes = 0;  // of the whole message
  std::uint64_t max_quoted = 0;
  bool header_only = false;  // RET=HDRS, and every report that is no bounce (RFC 3461 section 4.3)
};

inline constexpr std::size_t kMaxQuotedHeader = std::size_t{64} * 1024;

// The report with LF line ends, and whether it needs 8BITMIME.
struct ReportText {
  std::string content;
  bool eight_bit = false;
};
ReportText report_text(const Report& bounce);

// Whom a bounce for a message of this sender goes to. Empty: nobody, it is discarded.
struct BounceRoute {
  std::string to;
  std::string sender;  // reverse path of the bounce
  bool is_double = false;
};
BounceRoute bounce_route(std::string_view original_sender, std::string_view double_bounce_to);

// "5.1.1" at the front of a text or in "(#5.1.1)"; "5.0.0" when there is none. The class is that of
// the action: failed is 5 whatever led to it, delayed 4, all else 2 (RFC 3464 section 2.3.4).
std::string status_of(std::string_view text, Action action = Action::failed);

}  // namespace toast::queue
