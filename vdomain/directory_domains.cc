// The repository's part on domains and their other names.
#include <fmt/format.h>

#include "vdomain/change.h"
#include "vdomain/differences.h"
#include "vdomain/directory_repository.h"
#include "vdomain/directory_rules.h"
#include "vdomain/glob.h"
#include "vdomain/model_json.h"

namespace toast::vdomain {

using change::refused;
using change::unchanged;

namespace {

// Equal in what an administrator sets.
bool same_content(const HostedDomain& a, HostedDomain b) {
  b.created = a.created;
  b.version = a.version;
  return a == b;
}

HostedDomain with_canonical_target(HostedDomain domain) {
  if (domain.catch_all.target) domain.catch_all.target = canonical(*domain.catch_all.target);
  return domain;
}

}  // namespace

Result<Change> DirectoryRepository::add_domain_once(const HostedDomain& wanted,
                                                    const Actor& actor) {
  HostedDomain domain = with_canonical_target(wanted);
  if (auto wrong = rules::wrong_with(domain)) return refused(Change::Status::invalid, *wrong);
  if (domain.catch_all.kind == CatchAll::Kind::mailbox)
    return refused(Change::Status::invalid,
                   fmt::format("catch-all mailbox {} does not exist: add the domain, then the "
                               "mailbox, then set the catch-all",
                               domain.catch_all.target->str()));
  Result<std::unique_ptr<StoreTransaction>> transaction = store_->begin();
  if (!transaction) return pass(transaction);
  Result<std::optional<HostedDomain>> present = store_->domain(domain.name);
  if (!present) return pass(present);
  if (*present) return change::exists(domain.name.str(), differences(**present, domain));
  Result<Change> added = insert_domain(**transaction, std::move(domain), actor);
  if (!added || added->status != Change::Status::changed) return added;
  if (Result<void> done = (*transaction)->commit(); !done) return pass(done);
  return added;
}

Result<Change> DirectoryRepository::insert_domain(StoreTransaction& transaction,
                                                  HostedDomain domain, const Actor& actor) {
  Checked taken = check_name_is_free(domain.name);
  if (!taken) return pass(taken);
  if (*taken) return **taken;
  Checked refused_by = check_new_owner(domain, true);
  if (!refused_by) return pass(refused_by);
  if (*refused_by) return **refused_by;
  domain.created = clock_.wall();
  domain.version = 1;
  if (Result<void> done = transaction.insert_domain(domain); !done) return pass(done);
  Result<void> written =
      write_down(transaction, actor,
                 change::entry("domain.add", domain.name.str(), std::nullopt, to_json(domain)));
  if (!written) return pass(written);
  return Change{};
}

Result<Change> DirectoryRepository::set_domain_once(const HostedDomain& wanted,
                                                    const Actor& actor) {
  HostedDomain domain = with_canonical_target(wanted);
  if (auto wrong = rules::wrong_with(domain)) return refused(Change::Status::invalid, *wrong);
  Result<std::unique_ptr<StoreTransaction>> transaction = store_->begin();
  if (!transaction) return pass(transaction);
  Result<std::optional<HostedDomain>> present = store_->domain(domain.name);
  if (!present) return pass(present);
  if (!*present)
    return refused(Change::Status::not_found, fmt::format("no domain {}", domain.name.str()));
  if (same_content(**present, domain))
    return unchanged(fmt::format("{} is so already", domain.name.str()));
  if ((*present)->version != domain.version)
    return refused(
        Change::Status::conflict,
        fmt::format("{} was changed by somebody else meanwhile: look again", domain.name.str()));
  Checked missing = check_catch_all_exists(domain);
  if (!missing) return pass(missing);
  if (*missing) return **missing;
  Checked too_much = check_new_limits(domain, &**present);
  if (!too_much) return pass(too_much);
  if (*too_much) return **too_much;
  if (domain.owner != (*present)->owner) {
    Checked refused_by = check_new_owner(domain, false);
    if (!refused_by) return pass(refused_by);
    if (*refused_by) return **refused_by;
  }
  domain.version += 1;
  if (Result<void> done = (*transaction)->update_domain(domain); !done) return pass(done);
  return commit(
      **transaction, actor,
      change::entry("domain.set", domain.name.str(), to_json(**present), to_json(domain)));
}

Result<Change> DirectoryRepository::remove_domain_once(const Domain& name, bool with_contents,
                                                       const Actor& actor) {
  Result<std::unique_ptr<StoreTransaction>> transaction = store_->begin();
  if (!transaction) return pass(transaction);
  Result<std::optional<HostedDomain>> present = store_->domain(name);
  if (!present) return pass(present);
  if (!*present) return refused(Change::Status::not_found, fmt::format("no domain {}", name.str()));
  Result<StoredCounts> counts = store_->counts(name);
  if (!counts) return pass(counts);
  if (counts->mailboxes + counts->aliases + counts->domain_aliases > 0) {
    if (!with_contents)
      return refused(
          Change::Status::conflict,
          fmt::format("{} has {} mailboxes, {} aliases and {} other names: delete them "
                      "first, or the domain with its contents",
                      name.str(), counts->mailboxes, counts->aliases, counts->domain_aliases));
    if (Result<void> done = remove_contents(name, **transaction, actor); !done) return pass(done);
  }
  if (Result<void> done = (*transaction)->delete_domain(name); !done) return pass(done);
  return commit(**transaction, actor,
                change::entry("domain.delete", name.str(), to_json(**present), std::nullopt));
}

Result<void> DirectoryRepository::remove_contents(const Domain& name, StoreTransaction& transaction,
                                                  const Actor& actor) {
  const auto noted = [&](std::string action, std::string object, std::string before) {
    AuditEntry entry = change::entry(std::move(action), std::move(object), std::move(before), {});
    entry.at = clock_.wall();
    entry.actor = actor;
    return transaction.append_audit(entry);
  };
  std::vector<Alias> aliases;
  std::vector<Mailbox> mailboxes;
  std::vector<DomainAlias> names;
  const auto into = [](auto& rows) {
    return [&rows](const auto& row) {
      rows.push_back(row);
      return true;
    };
  };
  if (auto done = store_->each_alias({}, &name, into(aliases)); !done) return done;
  if (auto done = store_->each_mailbox({}, &name, into(mailboxes)); !done) return done;
  if (auto done = store_->each_domain_alias({}, &name, into(names)); !done) return done;
  for (const Alias& alias : aliases) {
    if (auto done = transaction.delete_alias(alias.address); !done) return done;
    if (auto done = noted("alias.delete", alias.address.str(), to_json(alias)); !done) return done;
  }
  for (const Mailbox& mailbox : mailboxes) {
    if (auto done = transaction.delete_mailbox(mailbox.address); !done) return done;
    if (auto done = noted("mailbox.delete", mailbox.address.str(), to_json(mailbox)); !done)
      return done;
  }
  for (const DomainAlias& alias : names) {
    if (auto done = transaction.delete_domain_alias(alias.name); !done) return done;
    if (auto done = noted("domain_alias.delete", alias.name.str(), to_json(alias)); !done)
      return done;
  }
  return {};
}

Result<std::optional<HostedDomain>> DirectoryRepository::find_domain(const Domain& name) {
  return store_->domain(name);
}

Result<Page<HostedDomain>> DirectoryRepository::list_domains(const ListQuery& query) {
  Page<HostedDomain> page;
  std::string last;
  Result<void> done = store_->each_domain(query.after, [&](const HostedDomain& domain) {
    if (!query.match.empty() && !glob_matches(query.match, domain.name.str())) return true;
    if (page.items.size() == query.limit) {
      page.next = last;
      return false;
    }
    last = domain.name.str();
    page.items.push_back(domain);
    return true;
  });
  if (!done) return pass(done);
  return page;
}

Result<DomainCounts> DirectoryRepository::counts(const Domain& name) {
  return store_->counts(name);
}

Result<Change> DirectoryRepository::add_domain_alias_once(const Domain& name, const Domain& target,
                                                          const Actor& actor) {
  if (auto wrong = rules::wrong_with_name(name)) return refused(Change::Status::invalid, *wrong);
  Result<std::unique_ptr<StoreTransaction>> transaction = store_->begin();
  if (!transaction) return pass(transaction);
  Result<Domain> real = real_domain(target);
  if (!real) return pass(real);
  Result<std::optional<HostedDomain>> domain = store_->domain(*real);
  if (!domain) return pass(domain);
  if (!*domain)
    return refused(Change::Status::not_found, fmt::format("no domain {}", target.str()));
  Result<std::optional<DomainAlias>> present = store_->domain_alias(name);
  if (!present) return pass(present);
  if (*present && (*present)->target == *real)
    return unchanged(fmt::format("{} is another name of {} already", name.str(), real->str()));
  Checked taken = check_name_is_free(name);
  if (!taken) return pass(taken);
  if (*taken) return **taken;
  const DomainAlias alias{name, *real, clock_.wall()};
  if (Result<void> done = (*transaction)->insert_domain_alias(alias); !done) return pass(done);
  return commit(**transaction, actor,
                change::entry("domain_alias.add", name.str(), std::nullopt, to_json(alias)));
}

Result<Change> DirectoryRepository::remove_domain_alias_once(const Domain& name,
                                                             const Actor& actor) {
  Result<std::unique_ptr<StoreTransaction>> transaction = store_->begin();
  if (!transaction) return pass(transaction);
  Result<std::optional<DomainAlias>> present = store_->domain_alias(name);
  if (!present) return pass(present);
  if (!*present)
    return refused(Change::Status::not_found, fmt::format("no domain alias {}", name.str()));
  if (Result<void> done = (*transaction)->delete_domain_alias(name); !done) return pass(done);
  return commit(**transaction, actor,
                change::entry("domain_alias.delete", name.str(), to_json(**present), {}));
}

Result<std::optional<DomainAlias>> DirectoryRepository::find_domain_alias(const Domain& name) {
  return store_->domain_alias(name);
}

Result<Page<DomainAlias>> DirectoryRepository::list_domain_aliases(const ListQuery& query) {
  Page<DomainAlias> page;
  std::string last;
  const Domain* target = query.domain ? &*query.domain : nullptr;
  Result<void> done = store_->each_domain_alias(query.after, target, [&](const DomainAlias& alias) {
    if (!query.match.empty() && !glob_matches(query.match, alias.name.str())) return true;
    if (page.items.size() == query.limit) {
      page.next = last;
      return false;
    }
    last = alias.name.str();
    page.items.push_back(alias);
    return true;
  });
  if (!done) return pass(done);
  return page;
}

}  // namespace toast::vdomain
