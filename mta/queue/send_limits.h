// The sending limits: how many recipients at other hosts a login, all logins of a domain, of all
// domains of an owner, a user of this machine may send to in an hour and in a day. Those of a
// domain and an owner are the settings', unless the directory has others for it. Bounces and
// forwards are no sending of theirs, mail that stays here is not counted.
//
// A login that is put off at its own limit `suspend_after` times in an hour and does not stop is no
// person in a hurry: its program is told what it is, and it is reported as a runaway.
//
// The counts are written to queue/sending a minute after they have changed, and when queued ends:
// a crash forgets a minute.
#pragma once

#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/log.h"
#include "mta/queue/journal/disk.h"
#include "mta/queue/options.h"
#include "mta/queue/send_counts.h"
#include "mta/queue/sender_messages.h"
#include "mta/queue/sending_domains.h"

namespace toast::queue {

inline constexpr std::string_view kSendingFile = "sending";
inline constexpr std::chrono::seconds kSaveSendingAfter{60};

// Whose limits a message counts against: "login ann@example.org", "domain example.org", "owner
// acme", "uid 1000".
struct SendLimitOf {
  std::string who;
  Options::SendLimit limit;
};

class SendLimits {
 public:
  struct Services {
    asio::any_io_executor loop;
    asio::thread_pool& pool;
    const Clock& clock;
    Logger& log;
    Disk* disk = nullptr;  // none: the counts end with the process
  };
  SendLimits(Services services, const Options& options);
  ~SendLimits();
  SendLimits(const SendLimits&) = delete;
  SendLimits& operator=(const SendLimits&) = delete;
  void set_options(const Options& options) { options_ = options; }
  // Told each time that a message is put off, with the limit in words.
  using OnReached = std::function<void(const SendLimitOf& limit, const std::string& what)>;
  void on_reached(OnReached callee) { on_reached_ = std::move(callee); }

  // Told when one goes on far beyond its limit, each time that it does.
  using OnRunaway = std::function<void(const std::string& login, const std::string& what)>;
  void on_runaway(OnRunaway callee) { on_runaway_ = std::move(callee); }

  // What holds for this login, or for this user ("uid 1000"): nothing where there is no limit.
  std::vector<SendLimitOf> of_login(const std::string& mailbox, const DomainSending& sending) const;
  std::vector<SendLimitOf> of_local(const std::string& peer) const;
  // Counts them, unless one of the limits would be passed: then an error (4.7.1), and nothing is
  // counted.
  [[nodiscard]] Result<void> take(const std::vector<SendLimitOf>& limits, std::uint64_t recipients);
  void take_back(const std::vector<SendLimitOf>& limits, std::uint64_t recipients);
  // Would one more be too many?
  [[nodiscard]] Result<void> may_go_on(const std::vector<SendLimitOf>& limits);
  // Without what is not ours: who is stopped.
  ShowSender::Reply state_of(const std::string& login) const;
  // An operator lets it send again: how often it was put off is forgotten.
  void forgive(const std::string& login);
  // Writes what has not been written.
  Task<> save();

 private:
  // The one that would be passed; null: none.
  const SendLimitOf* find_passed(const std::vector<SendLimitOf>& limits, std::uint64_t recipients,
                                 std::string& what) const;
  void put_off(const SendLimitOf& limit, const std::string& what);
  void save_soon();
  static Task<> save_later(std::shared_ptr<SendLimits*> self,
                           std::shared_ptr<asio::steady_timer> t);

  Services services_;
  Options options_;
  OnReached on_reached_;
  OnRunaway on_runaway_;
  SendCounts counts_;
  bool unsaved_ = false;
  std::shared_ptr<asio::steady_timer> timer_;  // while a save is due
  std::shared_ptr<SendLimits*> self_ = std::make_shared<SendLimits*>(this);
};

}  // namespace toast::queue
