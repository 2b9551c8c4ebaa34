// What a host's reply means for a recipient, and how it is told: an enhanced status, then "Remote
// host said: " and the host's words, as in qmail.
#pragma once

#include <string>

#include "base/result.h"
#include "mta/remote/delivery_messages.h"
#include "mta/remote/reply_reader.h"

namespace toast::remote {

using Outcome = DeliverRemote::Outcome;

// The reply on one line: code, then the lines' texts; an enhanced status that each line repeats
// (RFC 2034 section 4) stands once.
std::string quote(const RemoteReply& reply);
// The enhanced status in front of the reply's text, if its class fits the code; else "x.0.0".
std::string status_of(const RemoteReply& reply);
// 2yz delivered, 4yz deferred, 5yz failed. A 3yz where none belongs is deferred.
Outcome outcome_of(const RemoteReply& reply);
// The same reply, taken for the class of `failure` whatever its code says.
Outcome outcome_of(const RemoteReply& reply, Failure failure);
// The reply to RCPT of a host that wants no more recipients in this transaction: 452, and 552 which
// old hosts say (RFC 5321 section 4.5.3.1.10), unless an enhanced status says something else.
bool says_too_many_recipients(const RemoteReply& reply);

Outcome outcome_of(const Error& error);

}  // namespace toast::remote
