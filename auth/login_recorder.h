// Last logins, gathered in memory and written every few seconds in one transaction: a login never
// waits for the disk. A crash loses the last seconds of them. When the store cannot be written they
// wait, the newest per account, service and app password, up to a limit.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "auth/credentials_repository.h"
#include "auth/credentials_writer.h"
#include "base/async.h"
#include "base/log.h"
#include "base/metrics.h"

namespace toast::auth {

inline constexpr std::chrono::seconds kRecordLoginsEvery{5};
inline constexpr std::size_t kMaxUnrecordedLogins =
    50'000;  // about 10 MB; beyond, new ones are lost

class LoginRecorder {
 public:
  LoginRecorder(CredentialsWriter& writer, Logger& log, Metrics& metrics,
                std::size_t max_waiting = kMaxUnrecordedLogins)
      : writer_(writer),
        log_(log),
        lost_(metrics.counter("auth.lastlogin.lost")),
        max_waiting_(max_waiting) {}

  void add(LastLogin login);
  // Writes what waits. Only one runs at a time; a second call returns at once.
  Task<> flush();
  bool is_flushing() const { return flushing_; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  using Key = std::tuple<std::string, Service, std::string>;  // account, service, app password
  CredentialsWriter& writer_;
  Logger& log_;
  Counter lost_;
  std::size_t max_waiting_;
  std::map<Key, LastLogin> waiting_;
  bool flushing_ = false;
  bool failing_ = false;  // logged once per outage
};

}  // namespace toast::auth
