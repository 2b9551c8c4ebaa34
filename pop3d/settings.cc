#include "pop3d/settings.h"

#include "base/settings_registry.h"

namespace toast::pop3 {
namespace {

std::size_t share(std::int64_t total, std::uint32_t instances) {
  const auto whole = static_cast<std::uint64_t>(total);
  return (whole + instances - 1) / instances;
}

}  // namespace

Options make_options(const Settings& settings, std::uint32_t instances) {
  const std::uint32_t parts = instances == 0 ? 1 : instances;
  Options options;
  options.host_name = settings.get(setting::me);
  options.times.idle = settings.get(setting::pop3timeout);
  options.times.login = settings.get(setting::pop3logintimeout);
  options.times.session = settings.get(setting::pop3sessionseconds);
  options.session.max_errors = static_cast<unsigned>(settings.get(setting::pop3maxerrors));
  options.max_connections = share(settings.get(setting::pop3maxconnections), parts);
  options.max_per_client = share(settings.get(setting::pop3maxperaddress), parts);
  return options;
}

}  // namespace toast::pop3
