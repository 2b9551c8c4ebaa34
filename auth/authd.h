// The keeper of the credentials: its parts put together. It answers front ends (Login, SASL), asks
// the keeper of the directory whose mailbox a name means, and writes last logins every few seconds.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "auth/account_directory.h"
#include "auth/credentials_reader.h"
#include "auth/credentials_writer.h"
#include "auth/hash_pool.h"
#include "auth/login_desk.h"
#include "auth/login_recorder.h"
#include "auth/login_service.h"
#include "auth/password_cache.h"
#include "auth/password_hash.h"
#include "auth/password_programs.h"
#include "auth/sasl_exchanges.h"
#include "auth/sqlite/credentials.h"
#include "auth/throttle.h"
#include "auth/ticket.h"
#include "base/ipc.h"
#include "base/peer_socket.h"
#include "base/settings.h"

namespace toast::auth {

// A read for a login waits this long at most for a database that is locked; a write may take
// longer.
inline constexpr std::chrono::milliseconds kReadPatience{50};
inline constexpr std::chrono::milliseconds kWritePatience{5000};

// How many connections answer logins where the store is over the network.
inline constexpr std::size_t kCredentialsThreads = 4;

// Programs that wait for a password to be checked, at a time: as many as the hashers have places.
inline constexpr std::size_t kMaxCheckers = 512;

struct AuthdOptions {
  std::string database;  // path of credentials.db
  // Makes a repository over the network, one for each thread; none: the SQLite file `database`.
  std::function<std::unique_ptr<CredentialsRepository>()> make_repository;
  Secret ticket_key;  // kTicketKeyBytes: the root of the keys in auth/ticket_keys.h
  HashCost cost;
  bool renew_imported = true;  // hashes of crypt(3), after a good login
  HashPoolOptions pool;
  std::chrono::seconds cache_time_to_live{3600};
  ThrottleOptions throttle;
  MechanismUse scram = MechanismUse::none;
  MechanismUse cram = MechanismUse::none;
  std::string default_domain;  // of names without one
  std::string login_domain;    // the same, as vchkpw's log calls it
  bool vchkpw_log = false;
  PasswordPrograms* programs = nullptr;  // of domains that have one; outlives authd
  // db-auth/, for bans, the history and the key of reversible passwords; empty: in memory alone
  std::string desk_directory;
};

// Connections to run/auth.sock at a time.
inline constexpr std::size_t kMaxDeskGuests = 32;

// What the settings say; the database and the key are the caller's.
AuthdOptions authd_options(const Settings& settings);

class Authd {
 public:
  Authd(AuthdOptions options, AccountDirectory& accounts, const Clock& clock, Random& random,
        Logger& log, Metrics& metrics);

  // What was kept before: bans, the history of logins, the key of reversible passwords. An error:
  // they cannot be read.
  [[nodiscard]] Result<void> load();
  // What reconfigure() will need of files is there.
  [[nodiscard]] Result<void> prepare(const AuthdOptions& options);
  LoginDesk& desk() { return desk_; }
  // Starts the periodic work, and says in the log when the database cannot be used: logins are then
  // answered "try again later" until it can.
  void start(const asio::any_io_executor& executor);
  // What `peer` may ask; null for peers that have no business here.
  std::shared_ptr<const ipc::Dispatcher> dispatcher_for(const std::string& peer);
  // Who connected to run/checkpassword.sock: root, this process's own user and the owner of the
  // instance are answered, everybody else is hung up on.
  std::optional<PeerSocket::Guest> checkpassword_guest(uid_t uid, uid_t owner);
  // Who connected to run/auth.sock: the same are answered.
  std::optional<PeerSocket::Guest> desk_guest(uid_t uid, uid_t owner);
  // Cost of new hashes, cache and throttle; the number of threads stays until the next start.
  void reconfigure(const AuthdOptions& options);
  // Finishes the logins in hand and writes the last logins.
  Task<> drain();
  LoginService& logins() { return logins_; }

 private:
  Task<> work_periodically();
  void sweep_exchanges();
  AccountDirectory& accounts_;
  const Clock& clock_;
  Random& random_;
  Logger& log_;
  std::unique_ptr<CredentialsRepository> reading_;  // none: the reader has its own
  std::unique_ptr<CredentialsRepository> writing_;
  std::unique_ptr<CredentialsReader> reader_;
  CredentialsWriter writer_;
  LoginRecorder recorder_;
  HashPool hashes_;
  PasswordCache cache_;
  Throttle throttle_;
  TicketIssuer mail_tickets_;
  TicketIssuer submission_tickets_;
  LoginWatch watch_;
  LoginDesk desk_;
  LoginService logins_;
  std::string desk_directory_;
  MechanismUse cram_;                                  // at the start
  std::shared_ptr<const ReversibleMeans> reversible_;  // none until it is needed
  std::shared_ptr<std::size_t> desk_guests_ = std::make_shared<std::size_t>(0);
  std::shared_ptr<std::size_t> checkers_ = std::make_shared<std::size_t>(0);
  std::vector<std::weak_ptr<SaslExchanges>> exchanges_;  // of front ends; they go with the channel
};

}  // namespace toast::auth
