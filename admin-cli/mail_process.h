// What mailboxes use, through a child process that has become the owner of mail/ for good: it reads
// and rebuilds the Maildir++ ledgers with the code of toast-maild, whether or not that runs. The
// ledger is made for several programs at once: it is only ever appended to or replaced whole.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "admin-cli/instance.h"
#include "base/clock.h"
#include "base/fd.h"
#include "vdomain/instruction.h"

namespace toast::admin {

struct MailUse {
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;
};

class MailProcess {
 public:
  // Forks. Call it while this process is still root and has one thread.
  [[nodiscard]] static Result<std::unique_ptr<MailProcess>> start(const std::string& mail_root,
                                                                  const Owner& owner,
                                                                  const Clock& clock);
  ~MailProcess();
  MailProcess(const MailProcess&) = delete;
  MailProcess& operator=(const MailProcess&) = delete;

  // By the ledger, or `anew`: every message counted and the ledger replaced. A mailbox without a
  // quota has no ledger, so it is counted in any case; one that never got mail uses nothing.
  [[nodiscard]] Result<MailUse> use(const std::string& maildir, const vdomain::Quota& quota,
                                    bool anew);

 private:
  MailProcess(Fd socket, pid_t child) : socket_(std::move(socket)), child_(child) {}
  Fd socket_;
  pid_t child_;
};

}  // namespace toast::admin
