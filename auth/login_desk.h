// toastctl's questions about logins, and the files that the answers outlive a restart in:
// db-auth/bans, replaced as a whole with each change, and db-auth/logins-granted and logins-failed,
// to which ended events are added and which are put aside as .old when they are full. What is in
// the files is for operators: nobody is let in by it.
#pragma once

#include <asio/thread_pool.hpp>
#include <functional>
#include <string>

#include "auth/desk_messages.h"
#include "auth/login_watch.h"
#include "base/async.h"
#include "base/ipc.h"
#include "base/log.h"

namespace toast::auth {

inline constexpr std::chrono::seconds kSaveSendersEvery{60};
inline constexpr std::uint64_t kMaxLoginFile = std::uint64_t{2} << 20U;  // four of them at most

class LoginDesk {
 public:
  struct Services {
    LoginWatch& watch;
    Throttle& throttle;
    const Clock& clock;
    Logger& log;
  };
  // `directory`: db-auth/; empty: nothing is kept.
  LoginDesk(Services services, std::string directory);
  ~LoginDesk() { thread_.join(); }
  LoginDesk(const LoginDesk&) = delete;
  LoginDesk& operator=(const LoginDesk&) = delete;

  // Before the first login. Bans that cannot be read are an error: nobody knows who must stay out.
  [[nodiscard]] Result<void> load();
  void set_exempt(std::vector<Network> exempt) { exempt_ = std::move(exempt); }
  void serve(ipc::Dispatcher& dispatcher);
  // How front ends are told whose sessions end.
  using EndSessionsOf = std::function<void(const std::string& mailbox)>;
  void on_end_sessions(EndSessionsOf callee) { end_sessions_of_ = std::move(callee); }
  // Writes the events that have ended; `all`: at the end of the process.
  Task<> save(bool all = false);
  bool is_saving() const { return saving_; }

 private:
  Task<Result<ListLogins::Reply>> list(ListLogins question);
  Task<Result<ipc::Done>> ban(BanNetwork question);
  Task<Result<LetIn::Reply>> let_in(LetIn question);
  Task<Result<ListBans::Reply>> bans();
  Task<Result<ListForeignSenders::Reply>> list_senders(ListForeignSenders question);
  Task<Result<ipc::Done>> end_sessions(EndAccountSessions question);
  // In force when it is durable; else nothing has changed.
  Task<Result<void>> put_in_force(Bans next);
  std::string path(std::string_view name) const { return directory_ + "/" + std::string(name); }

  Services services_;
  std::string directory_;
  std::vector<Network> exempt_;
  EndSessionsOf end_sessions_of_;
  SteadyTime senders_saved_{};
  bool saving_ = false;
  bool failing_ = false;
  bool changing_ = false;  // one change of the bans at a time
  asio::thread_pool thread_{1};
};

}  // namespace toast::auth
