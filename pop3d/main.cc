// toast-pop3d: the POP3 dialogue. One of several processes that share the listening sockets; it
// touches no file, asks authd for tickets and maild for mail.
#include "auth/session_messages.h"
#include "base/daemon.h"
#include "pop3d/keepers.h"
#include "pop3d/server.h"
#include "pop3d/settings.h"

namespace {

using namespace toast;

// toastd waits 10 s in all; what is left is for the keepers behind us.
constexpr std::chrono::seconds kDrainPatience{8};

struct Parts {
  Parts(Daemon& daemon, std::unique_ptr<tls::Server> tls_server)
      : counters(daemon.metrics()),
        tls(std::move(tls_server)),
        keys(daemon.executor(), daemon.link("toast-keyd"), *tls, daemon.log()),
        tls_service(*tls, keys),
        logins(daemon.link("toast-authd")),
        maildrops(daemon.link("toast-maild")),
        server(daemon.executor(), read_options(daemon, daemon.settings()),
               pop3::Services{logins, maildrops, pause, daemon.log(), counters, &tls_service},
               daemon.random()) {}
  pop3::Options read_options(const Daemon& daemon, const Settings& settings) {
    pop3::Options options = pop3::make_options(settings, daemon.startup().instances);
    tls_service.set_floor(options.tls_floor);
    return options;
  }
  pop3::Counters counters;
  std::unique_ptr<tls::Server> tls;
  keyd::KeyClient keys;
  pop3::KeydTls tls_service;
  pop3::AuthdLogins logins;
  pop3::MaildMaildrops maildrops;
  pop3::TimerPause pause;
  pop3::Server server;
};

Result<void> build(Daemon& daemon) {
  if (Result<void> prepared = tls::prepare_server(); !prepared) return prepared;
  Result<std::unique_ptr<tls::Server>> tls = tls::Server::make("pop3");
  if (!tls) return pass(tls);
  // lives as long as the callbacks below
  auto parts = std::make_shared<Parts>(daemon, std::move(*tls));
  daemon.on_listener([parts](const std::string& name, Fd socket) {
    using Encryption = pop3::Server::Encryption;
    const auto how = name == "pop3s" ? Encryption::from_the_start : Encryption::on_request;
    auto shared = std::make_shared<Fd>(std::move(socket));
    parts->keys.when_known([parts, shared, how] { parts->server.listen(std::move(*shared), how); });
  });
  auto words = std::make_shared<ipc::Dispatcher>();
  words->on_notice<auth::EndSessions>(
      [parts](const auth::EndSessions& over) { parts->server.end_sessions_of(over.mailbox); });
  daemon.on_word_from("toast-authd", std::move(words));
  parts->keys.start();
  daemon.on_reload([](const Settings&) -> Result<void> { return {}; },
                   [parts, &daemon](const Settings& now) {
                     parts->server.change(parts->read_options(daemon, now));
                   });
  daemon.on_drain([parts] { return parts->server.drain(kDrainPatience); });
  return {};
}

}  // namespace

int main(int argc, char** argv) { return toast::daemon_main(argc, argv, "toast-pop3d", build); }
