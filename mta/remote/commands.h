// MAIL and RCPT as they are said to a host, with the parameters that it understands.
#pragma once

#include <optional>
#include <string>

#include "mta/remote/capabilities.h"
#include "mta/remote/transaction.h"

namespace toast::remote {

// Why this host cannot take the transaction at all; nothing: it can.
std::optional<Outcome> refusal_before_mail(const Transaction& transaction,
                                           const Capabilities& host);
// Without CRLF. Nothing in them can end a line: addresses are typed, other text is checked.
std::string mail_command(const Transaction& transaction, const Capabilities& host);
std::string rcpt_command(const RemoteRecipient& recipient, const Capabilities& host);

}  // namespace toast::remote
