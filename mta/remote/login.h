// Logging in at a relay (RFC 4954): PLAIN (RFC 4616) where it is offered, else LOGIN. Both tell the
// password to whoever is at the other end, so that has to be the right one: see approach.h.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "mta/remote/capabilities.h"

namespace toast::remote {

// In relay-auth/, one line each.
inline constexpr std::size_t kMaxPasswordFile = 1024;

struct Login {
  std::string user;
  Secret password;
};

struct LoginStep {
  Secret line;   // what we say, without its CRLF
  int expected;  // the code that lets us go on
};
// Empty: the host offers nothing that we speak.
std::vector<LoginStep> login_steps(const Login& login, const Capabilities& capabilities);

class PasswordSource {
 public:
  virtual ~PasswordSource() = default;
  // The first line of that file. Errors are transient, their reply begins with 4.3.5.
  virtual Result<Secret> read(const std::string& file) = 0;
};

// Reads the file each time: a new password needs no reload.
class PasswordFolder final : public PasswordSource {
 public:
  explicit PasswordFolder(std::string folder) : folder_(std::move(folder)) {}
  Result<Secret> read(const std::string& file) override;

 private:
  std::string folder_;
};

}  // namespace toast::remote
