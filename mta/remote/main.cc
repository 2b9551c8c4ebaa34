// toast-remoted: hands mail to other hosts. Touches the network only: what is to be sent, and to
// whom, comes from queued, large messages as descriptors.
#include <memory>

#include "base/daemon.h"
#include "base/dns/unbound_dns.h"
#include "base/settings_registry.h"
#include "mta/remote/dns_host_finder.h"
#include "mta/remote/remoted.h"

namespace {

using namespace toast;

Result<std::shared_ptr<const remote::Options>> read_options(const Settings& settings) {
  remote::Options options;
  Result<remote::OutgoingAddresses> outgoing = remote::OutgoingAddresses::parse(
      settings.get(setting::outgoingip), settings.get(setting::helohost));
  if (!outgoing) return pass(outgoing);
  options.outgoing = std::move(*outgoing);
  Result<remote::Routes> routes = remote::Routes::parse(settings.get(setting::smtproutes));
  if (!routes) return pass(routes);
  options.routes = std::move(*routes);
  options.connect_timeout = settings.get(setting::timeoutconnect);
  options.reply_timeout = settings.get(setting::timeoutremote);
  if (settings.get(setting::remotetls) == "off") options.tls = tls::Policy::off;
  return std::make_shared<const remote::Options>(std::move(options));
}

remote::DnsHostFinder::Options finder_options(const Settings& settings) {
  remote::DnsHostFinder::Options options;
  options.own.names = {settings.get(setting::me), settings.get(setting::helohost)};
  options.own.addresses = remote::interface_addresses();
  options.own.listeners = settings.get(setting::smtplisten);
  options.prefer_ipv6 = remote::has_global_ipv6(options.own.addresses);
  return options;
}

Result<std::unique_ptr<Dns>> open_dns(Daemon& daemon, const dns::SystemDns& system) {
  dns::UnboundOptions options;
  options.servers = daemon.settings().get(setting::dnsservers);
  if (options.servers.empty()) options.servers = system.servers;
  options.trust_anchors = system.trust_anchors;
  return dns::UnboundDns::open(daemon.executor(), std::move(options), daemon.log());
}

struct Program {
  Program(Daemon& daemon, std::unique_ptr<Dns> resolver, std::unique_ptr<tls::Client> tls_client,
          std::shared_ptr<const remote::Options> options)
      : dns(std::move(resolver)),
        hosts(*dns, daemon.random(), finder_options(daemon.settings())),
        dialer(daemon.executor()),
        pool(daemon.executor(), daemon.clock()),
        troubles(daemon.clock()),
        tls(std::move(tls_client)),
        without_tls(daemon.clock(), remote::kWithoutTlsTime),
        passwords(daemon.path("relay-auth")),
        disk(remote::kDiskThreads),
        counters(daemon.metrics()),
        services{daemon.clock(), daemon.log(), hosts, dialer,  pool, troubles, tls,
                 without_tls,    passwords,    disk,  counters},
        remoted(daemon.executor(), std::move(options), services) {}
  std::unique_ptr<Dns> dns;
  remote::DnsHostFinder hosts;
  remote::SocketDialer dialer;
  remote::ConnectionPool pool;
  remote::HostTroubles troubles;
  remote::OpenSslStarter tls;
  remote::RecentHosts without_tls;
  remote::PasswordFolder passwords;
  asio::thread_pool disk;
  remote::Counters counters;
  remote::Services services;
  remote::Remoted remoted;
};

// The callbacks own the program: it ends before the daemon and its event loop do.
Result<void> build(Daemon& daemon, const dns::SystemDns& system, std::string authorities) {
  auto options = read_options(daemon.settings());
  if (!options) return pass(options);
  Result<std::unique_ptr<Dns>> dns = open_dns(daemon, system);
  if (!dns) return pass(dns);
  Result<std::unique_ptr<tls::Client>> tls =
      tls::Client::make(daemon.clock(), std::move(authorities));
  if (!tls) return pass(tls);
  auto program =
      std::make_shared<Program>(daemon, std::move(*dns), std::move(*tls), std::move(*options));
  daemon.on_client(
      [program](const std::string& peer) { return program->remoted.dispatcher_for(peer); });
  daemon.on_client_gone([program](const std::string&) { program->remoted.queue_gone(); });
  daemon.on_reload(
      [](const Settings& next) {
        auto options = read_options(next);
        if (!options) return Result<void>(pass(options));
        return Result<void>{};
      },
      [program](const Settings& now) { program->remoted.set_options(*read_options(now)); });
  daemon.on_drain([program] { return program->remoted.drain(); });
  return {};
}

}  // namespace

// Landlock comes before anything is built, so what /etc says is read here.
int main(int argc, char** argv) {
  const dns::SystemDns system = dns::read_system_dns();
  tls::prepare();
  std::string authorities = tls::read_system_authorities();
  return daemon_main(argc, argv, "toast-remoted",
                     [&](Daemon& daemon) { return build(daemon, system, std::move(authorities)); });
}
