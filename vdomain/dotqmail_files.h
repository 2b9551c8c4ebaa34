// Reads the dot-qmail files of domain directories below mail/. A file is opened beneath its
// domain's directory only, whatever links stand there; one that others may write, or that cannot be
// read, is a transient error, never "no such file": mail must not take another way because of a
// wrong mode.
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "mta/message/domain.h"

namespace toast::vdomain {

struct DotQmailFile {
  std::string content;
  bool owner_may_execute = false;  // qmail's mark of a mailing list: forwards only
};

class DotQmailFiles {
 public:
  // `mail` is the folder mail/; it may be absent (nothing was delivered yet).
  explicit DotQmailFiles(std::string mail) : mail_(std::move(mail)) {}
  [[nodiscard]] Result<std::optional<DotQmailFile>> read(const Domain& domain,
                                                         const std::string& name) const;
  const std::string& mail() const { return mail_; }

 private:
  std::string mail_;
};

}  // namespace toast::vdomain
