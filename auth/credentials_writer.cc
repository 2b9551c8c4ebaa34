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

Task<Result<bool>> CredentialsWriter::put_scram(std::string account, std::string hash,
                                                std::string scram) {
  auto work = [this, account = std::move(account), hash = std::move(hash),
               scram = std::move(scram)] { return repository_.put_scram(account, hash, scram); };
  co_return co_await run_blocking(thread_, std::move(work));
}

Task<Result<bool>> CredentialsWriter::put_sealed(std::string account, std::string hash,
                                                 std::string sealed) {
  auto work = [this, account = std::move(account), hash = std::move(hash),
               sealed = std::move(sealed)] {
    return repository_.put_sealed(account, hash, sealed);
  };
  co_return co_await run_blocking(thread_, std::move(work));
}

Task<Result<std::string>> CredentialsWriter::secret(std::string name, std::string candidate) {
  auto work = [this, name = std::move(name), candidate = std::move(candidate)] {
    return repository_.secret(name, candidate);
  };
  co_return co_await run_blocking(thread_, std::move(work));
}

}  // namespace toast::auth
