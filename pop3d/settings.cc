#include "pop3d/settings.h"

#include "base/connection_limits.h"
#include "base/settings_registry.h"

namespace toast::pop3 {

Options make_options(const Settings& settings, std::uint32_t instances) {
  Options options;
  options.host_name = settings.get(setting::me);
  options.times.idle = settings.get(setting::pop3timeout);
  options.times.login = settings.get(setting::pop3logintimeout);
  options.times.session = settings.get(setting::pop3sessionseconds);
  options.session.max_errors = static_cast<unsigned>(settings.get(setting::pop3maxerrors));
  options.session.offer = {settings.get(setting::authscram) == "yes",
                           settings.get(setting::authcram) == "yes"};
  options.session.clear_passwords = settings.get(setting::pop3cleartext);
  if (settings.get(setting::pop3tlsversion) == "1.3") options.tls_floor = tls::Floor::tls13;
  options.proxy_networks = settings.get(setting::proxynetworks);
  options.max_connections =
      share_of(static_cast<std::size_t>(settings.get(setting::pop3maxconnections)), instances);
  options.max_per_client =
      share_of(static_cast<std::size_t>(settings.get(setting::pop3maxperaddress)), instances);
  return options;
}

}  // namespace toast::pop3
