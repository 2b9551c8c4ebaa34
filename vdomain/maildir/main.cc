// toast-maild: puts messages into Maildirs, and gives POP3 front ends what their tickets open.
#include <fcntl.h>
#include <sodium.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/daemon.h"
#include "base/settings_registry.h"
#include "vdomain/maildir/maild.h"
#include "vdomain/maildir/quota_warning.h"

namespace {

using namespace toast;

// Three descriptors for each Maildir kept open; a quarter of what we may have is left for the rest.
std::size_t maildirs_to_keep_open() {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return 64;
  return std::min<std::size_t>(maildir::kOpenMaildirs, descriptors.rlim_cur / 4);
}

Result<void> build(Daemon& daemon) {
  if (sodium_init() < 0) return transient("libsodium cannot start");
  const control::Startup& startup = daemon.startup();
  if (startup.ticket_key.size() != auth::kTicketKeyBytes)
    return permanent("toastd gave no ticket key");
  maildir::MaildOptions options;
  options.host_name = daemon.settings().get(setting::me);
  options.quota_warnings =
      maildir::parse_percentages(daemon.settings().get(setting::quotawarnings));
  options.delivery_threads =
      static_cast<std::size_t>(daemon.settings().get(setting::maildeliverythreads));
  options.open_maildirs = maildirs_to_keep_open();
  options.ticket_key = startup.ticket_key.clone();
  std::memcpy(options.boot_id.data(), startup.boot_id.data(),
              std::min(options.boot_id.size(), startup.boot_id.size()));
  Result<Fd> mail = open_file(daemon.path("mail"), O_RDONLY | O_DIRECTORY);
  if (!mail) return pass(mail);
  ipc::Link& directory = daemon.link("toast-vdomaind");
  auto maild = std::make_shared<maildir::Maild>(
      daemon.executor(), std::move(options), std::move(*mail), daemon.clock(), daemon.log(),
      daemon.metrics(),
      [&directory](vdomain::UsageReport report) { directory.notify(std::move(report)); });
  daemon.on_client([maild](const std::string& peer) { return maild->dispatcher_for(peer); });
  daemon.on_reload(
      [](const Settings&) { return Result<void>{}; },
      [maild](const Settings& now) {
        maild->set_host_name(now.get(setting::me));
        maild->set_quota_warnings(maildir::parse_percentages(now.get(setting::quotawarnings)));
      });
  daemon.on_peer_ended([maild](const std::string& program, SteadyTime at) {
    if (program == "toast-authd") maild->issuer_ended(at);
  });
  daemon.on_drain([maild] { return maild->drain(); });
  maild->measure_domains(std::make_shared<maildir::IpcQuotaDirectory>(directory));
  maild->start();
  return {};
}

}  // namespace

int main(int argc, char** argv) { return toast::daemon_main(argc, argv, "toast-maild", build); }
