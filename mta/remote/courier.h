// Takes one message to one destination: finds its hosts, tries them in order, and runs as many
// transactions as its recipients need. What a host has said about a recipient is final for this
// attempt; what none has said is deferred, with the reason of the last one tried.
#pragma once

#include <memory>

#include "base/async.h"
#include "base/result.h"
#include "mta/remote/delivery_messages.h"
#include "mta/remote/options.h"
#include "mta/remote/services.h"
#include "mta/remote/transaction.h"

namespace toast::remote {

// Answers within kRequestTime (limits.h). Errors do not occur: each recipient has an outcome.
Task<DeliverRemote::Reply> deliver(std::shared_ptr<const Options> options, Services& services,
                                   DeliverRemote request, Abandoned abandoned);

}  // namespace toast::remote
