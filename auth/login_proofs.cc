// Logins in which no password comes: SCRAM, CRAM-MD5 and APOP. By SCRAM no password is hashed, for
// nobody; by the others for everybody who is refused. Guesses are counted as those of every other
// way in.
#include <utility>

#include "auth/login_case.h"

namespace toast::auth {

Task<Result<Login::Reply>> LoginService::login_by_proof(std::string front_end, Login request,
                                                        std::string authorization,
                                                        ScramProof proof) {
  const InHand here(in_hand_);
  Case login{.front_end = std::move(front_end), .request = std::move(request)};
  login.authorization = std::move(authorization);
  login.proof = std::move(proof);
  co_return co_await begin(login);
}

Task<Result<Login::Reply>> LoginService::login_by_digest(std::string front_end, Login request,
                                                         Md5Proof proof) {
  const InHand here(in_hand_);
  Case login{.front_end = std::move(front_end), .request = std::move(request)};
  login.digest = std::move(proof);
  if (!offers_cram())  // since the front end was told that it is
    co_return transient(std::string(login.method()) + " is not offered any more",
                        "4.7.0 try again later");
  co_return co_await begin(login);
}

bool LoginService::is_right_proof(Case& login) {
  const bool open = login.is_open();
  const bool kept = open && !login.credential->scram.empty();
  if (open) login.reason = kept ? "wrong_password" : "no_scram";
  return kept && login.proof->right && login.proof->stored == login.credential->scram;
}

// Where nothing is kept, a password that nobody has is decrypted and compared; and whatever is
// refused costs what a wrong password costs, so that microseconds tell nothing and guessing is no
// cheaper.
Task<Result<bool>> LoginService::is_right_digest(Case& login) {
  const bool open = login.is_open();
  const std::shared_ptr<const ReversibleMeans> means = reversible_means_;
  if (!means) co_return transient("the key of kept passwords was given up meanwhile");
  const Credential nothing;
  const Credential& kept = open && login.credential->reversible ? *login.credential : nothing;
  const PasswordSealer::Opened opened =
      means->sealer.open(login.account.mailbox, kept.hash, kept.sealed);
  Result<bool> right = means->md5.proves(*login.digest, opened.password);
  if (!right) co_return right;
  if (open && opened.seal == Seal::good && *right) co_return true;
  if (opened.seal == Seal::other_key) report_other_key(login.account.mailbox);
  if (open) login.reason = opened.seal == Seal::good ? "wrong_password" : "not_reversible";
  Secret shown(login.digest->digest);
  std::string dummy = services_.hashes.hasher().dummy();
  const Digest question = services_.cache.key_of(login.counted_as, login.digest->challenge, shown);
  Result<bool> paid =
      co_await services_.hashes.verify(question, std::move(dummy), std::move(shown));
  if (!paid) co_return paid;
  co_return false;
}

void LoginService::use_scram(MechanismUse use, std::string default_domain) {
  scram_ = use;
  default_domain_ = std::move(default_domain);
}

std::string LoginService::invented_name(std::string login) const {
  login = lower_case(std::move(login));
  return login.find('@') == std::string::npos ? login + "@" + default_domain_ : login;
}

// From the store: an authd that is started anew, or another one, invents the same.
Task<Result<void>> LoginService::get_invention_key() {
  if (!invention_key_.empty()) co_return Result<void>{};
  std::string candidate = services_.random.bytes(kDigestKeyBytes);
  Result<std::string> key =
      co_await services_.writer.secret("scram-invention", std::move(candidate));
  if (!key) co_return pass(key);
  invention_key_ = Secret::take(*key);
  co_return Result<void>{};
}

Task<Result<ScramAccount>> LoginService::scram_account(Service service, std::string login,
                                                       std::string local) {
  const InHand here(in_hand_);
  Case asking;
  asking.request.service = service;
  asking.request.login = login;
  Result<void> ready = co_await get_invention_key();
  if (!ready) co_return tl::unexpected(unavailable(asking, std::move(ready.error())).error());
  FindAccount question{service, login, std::move(local)};
  Result<FindAccount::Reply> account = co_await services_.accounts.find(std::move(question));
  if (!account) co_return tl::unexpected(unavailable(asking, std::move(account.error())).error());
  std::string name = account->found ? account->mailbox
                                    : invented_name(account->name.empty() ? login : account->name);
  std::string key = name;
  Result<std::optional<Credential>> found = co_await services_.credentials.find(std::move(key));
  if (!found) co_return tl::unexpected(unavailable(asking, std::move(found.error())).error());
  ScramAccount answer{invented_scram_verifier(invention_key_, name), {}};
  if (!account->found || !*found || has_program(*account)) co_return std::move(answer);
  std::optional<ScramVerifier> kept = parse_scram_text((*found)->scram, (*found)->hash);
  if (!kept) co_return std::move(answer);
  answer.verifier = std::move(*kept);
  answer.stored = std::move((*found)->scram);
  co_return std::move(answer);
}

void LoginService::use_reversible(MechanismUse use, std::shared_ptr<const ReversibleMeans> means) {
  reversible_ = use;
  reversible_means_ = std::move(means);
}

}  // namespace toast::auth
