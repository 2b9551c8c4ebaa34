// Sends a stored message as the body of a multi-line reply, in blocks: however slow the client and
// however large the message, one block is held.
#pragma once

#include <cstdint>

#include "pop3d/services.h"

namespace toast::pop3 {

// True: all of it, final dot included, is sent or in out.buffer(). False: the client is gone. An
// error: the file could not be read to its end.
Task<Result<bool>> stream_message(Fd file, std::uint64_t body_lines, ReplyOutput& out);

}  // namespace toast::pop3
