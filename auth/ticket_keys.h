// The keys that tickets are authenticated with, one for each kind of keeper that takes them: who
// can check tickets for mailboxes must not be able to make one for submission. toastd makes one
// secret at its start and gives it to authd; each keeper gets only the key derived for it.
#pragma once

#include <sodium.h>

#include "auth/ticket.h"
#include "base/secret.h"

namespace toast::auth {

// Numbers go into the derivation: add at the end, never renumber.
enum class TicketUse : unsigned char {
  mailbox,     // taken by maild: Service::pop3 and Service::imap
  submission,  // taken by queued: Service::smtp
};

inline Secret ticket_key_for(TicketUse use, const Secret& root) {
  static_assert(kTicketKeyBytes == crypto_kdf_KEYBYTES);
  constexpr char kContext[crypto_kdf_CONTEXTBYTES + 1] = "toasttkt";
  std::string key(kTicketKeyBytes, '\0');
  crypto_kdf_derive_from_key(reinterpret_cast<unsigned char*>(key.data()), key.size(),
                             static_cast<std::uint64_t>(use), kContext, root.data());
  return Secret::take(key);
}

}  // namespace toast::auth
