// What qmail-inject does to a message: who it goes to, who it is from, and the header that it gets.
// A pure function of the header, the arguments and the environment.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/clock.h"
#include "mta/compat/complete_address.h"
#include "mta/compat/header_fields.h"

namespace toast::compat {

// The letters of QMAILINJECT.
struct InjectStyle {
  bool comment_name = false;        // c: From: user@host (Full Name)
  bool ignore_return_path = false;  // s
  bool delete_from = false;         // f
  bool delete_message_id = false;   // i
  bool verp = false;                // r: a sender per recipient
  bool sender_per_message = false;  // m: a sender per message
};

struct InjectOptions {
  enum class Recipients : unsigned char { arguments, header, both, arguments_or_header };
  Recipients recipients_from = Recipients::arguments_or_header;
  std::vector<std::string> arguments;
  std::optional<std::string> sender;  // -f
  InjectStyle style;
  HostDefaults defaults;
  std::string user = "anonymous";  // of From
  std::string host;                // empty: defaults.host
  std::string sender_user;         // of the envelope; empty: user
  std::string sender_host;         // empty: host
  std::string full_name;
  std::vector<std::string> followup_lists;  // QMAILMFTFILE: for Mail-Followup-To
  WallTime now;
  unsigned process = 0;
};

struct Injected {
  std::string header;  // with the blank line behind it
  std::string sender;  // both as qmail-queue is given them
  std::vector<std::string> recipients;
};

// Error: what is wrong with the message, for good; qmail-inject ends with 100.
[[nodiscard]] tl::expected<Injected, std::string> inject(std::vector<InjectedField> fields,
                                                         const InjectOptions& options);

}  // namespace toast::compat
