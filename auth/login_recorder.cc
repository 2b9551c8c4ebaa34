#include "auth/login_recorder.h"

#include <memory>
#include <vector>

namespace toast::auth {

void LoginRecorder::add(LastLogin login) {
  Key key{login.account, login.service, login.app_password};
  auto found = waiting_.find(key);
  if (found != waiting_.end()) {
    if (found->second.at <= login.at) found->second = std::move(login);
  } else if (waiting_.size() < max_waiting_) {
    waiting_.emplace(std::move(key), std::move(login));
  } else {
    lost_.add();
  }
}

Task<> LoginRecorder::flush() {
  if (flushing_ || waiting_.empty()) co_return;
  flushing_ = true;
  auto batch = std::make_shared<std::vector<LastLogin>>();
  batch->reserve(waiting_.size());
  for (auto& [key, login] : waiting_) batch->push_back(std::move(login));
  waiting_.clear();
  Result<void> written = co_await writer_.record_logins(batch);
  flushing_ = false;
  if (written) {
    if (failing_) log_.info("auth.lastlogin.recovered", {{"logins", batch->size()}});
    failing_ = false;
    co_return;
  }
  for (LastLogin& login : *batch) add(std::move(login));  // newer ones that came meanwhile stay
  if (!failing_)
    log_.error("auth.lastlogin.failed",
               {{"reason", written.error().detail}, {"waiting", waiting_.size()}});
  failing_ = true;
}

}  // namespace toast::auth
