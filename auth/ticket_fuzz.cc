// The input as a ticket from a front end, and as the body of one whose authenticator is right: a
// forger's view, and what is left if the key leaked. Nothing crashes; a forged ticket opens
// nothing; an authentic one opens at most once.
#include <sodium.h>

#include <cstdlib>

#include "auth/ticket.h"

using namespace toast;
using namespace toast::auth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string key(kTicketKeyBytes, 'k');
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const ConnectionId connection{"toast-pop3d.0", "c0ffee"};
  FakeClock clock;
  TicketVerifier verifier(Secret(key), clock, 2);
  clock.advance(std::chrono::seconds{10});
  if (verifier.redeem(input, Service::pop3, connection)) std::abort();

  std::string sealed(input);
  unsigned char mac[crypto_auth_BYTES];
  crypto_auth(mac, data, size, reinterpret_cast<const unsigned char*>(key.data()));
  sealed.append(reinterpret_cast<const char*>(mac), sizeof mac);
  const Result<Grant> first = verifier.redeem(sealed, Service::pop3, connection);
  if (!first) return 0;
  if (first->mailbox.size() > kMaxLoginName || first->maildir.size() > kMaxMaildirPath ||
      first->service != Service::pop3)
    std::abort();
  if (verifier.redeem(sealed, Service::pop3, connection)) std::abort();
  return 0;
}
