// toast-vdomaind: who may ask the keeper what. Each peer is known by the socket it speaks on.
#pragma once

#include <memory>
#include <string_view>

#include "base/async.h"
#include "base/ipc.h"
#include "vdomain/directory_keeper.h"

namespace toast::vdomain {

class Vdomaind {
 public:
  Vdomaind(KeeperOptions options, const Clock& clock, Logger& log, Metrics& metrics);
  // What a peer such as "toast-smtpd.1" may ask; null: nothing.
  std::shared_ptr<const ipc::Dispatcher> dispatcher_for(std::string_view peer) const;
  DirectoryKeeper& keeper() { return keeper_; }

 private:
  Task<Result<CheckRecipient::Reply>> check(CheckRecipient question);
  Task<Result<Resolve::Reply>> resolve(Resolve question);
  Task<Result<auth::FindAccount::Reply>> find_account(auth::FindAccount question);

  DirectoryKeeper keeper_;
  std::shared_ptr<ipc::Dispatcher> for_smtpd_ = std::make_shared<ipc::Dispatcher>();
  std::shared_ptr<ipc::Dispatcher> for_queued_ = std::make_shared<ipc::Dispatcher>();
  std::shared_ptr<ipc::Dispatcher> for_authd_ = std::make_shared<ipc::Dispatcher>();
  std::shared_ptr<ipc::Dispatcher> for_maild_ = std::make_shared<ipc::Dispatcher>();
};

}  // namespace toast::vdomain
