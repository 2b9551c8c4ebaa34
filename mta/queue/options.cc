#include "mta/queue/options.h"

#include "base/settings_registry.h"

namespace toast::queue {

Result<Options> Options::from(const Settings& settings) {
  Options o;
  Result<remote::Routes> routes = remote::Routes::parse(settings.get(setting::smtproutes));
  if (!routes) return pass(routes, "control/smtproutes");
  o.routes = std::move(*routes);
  o.concurrency_remote = static_cast<std::uint32_t>(settings.get(setting::concurrencyremote));
  o.concurrency_destination =
      static_cast<std::uint32_t>(settings.get(setting::concurrencydestination));
  o.host = settings.get(setting::bouncehost);
  o.no_at_host = settings.get(setting::envnoathost);
  o.bounce_from = settings.get(setting::bouncefrom);
  o.double_bounce_to =
      settings.get(setting::doublebounceto) + "@" + settings.get(setting::doublebouncehost);
  o.max_quoted = settings.get(setting::bouncemaxbytes);
  o.concurrency = static_cast<std::uint32_t>(settings.get(setting::concurrencylocal));
  o.lifetime = settings.get(setting::queuelifetime);
  o.delay_warning = settings.get(setting::delaywarning);
  o.qmail_log = settings.get(setting::qmaillog);
  o.trace_bytes = settings.get(setting::tracebytes);
  o.unknown_grace = settings.get(setting::unknowngrace);
  o.sync_delay = std::chrono::microseconds(settings.get(setting::queuesyncdelay));
  o.max_message = settings.get(setting::databytes);
  o.arrival_memory = settings.get(setting::queuememory);
  o.reserve_bytes = settings.get(setting::queuereserve);
  o.high_water = static_cast<std::uint64_t>(settings.get(setting::queuehighwater));
  o.relay_networks = settings.get(setting::relaynetworks);
  const auto limit = [&settings](const IntegerSetting& hour, const IntegerSetting& day) {
    return SendLimit{static_cast<std::uint64_t>(settings.get(hour)),
                     static_cast<std::uint64_t>(settings.get(day))};
  };
  o.login_limit = limit(setting::sendlimithour, setting::sendlimitday);
  o.domain_limit = limit(setting::sendlimitdomainhour, setting::sendlimitdomainday);
  o.owner_limit = limit(setting::sendlimitownerhour, setting::sendlimitownerday);
  o.uid_limit = limit(setting::sendlimituidhour, setting::sendlimituidday);
  o.suspend_after = static_cast<std::uint64_t>(settings.get(setting::sendlimitsuspend));
  return o;
}

}  // namespace toast::queue
