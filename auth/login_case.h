// One login under way, for the files that LoginService is made of and for nobody else.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "auth/login_service.h"

namespace toast::auth {

inline std::string lower_case(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return name;
}

struct LoginService::Case {
  std::string front_end;
  Login request;
  std::optional<Secret> typed;  // the password before SASLprep, where that changed it
  // In place of a password, one of these:
  std::optional<ScramProof> proof;
  std::optional<Md5Proof> digest;
  std::string authorization;  // whom to act as; empty: who logs in
  IpAddress peer;
  FindAccount::Reply account;
  std::string counted_as;  // its name in the throttle
  SteadyTime began{};
  std::optional<Credential> credential;
  std::string_view reason = "unknown_account";  // of a refusal, for the log only
  bool cached = false;
  std::string app_password;    // the name of the one that was right
  bool wrong_service = false;  // a right one, made for another service

  // May this login succeed at all? Sets the reason where it may not.
  bool is_open() {
    if (account.found && !credential) reason = "no_password";
    return credential && is_open_but_for_a_password();
  }
  bool is_open_but_for_a_password() {
    if (!account.found)
      reason = "unknown_account";
    else if (credential && credential->state != CredentialState::active)
      reason = "locked";
    else if (!account.allowed)
      reason = "service_off";
    else if (!may_act())
      reason = "other_authorization";
    else
      return true;
    return false;
  }
  // As vchkpw calls it.
  std::string_view method() const {
    if (proof) return "SCRAM-SHA-256";
    if (!digest) return "PLAIN";
    return digest->by == Md5Proof::By::apop ? "APOP" : "CRAM-MD5";
  }
  bool may_act() const {
    return authorization.empty() || authorization == request.login ||
           authorization == account.mailbox;
  }
};

class LoginService::InHand {
 public:
  explicit InHand(std::size_t& count) : count_(count) { ++count_; }
  ~InHand() { --count_; }
  InHand(const InHand&) = delete;
  InHand& operator=(const InHand&) = delete;

 private:
  std::size_t& count_;
};

}  // namespace toast::auth
