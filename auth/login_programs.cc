// Logins to domains whose passwords a program checks.
#include <utility>

#include "auth/login_case.h"

namespace toast::auth {

bool LoginService::has_program(const FindAccount::Reply& account) const {
  return services_.programs != nullptr && services_.programs->check_for(account.domain);
}

// What is stored of a password counts for nothing here, but for app passwords and locks.
Task<Result<bool>> LoginService::is_right_elsewhere(Case& login) {
  if (login.proof || login.digest) {
    if (login.is_open_but_for_a_password())
      login.reason = login.proof ? "no_scram" : "not_reversible";
    co_return false;
  }
  Result<bool> by_app_password = co_await is_app_password(login);
  if (!by_app_password || *by_app_password) co_return by_app_password;
  const bool open = login.is_open_but_for_a_password();
  Result<bool> right = co_await ask_program(login);
  if (!right) co_return pass(right);
  if (open && !*right) login.reason = "wrong_password";
  if (login.wrong_service) login.reason = "app_password_service";
  co_return open&&* right;
}

// The password as it was typed: the program does not know what SASLprep made of it.
Task<Result<bool>> LoginService::ask_program(const Case& login) {
  elsewhere_.add();
  const FindAccount::Reply& account = login.account;
  CheckByProgram question;
  question.domain = account.domain;
  question.login = account.mailbox;
  if (!account.found) {
    const std::string name = lower_case(login.request.login);
    question.login = name.substr(0, name.find_first_of("@%")) + "@" + account.domain;
    if (question.login.size() > kMaxLoginName) question.login.resize(kMaxLoginName);
  }
  question.password = (login.typed ? *login.typed : login.request.password).clone();
  question.service = login.request.service;
  question.peer = login.request.peer;
  Result<CheckByProgram::Reply> reply = co_await services_.programs->check(std::move(question));
  if (!reply) co_return pass(reply);
  // Permanent: of one domain, and reported by who ran it, so no outage of ours (unavailable()).
  if (reply->verdict == CheckByProgram::Verdict::unknown)
    co_return permanent("the program of " + account.domain + ": " + reply->reason);
  co_return reply->verdict == CheckByProgram::Verdict::right;
}

}  // namespace toast::auth
