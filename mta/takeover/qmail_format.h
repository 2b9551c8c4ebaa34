// The small files of qmail's queue, as bytes. Pure functions; whatever is not as qmail writes it is
// a permanent error, never repaired: the message is left to a person.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace toast::takeover {

// Addresses are as they stand in the queue: no quoting rules, any bytes but NUL.
struct QmailEnvelope {
  std::string sender;
  std::vector<std::string> recipients;
};

// todo/N: "u1000", "p4242", "Fsender", "Trecipient"..., each ended by NUL.
[[nodiscard]] Result<QmailEnvelope> parse_qmail_todo(std::string_view bytes);
// info/N: "Fsender" NUL.
[[nodiscard]] Result<std::string> parse_qmail_info(std::string_view bytes);
// local/N and remote/N: "Trecipient" NUL; "D" in place of the T where it is done. What is left.
[[nodiscard]] Result<std::vector<std::string>> parse_qmail_recipients(std::string_view bytes);

struct QmailFailure {
  std::string address;
  std::string text;  // what the sender is to read; lines ended by LF but the last
};
// bounce/N: paragraphs "<address>:" LF, lines, and an empty line.
[[nodiscard]] Result<std::vector<QmailFailure>> parse_qmail_bounce(std::string_view bytes);

}  // namespace toast::takeover
