// One SMTP or LMTP transaction: MAIL, RCPT for each recipient, the message, and what the host said
// about each. Uses PIPELINING, SIZE, 8BITMIME, CHUNKING, DSN and SMTPUTF8 where the host offers
// them, and refuses by itself what the host cannot take.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mta/remote/connection.h"
#include "mta/remote/content.h"
#include "mta/remote/outcome.h"

namespace toast::remote {

// What the transactions of one message share.
struct OutgoingMessage {
  Content content;
  ContentFacts facts;
  bool smtputf8 = false;  // as the message came to us
  DsnReturn ret = DsnReturn::unset;
  std::string envid;
};

// Set when whoever asked for a delivery is gone: it is going to ask again.
using Abandoned = std::shared_ptr<const bool>;

struct Transaction {
  std::shared_ptr<const OutgoingMessage> message;
  std::string reverse_path;  // empty: the null sender
  std::vector<RemoteRecipient> recipients;
  Abandoned abandoned;  // then the end of the message is not sent
};

struct TransactionResult {
  enum class End : unsigned char {
    answered,    // a recipient without an outcome is left for another transaction
    not_begun,   // lost, or sent away with 421, before MAIL was answered
    broken_off,  // later, but before the end of the message was sent: it was not delivered
    uncertain,   // lost after that: perhaps delivered to those without an outcome
    withheld,    // we did not send the end: the message cannot be read, or nobody wants it sent
  };
  End end = End::answered;
  std::vector<std::optional<Outcome>> outcomes;  // as many as recipients, same order
  Outcome otherwise;  // of those without an outcome, if nothing else can be tried
};

// Runs it over a connection that was greeted. Nothing waits later than `until`.
Task<TransactionResult> run_transaction(Connection& connection, Transaction transaction,
                                        SteadyTime until);

}  // namespace toast::remote
