// The repository's part on owners of domains, and on what mailboxes answer.
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

Change no_owner(const std::string& name) {
  return refused(Change::Status::not_found, fmt::format("no owner {}", name));
}

bool same_content(const Vacation& a, const Vacation& b) {
  return a.subject == b.subject && a.text == b.text && a.begins == b.begins && a.ends == b.ends &&
         a.days == b.days && a.only_if_named == b.only_if_named;
}

}  // namespace

Result<Change> DirectoryRepository::add_owner_once(const DomainOwner& wanted, const Actor& actor) {
  if (auto wrong = rules::wrong_with(wanted)) return refused(Change::Status::invalid, *wrong);
  Result<std::unique_ptr<StoreTransaction>> transaction = store_->begin();
  if (!transaction) return pass(transaction);
  Result<std::optional<DomainOwner>> present = store_->owner(wanted.name);
  if (!present) return pass(present);
  if (*present) return change::exists("owner " + wanted.name, differences(**present, wanted));
  DomainOwner owner = wanted;
  owner.created = clock_.wall();
  owner.version = 1;
  if (Result<void> done = (*transaction)->insert_owner(owner); !done) return pass(done);
  return commit(**transaction, actor,
                change::entry("owner.add", owner.name, std::nullopt, to_json(owner)));
}

Result<Change> DirectoryRepository::set_owner_once(const DomainOwner& wanted, const Actor& actor) {
  if (auto wrong = rules::wrong_with(wanted)) return refused(Change::Status::invalid, *wrong);
  Result<std::unique_ptr<StoreTransaction>> transaction = store_->begin();
  if (!transaction) return pass(transaction);
  Result<std::optional<DomainOwner>> present = store_->owner(wanted.name);
  if (!present) return pass(present);
  if (!*present) return no_owner(wanted.name);
  if ((*present)->limits == wanted.limits)
    return unchanged(fmt::format("owner {} is so already", wanted.name));
  if ((*present)->version != wanted.version)
    return refused(
        Change::Status::conflict,
        fmt::format("owner {} was changed by somebody else meanwhile: look again", wanted.name));
  DomainOwner owner = **present;
  owner.limits = wanted.limits;
  owner.version += 1;
  if (Result<void> done = (*transaction)->update_owner(owner); !done) return pass(done);
  return commit(**transaction, actor,
                change::entry("owner.set", owner.name, to_json(**present), to_json(owner)));
}

Result<Change> DirectoryRepository::remove_owner_once(const std::string& name, const Actor& actor) {
  Result<std::unique_ptr<StoreTransaction>> transaction = store_->begin();
  if (!transaction) return pass(transaction);
  Result<std::optional<DomainOwner>> present = store_->owner(name);
  if (!present) return pass(present);
  if (!*present) return no_owner(name);
  Result<OwnedCounts> counts = store_->counts_of_owner(name);
  if (!counts) return pass(counts);
  if (counts->domains > 0)
    return refused(Change::Status::conflict,
                   fmt::format("owner {} has {} domains: give them to another first (toastctl "
                               "domain set DOMAIN --owner NAME, or --owner none)",
                               name, counts->domains));
  if (Result<void> done = (*transaction)->delete_owner(name); !done) return pass(done);
  return commit(**transaction, actor,
                change::entry("owner.delete", name, to_json(**present), std::nullopt));
}

Result<Page<DomainOwner>> DirectoryRepository::list_owners(const ListQuery& query) {
  Page<DomainOwner> page;
  Result<void> done = store_->each_owner(query.after, [&](const DomainOwner& owner) {
    if (!query.match.empty() && !glob_matches(query.match, owner.name)) return true;
    if (page.items.size() == query.limit) {
      if (!page.items.empty()) page.next = page.items.back().name;
      return false;
    }
    page.items.push_back(owner);
    return true;
  });
  if (!done) return pass(done);
  return page;
}

// --- answers of mailboxes

Result<Change> DirectoryRepository::set_vacation_once(const Vacation& wanted, const Actor& actor) {
  if (auto wrong = rules::wrong_with(wanted)) return refused(Change::Status::invalid, *wrong);
  Result<Entry<Mailbox>> entry = open_entry(wanted.mailbox, &DirectoryStore::mailbox);
  if (!entry) return pass(entry);
  if (!entry->present)
    return refused(Change::Status::not_found, fmt::format("no mailbox {}", entry->address.str()));
  Result<std::optional<HostedDomain>> domain = store_->domain(entry->address.domain());
  if (!domain) return pass(domain);
  if (*domain && (*domain)->lmtp)
    return refused(Change::Status::invalid,
                   fmt::format("{}: the mailboxes of {} are served by another server over LMTP, "
                               "which answers for them",
                               entry->address.str(), entry->address.domain().str()));
  Result<std::optional<Vacation>> present = store_->vacation(entry->address);
  if (!present) return pass(present);
  Vacation vacation = wanted;
  vacation.mailbox = entry->address;
  vacation.created = *present ? (*present)->created : clock_.wall();
  vacation.version = *present ? (*present)->version + 1 : 1;
  std::optional<std::string> before;
  if (*present) {
    if (same_content(**present, vacation))
      return unchanged(fmt::format("the vacation of {} is so already", entry->address.str()));
    before = to_json(**present);
    if (Result<void> done = entry->transaction->delete_vacation(entry->address); !done)
      return pass(done);
  }
  if (Result<void> done = entry->transaction->insert_vacation(vacation); !done) return pass(done);
  return commit(
      *entry->transaction, actor,
      change::entry("vacation.set", entry->address.str(), std::move(before), to_json(vacation)));
}

Result<Change> DirectoryRepository::clear_vacation_once(const Address& named, const Actor& actor) {
  Result<Entry<Mailbox>> entry = open_entry(named, &DirectoryStore::mailbox);
  if (!entry) return pass(entry);
  if (!entry->present)
    return refused(Change::Status::not_found, fmt::format("no mailbox {}", entry->address.str()));
  Result<std::optional<Vacation>> present = store_->vacation(entry->address);
  if (!present) return pass(present);
  if (!*present) return unchanged(fmt::format("{} has no vacation", entry->address.str()));
  if (Result<void> done = entry->transaction->delete_vacation(entry->address); !done)
    return pass(done);
  return commit(
      *entry->transaction, actor,
      change::entry("vacation.clear", entry->address.str(), to_json(**present), std::nullopt));
}

Result<std::optional<Vacation>> DirectoryRepository::find_vacation(const Address& named) {
  Result<Address> address = real_address(named);
  if (!address) return pass(address);
  return store_->vacation(*address);
}

}  // namespace toast::vdomain
