#include "auth/credentials_writer.h"

namespace toast::auth {

Task<Result<void>> CredentialsWriter::record_logins(
    std::shared_ptr<const std::vector<LastLogin>> logins) {
  auto work = [this, logins = std::move(logins)] { return repository_.record_logins(*logins); };
  co_return co_await run_blocking(thread_, std::move(work));
}

Task<Result<bool>> CredentialsWriter::replace_hash(std::string account, std::string from,
                                                   std::string better) {
  auto work = [this, account = std::move(account), from = std::move(from),
               better = std::move(better)] {
    return repository_.replace_hash(account, from, better);
  };
  co_return co_await run_blocking(thread_, std::move(work));
}

}  // namespace toast::auth
