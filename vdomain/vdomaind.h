// toast-vdomaind: who may ask the keeper what. Each peer is known by the socket it speaks on.
//
// With an SQLite file the keeper answers on the spot. With a database over the network there are
// several keepers, each on a thread of its own with a connection of its own; who asks for the same
// address comes to the same one, so that each remembers its own part of the answers.
#pragma once

#include <asio/thread_pool.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/ipc.h"
#include "vdomain/directory_keeper.h"

namespace toast::vdomain {

// Threads that ask a database over the network.
inline constexpr std::size_t kDirectoryThreads = 4;
// Questions that wait for one of them. With a slow server more would only wait in vain.
inline constexpr std::size_t kMaxWaitingQuestions = 512;

class Vdomaind {
 public:
  // `threads` 0: on the spot.
  Vdomaind(const KeeperOptions& options, const Clock& clock, Logger& log, Metrics& metrics,
           std::size_t threads = 0);
  ~Vdomaind();
  Vdomaind(const Vdomaind&) = delete;
  Vdomaind& operator=(const Vdomaind&) = delete;

  // What a peer such as "toast-smtpd.1" may ask; null: nothing.
  std::shared_ptr<const ipc::Dispatcher> dispatcher_for(std::string_view peer) const;
  // Opens the database ahead of the first question. With threads: before they answer any.
  void make_ready();
  void set_names(const Domain& host, const LoginDomains& login_domains);

 private:
  // A keeper, and the one thread that uses it (none: the caller's).
  struct Part {
    std::unique_ptr<DirectoryKeeper> keeper;
    std::unique_ptr<asio::thread_pool> thread;
    std::size_t waiting = 0;
  };
  DirectoryKeeper* on_the_spot();  // null: there are threads
  Part& part_for(const std::string& question);
  template <class Reply, class Work>
  Task<Result<Reply>> ask(std::string question, Work work);
  Task<Result<CheckRecipient::Reply>> check(CheckRecipient question);
  Task<Result<Resolve::Reply>> resolve(Resolve question);
  Task<Result<FindSendLimits::Reply>> send_limits(FindSendLimits question);
  Task<Result<Resolve::Reply>> resolve_postmaster(Resolve question);
  Task<Result<MaySendAs::Reply>> may_send_as(MaySendAs question);
  Task<Result<auth::FindAccount::Reply>> find_account(auth::FindAccount question);
  Task<Result<FindQuotaDomains::Reply>> quota_domains(FindQuotaDomains question);
  Task<Result<FindQuotaHolders::Reply>> quota_holders(FindQuotaHolders question);
  void report_usage(const UsageReport& report);
  void report_domain_usage(const DomainUsageReport& report);
  template <class Work>
  void tell_all(Work work);

  std::vector<Part> parts_;
  std::shared_ptr<ipc::Dispatcher> for_smtpd_ = std::make_shared<ipc::Dispatcher>();
  std::shared_ptr<ipc::Dispatcher> for_queued_ = std::make_shared<ipc::Dispatcher>();
  std::shared_ptr<ipc::Dispatcher> for_authd_ = std::make_shared<ipc::Dispatcher>();
  std::shared_ptr<ipc::Dispatcher> for_maild_ = std::make_shared<ipc::Dispatcher>();
};

}  // namespace toast::vdomain
