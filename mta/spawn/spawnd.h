// Runs the programs that check passwords for authd, each as the account that control/ names for it.
// What it trusts: control/. Of authd it takes a domain, a name, a password and a client's address,
// and nothing that could name a program, an argument or an account.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "auth/programs/checkpassword_programs.h"
#include "auth/programs/program_account.h"
#include "auth/programs/program_messages.h"
#include "base/ipc.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mta/spawn/child.h"
#include "mta/spawn/turns.h"

namespace toast::spawnd {

// A program that fails at every login is named in the log so often, not each time.
inline constexpr std::chrono::seconds kFailureToldEvery{60};

struct SpawndOptions {
  auth::CheckpasswordPrograms programs;
  std::map<std::string, auth::ProgramAccount> accounts;  // by the programs' user
  std::chrono::seconds patience{10};                     // waiting and running together
  TurnLimits limits;
};

class Spawnd {
 public:
  Spawnd(asio::any_io_executor executor, SpawndOptions options, const Clock& clock, Logger& log,
         Metrics& metrics);
  // What `peer` may ask; null for peers that have no business here.
  std::shared_ptr<const ipc::Dispatcher> dispatcher_for(const std::string& peer);
  void set_patience(std::chrono::seconds patience) { options_.patience = patience; }
  // Ends what runs: when a server stops nobody waits for it any more.
  Task<> drain();

 private:
  using Question = auth::CheckByProgram;
  Task<Result<Question::Reply>> check(Question question);
  Task<ExitVerdict> run(const auth::CheckpasswordProgram& program, Secret input,
                        std::vector<std::string> environment, SteadyTime deadline);
  Question::Reply reply_for(const auth::CheckpasswordProgram& program, ExitVerdict verdict);

  asio::any_io_executor executor_;
  SpawndOptions options_;
  const Clock& clock_;
  Logger& log_;
  Turns turns_;
  std::list<Child*> running_;
  std::map<std::string, SteadyTime> told_;  // of domains whose program fails
  bool draining_ = false;
  Counter right_, wrong_, failed_, busy_;
  Gauge at_work_;
};

}  // namespace toast::spawnd
