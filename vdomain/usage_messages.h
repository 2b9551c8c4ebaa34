// maild -> vdomaind: a mailbox crossed its quota, so that RCPT can answer 452 instead of the mail
// waiting in the queue. Kept in memory by vdomaind; maild reports again when it has restarted.
#pragma once

#include <cstdint>

#include "base/codec.h"
#include "mta/message/address_codec.h"

namespace toast::vdomain {

struct UsageReport {  // a notice
  static constexpr std::uint16_t kType = 10;
  Address mailbox;
  bool over_quota = false;
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;

  void encode(Encoder& e) const {
    put_address(e, mailbox);
    e.boolean(over_quota);
    e.u64(bytes);
    e.u64(messages);
  }
  static UsageReport decode(Decoder& d) {
    Address mailbox = take_address(d);
    UsageReport m{std::move(mailbox)};
    m.over_quota = d.boolean();
    m.bytes = d.u64();
    m.messages = d.u64();
    return m;
  }
};

}  // namespace toast::vdomain
