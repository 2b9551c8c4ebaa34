// Whose mailbox a login name means: asked of the keeper of the directory at every login, so that a
// switched-off service or a deleted mailbox counts at once.
#pragma once

#include "auth/account_messages.h"
#include "base/async.h"
#include "base/ipc.h"

namespace toast::auth {

inline constexpr std::chrono::seconds kDirectoryPatience{10};  // then: try again later

class AccountDirectory {
 public:
  virtual ~AccountDirectory() = default;
  // Any Error means we do not know now.
  virtual Task<Result<FindAccount::Reply>> find(FindAccount question) = 0;
};

class IpcAccountDirectory final : public AccountDirectory {
 public:
  explicit IpcAccountDirectory(ipc::Link& link) : link_(link) {}
  Task<Result<FindAccount::Reply>> find(FindAccount question) override {
    co_return co_await link_.call(std::move(question), kDirectoryPatience);
  }

 private:
  ipc::Link& link_;
};

}  // namespace toast::auth
