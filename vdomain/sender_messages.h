// smtpd -> vdomaind: may who has logged in send as this address (RFC 6409 section 6.1)? queued ->
// vdomaind: whose is a domain that somebody sends from, and how much may they send?
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/codec.h"
#include "mta/message/address_codec.h"
#include "vdomain/model.h"

namespace toast::vdomain {

// An error reply is always transient: the directory cannot be asked now.
struct MaySendAs {
  static constexpr std::uint16_t kType = 30;
  struct Reply {
    bool allowed = false;
    void encode(Encoder& e) const { e.boolean(allowed); }
    static Reply decode(Decoder& d) { return {d.boolean()}; }
  };
  Address login;  // the mailbox, as its ticket names it
  Address sender;

  void encode(Encoder& e) const {
    put_address(e, login);
    put_address(e, sender);
  }
  static MaySendAs decode(Decoder& d) {
    Address login = take_address(d);
    return {std::move(login), take_address(d)};
  }
};

// Limits that stand in the directory, in place of the settings.
struct SendLimits {
  // Recipients at other hosts; not set: as the settings say, 0: no limit.
  std::optional<std::uint64_t> hour;
  std::optional<std::uint64_t> day;
  friend bool operator==(const SendLimits&, const SendLimits&) = default;
};

struct FindSendLimits {
  static constexpr std::uint16_t kType = 31;
  struct Reply {
    SendLimits domain;
    std::string owner;  // empty: it has none
    SendLimits of_owner;
    void encode(Encoder& e) const {
      put_limits(e, domain);
      e.bytes(owner);
      put_limits(e, of_owner);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.domain = take_limits(d);
      r.owner = d.string(kMaxOwnerName);
      r.of_owner = take_limits(d);
      return r;
    }
  };
  Domain domain;  // one that is not there has no limits and no owner

  void encode(Encoder& e) const { put_domain(e, domain); }
  static FindSendLimits decode(Decoder& d) { return {take_domain(d)}; }

 private:
  static void put_limits(Encoder& e, const SendLimits& limits) {
    for (const auto& limit : {limits.hour, limits.day}) {
      e.boolean(limit.has_value());
      e.u64(limit.value_or(0));
    }
  }
  static SendLimits take_limits(Decoder& d) {
    SendLimits limits;
    for (auto* limit : {&limits.hour, &limits.day}) {
      const bool is_set = d.boolean();
      const std::uint64_t value = d.u64();
      if (is_set) *limit = value;
    }
    return limits;
  }
};

}  // namespace toast::vdomain
