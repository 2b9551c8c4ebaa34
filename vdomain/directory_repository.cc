// What the files of the repository share, the domain's rules about its contents, and the audit.
#include "vdomain/directory_repository.h"

#include <fmt/format.h>

#include "vdomain/change.h"
#include "vdomain/model_json.h"

namespace toast::vdomain {

using change::refused;

Result<void> DirectoryRepository::write_down(StoreTransaction& transaction, const Actor& actor,
                                             AuditEntry entry) {
  entry.at = clock_.wall();
  entry.actor = actor;
  return transaction.append_audit(entry);
}

Result<Change> DirectoryRepository::commit(StoreTransaction& transaction, const Actor& actor,
                                           AuditEntry entry) {
  Result<void> written = write_down(transaction, actor, std::move(entry));
  if (!written) return pass(written);
  if (Result<void> done = transaction.commit(); !done) return pass(done);
  return Change{};
}

Result<Domain> DirectoryRepository::real_domain(const Domain& name) {
  Result<std::optional<DomainAlias>> alias = store_->domain_alias(name);
  if (!alias) return pass(alias);
  if (*alias) return (*alias)->target;
  return name;
}

Result<std::optional<HostedDomain>> DirectoryRepository::named_domain(const Domain& name) {
  Result<Domain> real = real_domain(name);
  if (!real) return pass(real);
  return store_->domain(*real);
}

Result<Address> DirectoryRepository::real_address(const Address& address) {
  Result<Domain> domain = real_domain(address.domain());
  if (!domain) return pass(domain);
  const Address folded = canonical(address);
  return Address::from_parts(folded.local_part(), *domain);
}

DirectoryRepository::Checked DirectoryRepository::check_name_is_free(const Domain& name) {
  Result<std::optional<HostedDomain>> domain = store_->domain(name);
  if (!domain) return pass(domain);
  if (*domain)
    return refused(Change::Status::conflict,
                   fmt::format("{} is a domain of its own already", name.str()));
  Result<std::optional<DomainAlias>> alias = store_->domain_alias(name);
  if (!alias) return pass(alias);
  if (*alias)
    return refused(Change::Status::conflict, fmt::format("{} is another name of {} already",
                                                         name.str(), (*alias)->target.str()));
  return std::nullopt;
}

DirectoryRepository::Checked DirectoryRepository::check_catch_all_exists(
    const HostedDomain& domain) {
  if (domain.catch_all.kind != CatchAll::Kind::mailbox) return std::nullopt;
  Result<std::optional<Mailbox>> mailbox = store_->mailbox(canonical(*domain.catch_all.target));
  if (!mailbox) return pass(mailbox);
  if (*mailbox) return std::nullopt;
  return refused(Change::Status::invalid,
                 fmt::format("catch-all mailbox {} does not exist: add it first",
                             domain.catch_all.target->str()));
}

DirectoryRepository::Checked DirectoryRepository::check_keep_copy(const Alias& alias) {
  if (!alias.keep_copy) return std::nullopt;
  Result<std::optional<Mailbox>> mailbox = store_->mailbox(alias.address);
  if (!mailbox) return pass(mailbox);
  if (*mailbox) return std::nullopt;
  return refused(Change::Status::invalid,
                 fmt::format("alias {}: there is no mailbox of that name to keep a copy in",
                             alias.address.str()));
}

DirectoryRepository::Checked DirectoryRepository::check_mailbox_is_unused(const Address& address) {
  Result<std::optional<HostedDomain>> domain = store_->domain(address.domain());
  if (!domain) return pass(domain);
  const bool catches_all = *domain && (*domain)->catch_all.kind == CatchAll::Kind::mailbox &&
                           (*domain)->catch_all.target == address;
  if (catches_all)
    return refused(Change::Status::conflict,
                   fmt::format("{} receives the mail for unknown names of {}: set another "
                               "catch-all first",
                               address.str(), address.domain().str()));
  Result<std::optional<Alias>> alias = store_->alias(address);
  if (!alias) return pass(alias);
  if (*alias && (*alias)->keep_copy)
    return refused(Change::Status::conflict,
                   fmt::format("the alias {} keeps a copy in this mailbox: delete the alias or "
                               "switch that off first",
                               address.str()));
  return std::nullopt;
}

Result<std::vector<AuditEntry>> DirectoryRepository::audit(const std::string& object,
                                                           std::size_t limit) {
  return store_->audit(object, limit);
}

Result<void> DirectoryRepository::record(const std::string& action, const std::string& object,
                                         const Actor& actor) {
  Result<Change> done = written([&]() -> Result<Change> {
    Result<std::unique_ptr<StoreTransaction>> transaction = store_->begin();
    if (!transaction) return pass(transaction);
    return commit(**transaction, actor, change::entry(action, object, std::nullopt, std::nullopt));
  });
  if (!done) return pass(done);
  return {};
}

}  // namespace toast::vdomain
