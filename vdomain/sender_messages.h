// smtpd -> vdomaind: may who has logged in send as this address (RFC 6409 section 6.1)?
#pragma once

#include <cstdint>

#include "base/codec.h"
#include "mta/message/address_codec.h"

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

}  // namespace toast::vdomain
