// The two fields that delivery puts in front of a message, and the loop check that reads them back.
//
// Return-Path is added and older ones are left where they are, further down: RFC 5321 section 4.4
// lets final delivery remove them but does not ask it to, qmail does not, and a message that is
// never edited can be compared, signed and moved back. Readers take the topmost.
#pragma once

#include <string>
#include <string_view>

#include "mta/message/address.h"

namespace toast::maildir {

// Where the loop check stops reading. Our own field is among the first lines, since every hop
// prepends; a header that long is not one.
inline constexpr std::size_t kMaxHeaderScan = 256 * 1024;

// "Return-Path: <ann@example.org>\nDelivered-To: bob@example.net\n"
std::string trace_fields(const ReversePath& reverse_path, const Address& recipient);

// The header of `message` (up to the first empty line, or as much of it as is given) has a
// Delivered-To field of this address: it has been here before. Letter case is ignored, so that a
// host that changes it on the way cannot keep a loop alive.
bool was_delivered_to(std::string_view message, const Address& recipient);

}  // namespace toast::maildir
