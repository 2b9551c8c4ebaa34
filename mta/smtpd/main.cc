// toast-smtpd: receives mail by SMTP. Touches its sockets only: recipients are checked by vdomaind,
// passwords by authd, messages are kept by queued.
#include <memory>

#include "auth/session_messages.h"
#include "base/daemon.h"
#include "mta/smtpd/auth_client.h"
#include "mta/smtpd/queue_client.h"
#include "mta/smtpd/recipient_client.h"
#include "mta/smtpd/sender_client.h"
#include "mta/smtpd/server.h"
#include "mta/smtpd/settings_options.h"
#include "mta/smtpd/tls_service.h"

namespace {

using namespace toast;

std::shared_ptr<const smtpd::Options> read_options(const Daemon& daemon, const Settings& settings) {
  return std::make_shared<const smtpd::Options>(
      smtpd::options_from(settings, daemon.startup().instances));
}

struct Program {
  Program(Daemon& daemon, std::unique_ptr<tls::Server> tls_server)
      : recipients(daemon.link("toast-vdomaind")),
        queue(daemon.link("toast-queued"), daemon.clock()),
        ids(daemon.clock(), daemon.startup().instance),
        counters(daemon.metrics()),
        tls(std::move(tls_server)),
        keys(daemon.executor(), daemon.link("toast-keyd"), *tls, daemon.log()),
        tls_service(*tls, keys),
        auth(daemon.link("toast-authd")),
        senders(daemon.link("toast-vdomaind")),
        services{daemon.clock(), daemon.log(), recipients, queue,   ids,
                 counters,       &tls_service, &auth,      &senders},
        server(daemon.executor(), services, read_options(daemon, daemon.settings())) {}
  smtpd::RecipientClient recipients;
  smtpd::QueueClient queue;
  MessageIdSource ids;
  smtpd::Counters counters;
  std::unique_ptr<tls::Server> tls;
  keyd::KeyClient keys;
  smtpd::KeydTls tls_service;
  smtpd::AuthClient auth;
  smtpd::SenderClient senders;
  smtpd::Services services;
  smtpd::Server server;
};

smtpd::Port port_of(const std::string& listener) {
  if (listener == "submission") return smtpd::Port::submission;
  return listener == "submissions" ? smtpd::Port::submissions : smtpd::Port::smtp;
}

// The callbacks own the program: it ends before the daemon and its event loop do.
Result<void> build(Daemon& daemon) {
  if (daemon.startup().instance >= MessageIdSource::kMaxSmtpProcesses)
    return permanent("control/smtpprocesses: at most " +
                     std::to_string(MessageIdSource::kMaxSmtpProcesses) +
                     ", or message ids would not be unique");
  if (Result<void> prepared = tls::prepare_server(); !prepared) return prepared;
  Result<std::unique_ptr<tls::Server>> tls = tls::Server::make("smtp");
  if (!tls) return pass(tls);
  auto program = std::make_shared<Program>(daemon, std::move(*tls));
  daemon.on_listener([program, &daemon](const std::string& name, Fd socket) {
    auto shared = std::make_shared<Fd>(std::move(socket));
    program->keys.when_known([program, &daemon, name, shared] {
      Result<void> listening = program->server.listen(std::move(*shared), port_of(name));
      if (!listening)
        daemon.fail(Error{Failure::transient, {}, name + ": " + listening.error().detail});
    });
  });
  auto words = std::make_shared<ipc::Dispatcher>();
  words->on_notice<auth::EndSessions>(
      [program](const auth::EndSessions& over) { program->server.end_sessions_of(over.mailbox); });
  daemon.on_word_from("toast-authd", std::move(words));
  program->keys.start();
  daemon.on_reload([](const Settings&) { return Result<void>{}; },
                   [program, &daemon](const Settings& now) {
                     program->server.set_options(read_options(daemon, now));
                   });
  daemon.on_drain([program] { return program->server.drain(); });
  return {};
}

}  // namespace

int main(int argc, char** argv) { return daemon_main(argc, argv, "toast-smtpd", build); }
