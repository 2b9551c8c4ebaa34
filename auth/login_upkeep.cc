// What a good login by its password lets LoginService bring up to date in the store: a hash of
// another cost, what SCRAM needs, the password itself where it may be kept. Nobody waits for it.
#include <asio/this_coro.hpp>
#include <utility>

#include "auth/login_case.h"

namespace toast::auth {

// After a good password: what the store has of it is brought up to date, while nobody waits.
Task<> LoginService::remember(Case& login) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const Credential& kept = *login.credential;
  Secret password = login.request.password.clone();
  // Clients of CRAM-MD5 and APOP know nothing of SASLprep.
  Secret typed = login.typed ? login.typed->clone() : password.clone();
  if (!login.cached && services_.hashes.hasher().needs_rehash(kept.hash)) {
    spawn(executor, rehash(login.account.mailbox, kept, std::move(password), std::move(typed)));
    co_return;
  }
  if (wants_sealed(login.account.mailbox, kept))
    spawn(executor, keep_sealed(login.account.mailbox, kept.hash, std::move(typed)));
  if (scram_ != MechanismUse::none && !parse_scram_text(kept.scram, kept.hash))
    spawn(executor, learn(login.account.mailbox, kept.hash, std::move(password)));
}

Task<> LoginService::rehash(std::string mailbox, Credential from, Secret password, Secret typed) {
  const InHand here(in_hand_);
  Secret same = password.clone();
  Result<std::string> better = co_await services_.hashes.hash_if_idle(std::move(same));
  if (!better) co_return;  // another login will do it
  std::string stored = *better;
  Result<bool> done = co_await services_.writer.replace_hash(mailbox, from.hash, std::move(stored));
  if (!done) {
    services_.log.warning("auth.hash.renewal_failed",
                          {{"account", mailbox}, {"reason", done.error().detail}});
    co_return;
  }
  if (!*done) co_return;  // the password was changed meanwhile: ours is the old one
  services_.cache.add(services_.cache.key_of(mailbox, *better, password));
  rehashed_.add();
  services_.log.info("auth.hash.renewed", {{"account", mailbox}});
  from.hash = *better;
  from.sealed.clear();
  if (wants_sealed(mailbox, from)) co_await keep_sealed(mailbox, from.hash, std::move(typed));
  if (scram_ != MechanismUse::none)
    co_await learn(std::move(mailbox), std::move(*better), std::move(password));
}

Task<> LoginService::learn(std::string mailbox, std::string hash, Secret password) {
  const InHand here(in_hand_);
  auto shared = std::make_shared<const Secret>(std::move(password));
  std::string salt = services_.random.bytes(kScramSaltBytes);
  std::function<Result<std::string>()> work = [shared, salt, hash]() -> Result<std::string> {
    return scram_text(make_scram_verifier(*shared, salt), hash);
  };
  Result<std::string> text = co_await services_.hashes.work_if_idle(std::move(work));
  if (!text) co_return;  // another login will do it
  Result<bool> done =
      co_await services_.writer.put_scram(mailbox, std::move(hash), std::move(*text));
  if (!done) {
    services_.log.warning("auth.scram.failed",
                          {{"account", mailbox}, {"reason", done.error().detail}});
    co_return;
  }
  if (!*done) co_return;  // the password was changed meanwhile
  learnt_.add();
  services_.log.info("auth.scram.learnt", {{"account", mailbox}});
}

bool LoginService::wants_sealed(const std::string& mailbox, const Credential& kept) {
  if (!kept.reversible || !reversible_means_) return false;
  const Seal seal = reversible_means_->sealer.open(mailbox, kept.hash, kept.sealed).seal;
  if (seal == Seal::other_key) report_other_key(mailbox);
  return seal != Seal::good;
}

Task<> LoginService::keep_sealed(std::string mailbox, std::string hash, Secret password) {
  const InHand here(in_hand_);
  if (!reversible_means_) co_return;
  std::string sealed = reversible_means_->sealer.seal(mailbox, hash, password, services_.random);
  Result<bool> done =
      co_await services_.writer.put_sealed(mailbox, std::move(hash), std::move(sealed));
  if (!done) {
    services_.log.warning("auth.reversible.failed",
                          {{"account", mailbox}, {"reason", done.error().detail}});
    co_return;
  }
  if (!*done) co_return;  // changed or switched off meanwhile
  sealed_.add();
  services_.log.info("auth.reversible.kept", {{"account", mailbox}});
}

// Once: the key was lost, or another node has another one and both seal anew in turn.
void LoginService::report_other_key(const std::string& mailbox) {
  if (std::exchange(other_key_logged_, true)) return;
  services_.log.warning("auth.reversible.other_key", {{"account", mailbox}});
}

}  // namespace toast::auth
