// maild -> vdomaind: how much room a mailbox has that is full or has little left, so that RCPT can
// answer 452 instead of the mail waiting in the queue. Kept in memory by vdomaind; maild says it
// again when it has restarted, and now and then.
#pragma once

#include <cstdint>

#include "base/codec.h"
#include "mta/message/address_codec.h"
#include "vdomain/model.h"

namespace toast::vdomain {

// What RCPT may have to know of a mailbox.
enum class RoomState : std::uint8_t {
  ample,  // for any message
  tight,  // for some: it is compared with SIZE
  full,
};

struct UsageReport {  // a notice
  static constexpr std::uint16_t kType = 10;
  Address mailbox;
  RoomState state = RoomState::ample;
  std::uint64_t bytes = 0;  // used
  std::uint64_t messages = 0;
  Quota quota{};  // that it was compared with; under another one this says nothing

  void encode(Encoder& e) const {
    put_address(e, mailbox);
    e.enumeration(state);
    e.u64(bytes);
    e.u64(messages);
    e.u64(quota.bytes);
    e.u64(quota.messages);
  }
  static UsageReport decode(Decoder& d) {
    Address mailbox = take_address(d);
    UsageReport m{std::move(mailbox)};
    m.state = d.enumeration(RoomState::full);
    m.bytes = d.u64();
    m.messages = d.u64();
    m.quota.bytes = d.u64();
    m.quota.messages = d.u64();
    return m;
  }
};

// The same of a domain with a quota over all its mailboxes.
struct DomainUsageReport {  // a notice
  static constexpr std::uint16_t kType = 11;
  Domain domain;
  RoomState state = RoomState::ample;
  std::uint64_t bytes = 0;  // used
  Quota quota{};

  void encode(Encoder& e) const {
    put_domain(e, domain);
    e.enumeration(state);
    e.u64(bytes);
    e.u64(quota.bytes);
    e.u64(quota.messages);
  }
  static DomainUsageReport decode(Decoder& d) {
    Domain domain = take_domain(d);
    DomainUsageReport m{std::move(domain)};
    m.state = d.enumeration(RoomState::full);
    m.bytes = d.u64();
    m.quota.bytes = d.u64();
    m.quota.messages = d.u64();
    return m;
  }
};

}  // namespace toast::vdomain
