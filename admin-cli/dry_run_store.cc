#include "admin-cli/dry_run_store.h"

#include <utility>

namespace toast::admin {
namespace {

using namespace vdomain;

class DryRunTransaction final : public StoreTransaction {
 public:
  explicit DryRunTransaction(std::unique_ptr<StoreTransaction> real) : real_(std::move(real)) {}
  Result<void> insert_domain(const HostedDomain& d) override { return real_->insert_domain(d); }
  Result<void> update_domain(const HostedDomain& d) override { return real_->update_domain(d); }
  Result<void> delete_domain(const Domain& name) override { return real_->delete_domain(name); }
  Result<void> insert_domain_alias(const DomainAlias& a) override {
    return real_->insert_domain_alias(a);
  }
  Result<void> delete_domain_alias(const Domain& name) override {
    return real_->delete_domain_alias(name);
  }
  Result<void> insert_mailbox(const Mailbox& m) override { return real_->insert_mailbox(m); }
  Result<void> update_mailbox(const Mailbox& m) override { return real_->update_mailbox(m); }
  Result<void> delete_mailbox(const Address& a) override { return real_->delete_mailbox(a); }
  Result<void> insert_alias(const Alias& a) override { return real_->insert_alias(a); }
  Result<void> update_alias(const Alias& a) override { return real_->update_alias(a); }
  Result<void> delete_alias(const Address& a) override { return real_->delete_alias(a); }
  Result<void> insert_owner(const DomainOwner& o) override { return real_->insert_owner(o); }
  Result<void> update_owner(const DomainOwner& o) override { return real_->update_owner(o); }
  Result<void> delete_owner(const std::string& name) override { return real_->delete_owner(name); }
  Result<void> insert_vacation(const Vacation& v) override { return real_->insert_vacation(v); }
  Result<void> delete_vacation(const Address& a) override { return real_->delete_vacation(a); }
  Result<void> append_audit(const AuditEntry& entry) override { return real_->append_audit(entry); }
  Result<void> commit() override { return {}; }  // the destructor of `real_` rolls back

 private:
  std::unique_ptr<StoreTransaction> real_;
};

class DryRunStore final : public DirectoryStore {
 public:
  explicit DryRunStore(std::unique_ptr<DirectoryStore> real) : real_(std::move(real)) {}
  Result<std::unique_ptr<StoreTransaction>> begin() override {
    Result<std::unique_ptr<StoreTransaction>> real = real_->begin();
    if (!real) return real;
    return std::make_unique<DryRunTransaction>(std::move(*real));
  }
  Result<std::uint64_t> generation() override { return real_->generation(); }
  Result<std::optional<HostedDomain>> domain(const Domain& name) override {
    return real_->domain(name);
  }
  Result<std::optional<DomainAlias>> domain_alias(const Domain& name) override {
    return real_->domain_alias(name);
  }
  Result<std::optional<Mailbox>> mailbox(const Address& a) override { return real_->mailbox(a); }
  Result<std::optional<Mailbox>> mailbox_by_maildir(const std::string& maildir) override {
    return real_->mailbox_by_maildir(maildir);
  }
  Result<std::optional<Mailbox>> oldest_mailbox(const Domain* domain) override {
    return real_->oldest_mailbox(domain);
  }
  Result<std::optional<Alias>> alias(const Address& a) override { return real_->alias(a); }
  Result<StoredCounts> counts(const Domain& domain) override { return real_->counts(domain); }
  Result<StoredRoom> room(const Domain& domain) override { return real_->room(domain); }
  Result<StoredRoom> room_of_owner(const std::string& name) override {
    return real_->room_of_owner(name);
  }
  Result<std::optional<DomainOwner>> owner(const std::string& name) override {
    return real_->owner(name);
  }
  Result<OwnedCounts> counts_of_owner(const std::string& name) override {
    return real_->counts_of_owner(name);
  }
  Result<std::optional<Vacation>> vacation(const Address& a) override { return real_->vacation(a); }
  Result<void> each_owner(const std::string& after, Visit<DomainOwner> visit) override {
    return real_->each_owner(after, std::move(visit));
  }
  Result<void> each_vacation(const std::optional<Address>& after, Visit<Vacation> visit) override {
    return real_->each_vacation(after, std::move(visit));
  }
  Result<std::vector<AuditEntry>> audit_after(std::uint64_t id, std::size_t limit) override {
    return real_->audit_after(id, limit);
  }
  bool lost_to_another() const override { return real_->lost_to_another(); }
  Result<void> each_domain(const std::string& after, Visit<HostedDomain> visit) override {
    return real_->each_domain(after, std::move(visit));
  }
  Result<void> each_quota_domain(const std::string& after, Visit<DomainQuota> visit) override {
    return real_->each_quota_domain(after, std::move(visit));
  }
  Result<void> each_domain_alias(const std::string& after, const Domain* target,
                                 Visit<DomainAlias> visit) override {
    return real_->each_domain_alias(after, target, std::move(visit));
  }
  Result<void> each_mailbox(const std::optional<Address>& after, const Domain* domain,
                            Visit<Mailbox> visit) override {
    return real_->each_mailbox(after, domain, std::move(visit));
  }
  Result<void> each_alias(const std::optional<Address>& after, const Domain* domain,
                          Visit<Alias> visit) override {
    return real_->each_alias(after, domain, std::move(visit));
  }
  Result<std::vector<AuditEntry>> audit(const std::string& object, std::size_t limit) override {
    return real_->audit(object, limit);
  }

 private:
  std::unique_ptr<DirectoryStore> real_;
};

}  // namespace

std::unique_ptr<DirectoryStore> make_dry_run(std::unique_ptr<DirectoryStore> store) {
  return std::make_unique<DryRunStore>(std::move(store));
}

}  // namespace toast::admin
