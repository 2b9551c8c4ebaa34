// Mail to those who should know that somebody has reached a sending limit: the postmaster of the
// domain, an owner whose name is an address, and of this host (doublebounceto). Once a day for each
// limit: a password that was stolen is used thousands of times.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "mta/queue/intake.h"
#include "mta/queue/send_limits.h"

namespace toast::queue {

// The whole message, LF line ends. `what`: "login ann@example.org may send to ...".
std::string limit_notice_text(const SendLimitOf& limit, std::string_view what, MessageId id,
                              WallTime now, const std::vector<Address>& to, const Options& options);

// A login that was suspended.
std::string suspension_notice_text(const std::string& login, std::string_view what, MessageId id,
                                   WallTime now, const std::vector<Address>& to,
                                   const Options& options);

class LimitNotices {
 public:
  struct Services {
    asio::any_io_executor loop;
    Intake& intake;
    MessageIdSource& ids;
    const Clock& clock;
    Logger& log;
  };
  LimitNotices(Services services, const Options& options)
      : services_(services), options_(options) {}
  void set_options(const Options& options) { options_ = options; }
  void tell(const SendLimitOf& limit, const std::string& what);
  // Each time: it is once until an operator has acted.
  void tell_suspended(const std::string& login, const std::string& what);

 private:
  static Task<> submit(Services services, SubmitBegin envelope, std::string text);
  std::vector<Address> readers(const std::string& who) const;

  Services services_;
  Options options_;
  std::unordered_map<std::string, WallTime> told_;
};

}  // namespace toast::queue
