// toast-queued: the keeper of queue/. Accepts messages, delivers them, remembers what is left.
#include <sodium.h>
#include <sys/stat.h>

#include <memory>
#include <thread>

#include "base/daemon.h"
#include "base/settings_registry.h"
#include "mta/queue/admin_socket.h"
#include "mta/queue/journal_store.h"
#include "mta/queue/queue.h"

namespace {

using namespace toast;

// A toastd that is being replaced lets its queued finish first; after this long something is wrong.
constexpr std::chrono::seconds kLockPatience{60};
constexpr std::chrono::milliseconds kLockPoll{50};

struct Parts {
  explicit Parts(Daemon& daemon) : tickets(daemon.startup().ticket_key.clone(), daemon.clock()) {}
  auth::TicketVerifier tickets;
  std::unique_ptr<queue::RealDisk> disk;
  std::unique_ptr<queue::JournalStore> store;
  std::unique_ptr<queue::Queue> queue;
  std::unique_ptr<queue::AdminSocket> admin;
  std::unique_ptr<PeerSocket> local;
};

Result<std::unique_ptr<queue::RealDisk>> open_disk(Daemon& daemon) {
  const std::string directory = daemon.path("queue");
  const SteadyTime give_up = daemon.clock().steady() + kLockPatience;
  for (bool said = false;; said = true) {
    Result<std::unique_ptr<queue::RealDisk>> disk = queue::RealDisk::open_directory(directory);
    const bool again = !disk && disk.error().failure == Failure::transient;
    if (!again || daemon.clock().steady() > give_up) return disk;
    if (!said) daemon.log().warning("queue.lock.waiting", {{"reason", disk.error().detail}});
    std::this_thread::sleep_for(kLockPoll);
  }
}

std::vector<std::string> log_recovery(Daemon& daemon, const queue::Journal::Opened& opened,
                                      const std::string& disk_warning) {
  daemon.log().info("queue.journal.opened",
                    {{"messages", opened.live.size()}, {"records", opened.report.records}});
  for (const std::string& remark : opened.report.remarks)
    daemon.log().info("queue.journal.remark", {{"reason", remark}});
  std::vector<std::string> warnings = opened.report.damage;
  if (!disk_warning.empty()) warnings.push_back(disk_warning);
  for (const std::string& warning : warnings)
    daemon.log().error("queue.journal.warning", {{"reason", warning}});
  return warnings;
}

Result<void> build(Daemon& daemon) {
  struct stat root {};
  if (::stat(daemon.startup().root.c_str(), &root) != 0)
    return system_error("stat", daemon.startup().root);
  Result<queue::Options> options = queue::Options::from(daemon.settings());
  if (!options) return pass(options);
  if (sodium_init() < 0) return transient("libsodium cannot start");
  if (daemon.startup().ticket_key.size() != auth::kTicketKeyBytes)
    return permanent("toastd gave no ticket key");
  auto parts = std::make_shared<Parts>(daemon);
  Result<std::unique_ptr<queue::RealDisk>> disk = open_disk(daemon);
  if (!disk) return pass(disk);
  parts->disk = std::move(*disk);
  queue::JournalOptions journal_options;
  journal_options.low_water_bytes = daemon.settings().get(setting::queuereserve);
  Result<queue::Journal::Opened> opened =
      queue::Journal::open(*parts->disk, daemon.clock(), daemon.random(), journal_options);
  if (!opened) return pass(opened, "queue/");
  std::vector<std::string> warnings = log_recovery(daemon, *opened, parts->disk->warning());
  const MessageId newest = opened->journal->newest_id();
  parts->store = std::make_unique<queue::JournalStore>(*parts->disk, std::move(opened->journal),
                                                       journal_options.max_inline_body);
  Result<queue::Pauses> pauses = queue::Pauses::load(*parts->disk);
  if (!pauses) return pass(pauses, "queue/paused");
  Result<queue::StoppedSenders> stopped = queue::StoppedSenders::load(*parts->disk);
  if (!stopped) return pass(stopped, "queue/stopped");
  Result<std::shared_ptr<queue::AnswerMemory>> answers =
      queue::AnswerMemory::load(*parts->disk, daemon.clock().wall());
  // No reason to keep mail waiting: somebody may get an answer twice.
  if (!answers) {
    daemon.log().warning("queue.answers.unreadable", {{"reason", answers.error().detail}});
    answers = std::make_shared<queue::AnswerMemory>();
  }
  parts->queue = std::make_unique<queue::Queue>(
      queue::Queue::Services{
          daemon.executor(), *parts->store, daemon.clock(), daemon.log(), daemon.metrics(),
          daemon.link("toast-vdomaind"), daemon.link("toast-maild"), daemon.link("toast-remoted"),
          nullptr, &parts->tickets, std::move(*pauses), parts->disk.get(), std::move(*stopped),
          daemon.path("queue/trace"), queue::QmailLog::to_standard_error(), std::move(*answers)},
      *options, newest, std::move(warnings));

  daemon.on_peer_ended([parts](const std::string& program, SteadyTime at) {
    if (program == "toast-authd") parts->tickets.issuer_ended(at);
  });
  daemon.on_client([parts](const std::string& peer) { return parts->queue->client(peer); });
  daemon.on_listener([parts, &daemon, owner = root.st_uid](const std::string& name, Fd socket) {
    if (name == queue::kSubmitSocket) {
      parts->local = std::make_unique<PeerSocket>(
          daemon.executor(), std::move(socket),
          [queue = parts->queue.get()](const ucred& who) { return queue->local_user(who.uid); });
    } else {
      parts->admin = std::make_unique<queue::AdminSocket>(
          daemon.executor(), std::move(socket), owner,
          [queue = parts->queue.get()] { return queue->admin_guest(); }, daemon.log());
    }
  });
  daemon.on_reload(
      [](const Settings& next) -> Result<void> {
        Result<queue::Options> read = queue::Options::from(next);
        if (!read) return pass(read);
        return {};
      },
      [parts](const Settings& now) {
        parts->queue->set_options(queue::Options::from(now).value());
      });
  daemon.on_drain([parts] { return parts->queue->drain(); });
  parts->queue->start(opened->live);
  return {};
}

}  // namespace

int main(int argc, char** argv) { return toast::daemon_main(argc, argv, "toast-queued", build); }
