// The resolver's data straight from the directory's store and the files of mail/.
#pragma once

#include <optional>
#include <string>

#include "vdomain/directory_store.h"
#include "vdomain/dotqmail_files.h"
#include "vdomain/resolver.h"

namespace toast::vdomain {

// Both must outlive the view.
class StoreView final : public DirectoryView {
 public:
  StoreView(DirectoryStore& store, const DotQmailFiles& files) : store_(store), files_(files) {}
  Result<std::optional<HostedDomain>> domain(const Domain& name) override;
  Result<std::optional<Alias>> alias(const Address& address) override {
    return store_.alias(address);
  }
  Result<std::optional<Mailbox>> mailbox(const Address& address) override {
    return store_.mailbox(address);
  }
  Result<std::optional<Mailbox>> mailbox_by_maildir(const std::string& maildir) override {
    return store_.mailbox_by_maildir(maildir);
  }
  Result<std::optional<Mailbox>> oldest_mailbox(const Domain* domain) override {
    return store_.oldest_mailbox(domain);
  }
  Result<std::optional<Vacation>> vacation(const Address& mailbox) override {
    return store_.vacation(mailbox);
  }
  Result<std::optional<DotQmailFile>> dot_qmail(const Domain& domain,
                                                const std::string& name) override {
    return files_.read(domain, name);
  }

 private:
  Result<std::optional<HostedDomain>> find_domain(const Domain& name);

  DirectoryStore& store_;
  const DotQmailFiles& files_;
  // The domain asked last: one question asks for the same one several times.
  struct Found {
    Domain name;
    std::optional<HostedDomain> domain;
  };
  std::optional<Found> last_;
};

}  // namespace toast::vdomain
