// Where the programs of this machine's users hand in mail (run/submit.sock, local_messages.h). The
// uid that the kernel names goes into the Received field, which is written here, and into the
// envelope.
//
// What a local user can do at worst: send mail to anybody under any sender, as on every Unix, with
// the uid in it; keep its own share of connections and submissions busy.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/peer_socket.h"
#include "mta/queue/intake.h"
#include "mta/queue/local_messages.h"

namespace toast::queue {

// Of one user at a time. A client that is turned away tries again by itself, so a burst waits and
// does not fail.
inline constexpr std::size_t kMaxUserConnections = 64;
inline constexpr std::size_t kMaxUserSubmissions = 64;
// Of all users but root, whose cron and daemons must get their mail off when others are many.
inline constexpr std::size_t kMaxLocalConnections = 1024;

class LocalDoor {
 public:
  struct Services {
    Intake& intake;
    MessageIdSource& ids;
    const Clock& clock;
    Logger& log;
  };
  LocalDoor(Services services, const Options& options);
  LocalDoor(const LocalDoor&) = delete;
  LocalDoor& operator=(const LocalDoor&) = delete;

  void set_options(const Options& options) { default_host_ = options.no_at_host; }
  // Forgets every message that has not ended.
  void drop_all();
  // A connection of this user; none: it has too many.
  std::optional<PeerSocket::Guest> admit(uid_t uid);

 private:
  struct User;
  struct Draft;
  struct Client;

  Task<Result<LocalOpened>> open(std::shared_ptr<Client> client, LocalOpen message);
  Task<Result<ipc::Done>> chunk(std::shared_ptr<Client> client, SubmitChunk message);
  Task<Result<ipc::Done>> recipients(std::shared_ptr<Client> client, LocalRecipients message);
  Task<Result<ipc::Done>> end(std::shared_ptr<Client> client, LocalEnd message);
  Task<Result<void>> submit(std::shared_ptr<Draft> draft, LocalEnd message);
  Result<void> add(Draft& draft, LocalRecipient recipient) const;
  tl::unexpected<Error> refuse(const Client& client, Error error) const;

  Services services_;
  std::string default_host_;
  std::map<uid_t, std::shared_ptr<User>> users_;
  std::vector<std::weak_ptr<Client>> clients_;
  std::size_t connections_ = 0;  // of all but root
};

// "Received: (toast-queue ID invoked by uid N); D Mon YYYY HH:MM:SS -0000", qmail-queue's shape.
std::string format_local_received(MessageId id, uid_t uid, WallTime time);

}  // namespace toast::queue
