// Variable envelope return paths, qmail's way: mail of owner@lists.test, sent under the reverse
// path owner-@lists.test with the VERP mark, reaches perm@r.test with owner-perm=r.test@lists.test,
// so that a bounce tells which recipient it is about.
#pragma once

#include "mta/message/address.h"

namespace toast {

// `base` as it was given without the mark ("owner-@lists.test"). Unchanged when the result would be
// longer than an address may be, or when `base` is no address.
std::string expand_verp(std::string_view base, const Address& recipient);

}  // namespace toast
