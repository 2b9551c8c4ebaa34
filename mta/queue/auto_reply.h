// Whether a message gets the automatic answer of a mailbox, and what that says (RFC 3834; RFC 5230
// section 4 on vacations). Pure functions: no queue, no clock.
//
// It answers people who wrote to this mailbox, and nothing else: never the null sender, a list,
// bulk mail, another robot, itself. The answer has the null sender and says that it is one, so no
// program answers it in turn, and two mailboxes that answer each other stop after one message each.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "mta/message/address.h"
#include "mta/message/message_id.h"
#include "vdomain/instruction.h"

namespace toast::queue {

// Longest subject of the message that is repeated in the answer's.
inline constexpr std::size_t kMaxAnsweredSubject = 200;
// Longest list of references that is gone on with; else the one message is named.
inline constexpr std::size_t kMaxReferences = 900;

// Why there is no answer, for the log; empty: there is to be one. `header`: the message's, LF line
// ends, or as much of it as is looked at.
std::string reason_not_to_answer(const vdomain::AutoReply& reply, const Address& sender,
                                 std::string_view header, WallTime now);

struct Answer {
  const vdomain::AutoReply& reply;
  const Address& sender;
  std::string_view header;  // of what is answered
  MessageId id;             // of the answer
  std::string host;         // of its Message-ID
  WallTime now;
};
std::string answer_text(const Answer& answer);  // LF line ends, 7 bit

// RFC 2047: as it is where it is ASCII, else encoded words of UTF-8, folded.
std::string encode_header_text(std::string_view text);
// RFC 2045 section 6.7, of text with LF line ends.
std::string quoted_printable(std::string_view text);

}  // namespace toast::queue
