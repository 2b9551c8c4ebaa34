// Addresses in messages between processes and in journal records: as text, parsed again on arrival,
// because a peer process may have been taken over.
#pragma once

#include "base/codec.h"
#include "mta/message/address.h"

namespace toast {

inline constexpr std::size_t kMaxEncodedAddress =
    2 * kMaxAddress;  // quoting may double a local part

inline void put_address(Encoder& e, const Address& address) { e.bytes(address.str()); }
// On bad input the decoder has failed and the value returned means nothing.
Address take_address(Decoder& d);

inline void put_domain(Encoder& e, const Domain& domain) { e.bytes(domain.str()); }
Domain take_domain(Decoder& d);

inline void put_reverse_path(Encoder& e, const ReversePath& path) { e.bytes(path_text(path)); }
ReversePath take_reverse_path(Decoder& d);

}  // namespace toast
