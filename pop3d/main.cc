// toast-pop3d: the POP3 dialogue. One of several processes that share the listening sockets; it
// touches no file, asks authd for tickets and maild for mail.
#include "base/daemon.h"
#include "pop3d/keepers.h"
#include "pop3d/server.h"
#include "pop3d/settings.h"

namespace {

using namespace toast;

// toastd waits 10 s in all; what is left is for the keepers behind us.
constexpr std::chrono::seconds kDrainPatience{8};

struct Parts {
  explicit Parts(Daemon& daemon)
      : counters(daemon.metrics()),
        logins(daemon.link("toast-authd")),
        maildrops(daemon.link("toast-maild")),
        server(daemon.executor(), pop3::make_options(daemon.settings(), daemon.startup().instances),
               pop3::Services{logins, maildrops, pause, daemon.log(), counters}, daemon.random()) {}
  pop3::Counters counters;
  pop3::AuthdLogins logins;
  pop3::MaildMaildrops maildrops;
  pop3::TimerPause pause;
  pop3::Server server;
};

Result<void> build(Daemon& daemon) {
  auto parts = std::make_shared<Parts>(daemon);  // lives as long as the callbacks below
  daemon.on_listener(
      [parts](const std::string&, Fd socket) { parts->server.listen(std::move(socket)); });
  daemon.on_reload([](const Settings&) -> Result<void> { return {}; },
                   [parts, instances = daemon.startup().instances](const Settings& now) {
                     parts->server.change(pop3::make_options(now, instances));
                   });
  daemon.on_drain([parts] { return parts->server.drain(kDrainPatience); });
  return {};
}

}  // namespace

int main(int argc, char** argv) { return toast::daemon_main(argc, argv, "toast-pop3d", build); }
