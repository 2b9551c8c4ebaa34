// Decides a login: one answer per Login message.
//
// What a stranger may learn: whether name and password together are right, nothing else. A name
// that does not exist, a wrong password, an account switched off or without a password are answered
// alike, and each costs one verification of the configured cost, by SCRAM none. An outage
// (directory, credentials, memory, full queue) is an Error, always transient, never a refusal: a
// mail program told "wrong password" asks its user for a new one.
//
// An app password (auth/app_password.h) is right without any verification; a wrong one costs what
// every wrong password does, and so does a right one for another service.
//
// Where a program checks a domain's passwords (auth/password_programs.h), it is asked once in place
// of that verification, for names of the domain that do not exist or may not log in, too; its
// answer then counts for nothing. No password that it took is remembered, and SCRAM finds nothing.
//
// The quick way, of a client that polls: directory by message, throttle, stored hash, keyed digest,
// ticket; no thread is changed and no password hashed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "auth/account_directory.h"
#include "auth/credentials_reader.h"
#include "auth/credentials_writer.h"
#include "auth/hash_pool.h"
#include "auth/login_messages.h"
#include "auth/login_recorder.h"
#include "auth/login_watch.h"
#include "auth/md5_proof.h"
#include "auth/password_cache.h"
#include "auth/password_hash.h"
#include "auth/password_programs.h"
#include "auth/password_sealer.h"
#include "auth/scram_verifier.h"
#include "auth/throttle.h"
#include "auth/ticket.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

namespace toast::auth {

// Accounts whose stored hash could not be used are named in the log once per process, up to this.
inline constexpr std::size_t kMaxReportedHashes = 1000;

// SCRAM and CRAM-MD5 need more of a password than its hash.
enum class MechanismUse : unsigned char {
  none,
  learn,  // kept, not offered
  offer,
};

// What a name's SCRAM exchange goes on with.
struct ScramAccount {
  ScramVerifier verifier;  // or an invention
  std::string stored;      // the text it comes from; empty: invented
};
// What passwords that can be had back are kept and checked with.
struct ReversibleMeans {
  explicit ReversibleMeans(PasswordSealer with) : sealer(std::move(with)) {}
  PasswordSealer sealer;
  Md5 md5;
};
// How a SCRAM exchange ended.
struct ScramProof {
  bool right = false;
  std::string stored;  // of ScramAccount: a password changed meanwhile is another one
};

struct LoginServices {
  AccountDirectory& accounts;
  CredentialsReader& credentials;
  CredentialsWriter& writer;
  LoginRecorder& recorder;
  HashPool& hashes;
  PasswordCache& cache;
  Throttle& throttle;
  TicketIssuer& mail_tickets;
  TicketIssuer& submission_tickets;
  const Clock& clock;
  Random& random;
  Logger& log;
  Metrics& metrics;
  LoginWatch* watch = nullptr;           // none: nothing is remembered, nobody is banned
  PasswordPrograms* programs = nullptr;  // none: every password is checked here
};

class LoginService {
 public:
  explicit LoginService(LoginServices services);

  // `front_end` is the channel's peer as toastd named it. `authorization` is whom the client wants
  // to act as (SASL); empty: who logs in. Nobody may act as another mailbox; a good password with
  // such a wish is refused like a bad one.
  Task<Result<Login::Reply>> login(std::string front_end, Login request,
                                   std::string authorization = {});
  // As login(), the password having been proved or not proved; request.password is empty. No
  // password is hashed, for nobody.
  Task<Result<Login::Reply>> login_by_proof(std::string front_end, Login request,
                                            std::string authorization, ScramProof proof);
  // The same with a digest over a challenge, by CRAM-MD5 or APOP. Transient: not offered (now).
  Task<Result<Login::Reply>> login_by_digest(std::string front_end, Login request, Md5Proof proof);
  // For a name that does not exist, or nothing is kept of: an invention, always the same one.
  Task<Result<ScramAccount>> scram_account(Service service, std::string login,
                                           std::string local = {});
  // `default_domain`: of names without one, so that both spellings of a name that does not exist
  // are one, as those of a mailbox are.
  void use_scram(MechanismUse use, std::string default_domain);
  MechanismUse scram_use() const { return scram_; }
  // `means`: none where the use is none.
  void use_reversible(MechanismUse use, std::shared_ptr<const ReversibleMeans> means);
  bool offers_cram() const { return reversible_ == MechanismUse::offer; }
  const std::string& default_domain() const { return default_domain_; }
  std::size_t in_hand() const { return in_hand_; }

 private:
  struct Case;     // one login under way
  class InHand;    // counts it
  class Admitted;  // holds its place in the throttle

  Task<Result<Login::Reply>> decide(Case& login);
  Task<Result<bool>> is_right(Case& login);
  Task<Result<bool>> is_app_password(Case& login);
  Task<Result<bool>> check_password(Case& login);
  Task<Result<bool>> verify(Case& login, Secret password);
  bool has_program(const FindAccount::Reply& account) const;
  Task<Result<bool>> is_right_elsewhere(Case& login);
  Task<Result<bool>> ask_program(const Case& login);
  Task<Throttle::Decision> admit(Case& login);
  Task<> learn_known_addresses(Case& login);
  Result<Login::Reply> grant(Case& login);
  Login::Reply refuse(Case& login);
  Login::Reply refuse_for_now(Case& login, const Throttle::Decision& decision);
  bool was_locked_meanwhile(const Case& login) const;
  Login::Reply refuse_banned(Case& login, const Ban& ban);
  // For toastctl auth log, and for programs that read vchkpw's lines.
  void note(const Case& login, LoginResult result, std::string_view reason = {});
  Result<Login::Reply> unavailable(Case& login, Error error);
  void report_hash(const std::string& mailbox, const Error& error);
  Task<Result<Login::Reply>> begin(Case& login);
  Task<Result<void>> get_invention_key();
  std::string invented_name(std::string login) const;
  bool is_right_proof(Case& login);
  Task<Result<bool>> is_right_digest(Case& login);
  bool is_cached(const Case& login) const;
  Task<> remember(Case& login);
  Task<> learn(std::string mailbox, std::string hash, Secret password);
  Task<> rehash(std::string mailbox, Credential from, Secret password, Secret typed);
  bool wants_sealed(const std::string& mailbox, const Credential& kept);
  Task<> keep_sealed(std::string mailbox, std::string hash, Secret password);
  void report_other_key(const std::string& mailbox);

  LoginServices services_;
  std::size_t in_hand_ = 0;
  std::unordered_set<std::string> reported_hashes_;
  bool unavailable_logged_ = false;
  MechanismUse scram_ = MechanismUse::none;
  std::string default_domain_;
  Secret invention_key_;  // empty: not fetched yet
  MechanismUse reversible_ = MechanismUse::none;
  std::shared_ptr<const ReversibleMeans> reversible_means_;
  bool other_key_logged_ = false;
  Counter granted_, from_cache_, refused_, throttled_, banned_, failed_, rehashed_, learnt_,
      sealed_, elsewhere_;
};

}  // namespace toast::auth
