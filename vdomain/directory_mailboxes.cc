// The repository's part on mailboxes and aliases: the names of a domain.
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

bool same_content(const Mailbox& a, const Mailbox& b) {
  return a.display_name == b.display_name && a.quota == b.quota && a.services == b.services;
}

bool same_content(const Alias& a, const Alias& b) {
  return a.targets == b.targets && a.keep_copy == b.keep_copy;
}

Change no_such(std::string_view what, const Address& address) {
  return refused(Change::Status::not_found, fmt::format("no {} {}", what, address.str()));
}

Change no_domain_for(const Address& address) {
  return refused(Change::Status::not_found,
                 fmt::format("no domain {}: add it first", address.domain().str()));
}

Change changed_meanwhile(std::string_view what, const Address& address) {
  return refused(
      Change::Status::conflict,
      fmt::format("{} {} was changed by somebody else meanwhile: look again", what, address.str()));
}

HostedDomain with_defaults(const Domain& name) {
  return {.name = name,
          .incoming_suspended = {},
          .outgoing_suspended = {},
          .login_suspended = {},
          .catch_all = {},
          .sub_addressing = {},
          .default_quota = {},
          .limits = {}};
}

// A page of rows that have an `address`.
template <class T>
Result<Page<T>> page_of(
    const ListQuery& query,
    const std::function<Result<void>(const std::optional<Address>& after, Visit<T> visit)>& each) {
  std::optional<Address> after;
  if (!query.after.empty()) {
    Result<Address> parsed = Address::parse(query.after);
    if (!parsed) return pass(parsed, "cursor");
    after = canonical(*parsed);
  }
  Page<T> page;
  Result<void> done = each(after, [&](const T& row) {
    const std::string name = row.address.str();
    if (!query.match.empty() && !glob_matches(query.match, name)) return true;
    if (page.items.size() == query.limit) {
      if (!page.items.empty()) page.next = page.items.back().address.str();
      return false;
    }
    page.items.push_back(row);
    return true;
  });
  if (!done) return pass(done);
  return page;
}

}  // namespace

template <class T>
Result<DirectoryRepository::Entry<T>> DirectoryRepository::open_entry(const Address& named,
                                                                      Find<T> find) {
  Result<std::unique_ptr<StoreTransaction>> transaction = store_->begin();
  if (!transaction) return pass(transaction);
  Result<Address> address = real_address(named);
  if (!address) return pass(address);
  Result<std::optional<T>> present = ((*store_).*find)(*address);
  if (!present) return pass(present);
  return Entry<T>{std::move(*transaction), std::move(*address), std::move(*present)};
}

// --- mailboxes

Result<Change> DirectoryRepository::add_mailbox_once(const NewMailbox& wanted, const Actor& actor) {
  if (auto wrong = rules::wrong_with_mailbox(wanted.address, wanted.display_name,
                                             wanted.quota.value_or(Quota{})))
    return refused(Change::Status::invalid, *wrong);
  Result<std::unique_ptr<StoreTransaction>> transaction = store_->begin();
  if (!transaction) return pass(transaction);
  Result<std::optional<HostedDomain>> domain = named_domain(wanted.address.domain());
  if (!domain) return pass(domain);
  Result<Change> added = insert_mailbox(**transaction, wanted, *domain, actor);
  if (!added || added->status != Change::Status::changed) return added;
  if (Result<void> done = (*transaction)->commit(); !done) return pass(done);
  return added;
}

Result<Change> DirectoryRepository::insert_mailbox(StoreTransaction& transaction,
                                                   const NewMailbox& wanted,
                                                   const std::optional<HostedDomain>& domain,
                                                   const Actor& actor) {
  if (!domain) return no_domain_for(wanted.address);
  const Address folded = canonical(wanted.address);
  Result<Address> address = Address::from_parts(folded.local_part(), domain->name);
  if (!address) return pass(address);
  Result<std::optional<Mailbox>> present = store_->mailbox(*address);
  if (!present) return pass(present);
  if (*present) return change::exists(address->str(), differences(**present, wanted));
  const Quota quota = wanted.quota.value_or(domain->default_quota);
  Checked full =
      check_room(*domain, {.mailboxes = 1, .quota = quota, .instead = {}, .has_quota = true});
  if (!full) return pass(full);
  if (*full) return **full;
  const Mailbox mailbox{.address = *address,
                        .display_name = wanted.display_name,
                        .quota = quota,
                        .services = wanted.services,
                        .maildir = maildir_path(*address),
                        .created = clock_.wall(),
                        .version = 1};
  if (Result<void> done = transaction.insert_mailbox(mailbox); !done) return pass(done);
  Result<void> written =
      write_down(transaction, actor,
                 change::entry("mailbox.add", address->str(), std::nullopt, to_json(mailbox)));
  if (!written) return pass(written);
  return Change{};
}

Result<BatchChange> DirectoryRepository::add_mailboxes_once(const MailboxBatch& batch,
                                                            const Actor& actor,
                                                            const BeforeCommit& before_commit) {
  Result<std::unique_ptr<StoreTransaction>> transaction = store_->begin();
  if (!transaction) return pass(transaction);
  BatchChange result;
  // Of the mailbox before: who comes with many mostly has them by domain. Nobody else writes now.
  std::optional<Domain> name;
  std::optional<HostedDomain> domain;
  bool any = false;
  for (const NewMailbox& wanted : batch.mailboxes) {
    if (auto wrong = rules::wrong_with_mailbox(wanted.address, wanted.display_name,
                                               wanted.quota.value_or(Quota{}))) {
      result.changes.push_back(refused(Change::Status::invalid, *wrong));
      continue;
    }
    if (name != wanted.address.domain()) {
      name = wanted.address.domain();
      Result<std::optional<HostedDomain>> found = named_domain(*name);
      if (!found) return pass(found);
      domain = std::move(*found);
    }
    if (!domain && batch.add_domains) {
      const HostedDomain plain = with_defaults(*name);
      if (auto wrong = rules::wrong_with(plain)) {
        result.changes.push_back(refused(Change::Status::invalid, *wrong));
        continue;
      }
      Result<Change> added = insert_domain(**transaction, plain, actor);
      if (!added) return pass(added);
      if (!added->ok()) {
        result.changes.push_back(std::move(*added));
        continue;
      }
      result.domains.push_back(*name);
      any = true;
      Result<std::optional<HostedDomain>> found = store_->domain(*name);
      if (!found) return pass(found);
      domain = std::move(*found);
    }
    Result<Change> added = insert_mailbox(**transaction, wanted, domain, actor);
    if (!added) return pass(added);
    any = any || added->status == Change::Status::changed;
    result.changes.push_back(std::move(*added));
  }
  if (!any) return result;
  if (Result<void> ready = before_commit(result); !ready) return pass(ready);
  if (Result<void> done = (*transaction)->commit(); !done) return pass(done);
  return result;
}

Result<Change> DirectoryRepository::set_mailbox_once(const Mailbox& wanted, const Actor& actor) {
  if (auto wrong = rules::wrong_with_mailbox(wanted.address, wanted.display_name, wanted.quota))
    return refused(Change::Status::invalid, *wrong);
  Result<Entry<Mailbox>> entry = open_entry(wanted.address, &DirectoryStore::mailbox);
  if (!entry) return pass(entry);
  if (!entry->present) return no_such("mailbox", entry->address);
  if (same_content(*entry->present, wanted))
    return unchanged(fmt::format("{} is so already", entry->address.str()));
  if (entry->present->version != wanted.version)
    return changed_meanwhile("mailbox", entry->address);
  if (entry->present->quota != wanted.quota) {
    Result<std::optional<HostedDomain>> domain = store_->domain(entry->address.domain());
    if (!domain) return pass(domain);
    Checked full = check_room(
        **domain, {.quota = wanted.quota, .instead = entry->present->quota, .has_quota = true});
    if (!full) return pass(full);
    if (*full) return **full;
  }
  Mailbox mailbox = *entry->present;  // address, Maildir and time of creation never change here
  mailbox.display_name = wanted.display_name;
  mailbox.quota = wanted.quota;
  mailbox.services = wanted.services;
  mailbox.version += 1;
  if (Result<void> done = entry->transaction->update_mailbox(mailbox); !done) return pass(done);
  return commit(*entry->transaction, actor,
                change::entry("mailbox.set", entry->address.str(), to_json(*entry->present),
                              to_json(mailbox)));
}

Result<Change> DirectoryRepository::remove_mailbox_once(const Address& named, const Actor& actor) {
  Result<Entry<Mailbox>> entry = open_entry(named, &DirectoryStore::mailbox);
  if (!entry) return pass(entry);
  if (!entry->present) return no_such("mailbox", entry->address);
  Checked used = check_mailbox_is_unused(entry->address);
  if (!used) return pass(used);
  if (*used) return **used;
  if (Result<void> done = entry->transaction->delete_mailbox(entry->address); !done)
    return pass(done);
  return commit(*entry->transaction, actor,
                change::entry("mailbox.delete", entry->address.str(), to_json(*entry->present),
                              std::nullopt));
}

Result<std::optional<Mailbox>> DirectoryRepository::find_mailbox(const Address& named) {
  Result<Address> address = real_address(named);
  if (!address) return pass(address);
  return store_->mailbox(*address);
}

Result<Page<Mailbox>> DirectoryRepository::list_mailboxes(const ListQuery& query) {
  const Domain* domain = query.domain ? &*query.domain : nullptr;
  return page_of<Mailbox>(query, [&](const std::optional<Address>& after, Visit<Mailbox> visit) {
    return store_->each_mailbox(after, domain, std::move(visit));
  });
}

// --- aliases

Result<Change> DirectoryRepository::add_alias_once(const Alias& wanted, const Actor& actor) {
  if (auto wrong = rules::wrong_with(wanted)) return refused(Change::Status::invalid, *wrong);
  Result<Entry<Alias>> entry = open_entry(wanted.address, &DirectoryStore::alias);
  if (!entry) return pass(entry);
  Result<std::optional<HostedDomain>> domain = store_->domain(entry->address.domain());
  if (!domain) return pass(domain);
  if (!*domain) return no_domain_for(entry->address);
  if (entry->present)
    return change::exists("alias " + entry->address.str(), differences(*entry->present, wanted));
  Checked full = check_room(**domain, {.aliases = 1, .quota = {}, .instead = {}});
  if (!full) return pass(full);
  if (*full) return **full;
  Alias alias = wanted;
  alias.address = entry->address;
  Checked no_mailbox = check_keep_copy(alias);
  if (!no_mailbox) return pass(no_mailbox);
  if (*no_mailbox) return **no_mailbox;
  alias.created = clock_.wall();
  alias.version = 1;
  if (Result<void> done = entry->transaction->insert_alias(alias); !done) return pass(done);
  return commit(*entry->transaction, actor,
                change::entry("alias.add", entry->address.str(), std::nullopt, to_json(alias)));
}

Result<Change> DirectoryRepository::set_alias_once(const Alias& wanted, const Actor& actor) {
  if (auto wrong = rules::wrong_with(wanted)) return refused(Change::Status::invalid, *wrong);
  Result<Entry<Alias>> entry = open_entry(wanted.address, &DirectoryStore::alias);
  if (!entry) return pass(entry);
  if (!entry->present) return no_such("alias", entry->address);
  if (same_content(*entry->present, wanted))
    return unchanged(fmt::format("alias {} is so already", entry->address.str()));
  if (entry->present->version != wanted.version) return changed_meanwhile("alias", entry->address);
  Alias alias = *entry->present;
  alias.targets = wanted.targets;
  alias.keep_copy = wanted.keep_copy;
  Checked no_mailbox = check_keep_copy(alias);
  if (!no_mailbox) return pass(no_mailbox);
  if (*no_mailbox) return **no_mailbox;
  alias.version += 1;
  if (Result<void> done = entry->transaction->update_alias(alias); !done) return pass(done);
  return commit(
      *entry->transaction, actor,
      change::entry("alias.set", entry->address.str(), to_json(*entry->present), to_json(alias)));
}

Result<Change> DirectoryRepository::remove_alias_once(const Address& named, const Actor& actor) {
  Result<Entry<Alias>> entry = open_entry(named, &DirectoryStore::alias);
  if (!entry) return pass(entry);
  if (!entry->present) return no_such("alias", entry->address);
  if (Result<void> done = entry->transaction->delete_alias(entry->address); !done)
    return pass(done);
  return commit(
      *entry->transaction, actor,
      change::entry("alias.delete", entry->address.str(), to_json(*entry->present), std::nullopt));
}

Result<std::optional<Alias>> DirectoryRepository::find_alias(const Address& named) {
  Result<Address> address = real_address(named);
  if (!address) return pass(address);
  return store_->alias(*address);
}

Result<Page<Alias>> DirectoryRepository::list_aliases(const ListQuery& query) {
  const Domain* domain = query.domain ? &*query.domain : nullptr;
  return page_of<Alias>(query, [&](const std::optional<Address>& after, Visit<Alias> visit) {
    return store_->each_alias(after, domain, std::move(visit));
  });
}

}  // namespace toast::vdomain
