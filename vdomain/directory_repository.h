// The directory as its writers see it: toastctl, later an importer and an admin page. Rules are
// enforced here, whoever calls and whichever database lies below (DirectoryStore): names are free,
// targets exist, limits hold, each change is audited in the transaction that makes it.
//
// Three kinds of outcome, never mixed: an Error is the storage's (locked, missing, damaged, full;
// always transient, nothing was changed); a Change says what became of a request that the storage
// could carry; "not there" of a find is an empty optional. Calls block, at most for the busy
// timeout.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "vdomain/directory_store.h"
#include "vdomain/model.h"

namespace toast::vdomain {

struct Change {
  enum class Status : std::uint8_t {
    changed,
    unchanged,      // it is so already (also: delete of what is not there is not_found)
    not_found,      // the object, or the domain it would be in
    conflict,       // exists with other content, changed meanwhile, or still in use
    invalid,        // a value that is never acceptable
    limit_reached,  // a limit of the domain or of its owner
  };
  Status status = Status::changed;
  std::string message;  // for people: object and reason; empty for changed
  bool ok() const { return status == Status::changed || status == Status::unchanged; }
};

// A page of a listing in byte order of the key (domain name; domain, then local part). `match` is a
// glob over the whole name or address: * ? [a-z]; empty matches all. For the next page pass `next`
// as `after`; empty: that was all.
struct ListQuery {
  std::optional<Domain> domain;  // only what is in this domain
  std::string match;
  std::string after;
  std::size_t limit = 1000;
};
template <class T>
struct Page {
  std::vector<T> items;
  std::string next;
};

struct NewMailbox {
  Address address;
  std::string display_name;
  std::optional<Quota> quota;  // not set: the domain's default
  ServiceSwitches services;
};

// Many mailboxes in one transaction, each judged as add_mailbox() judges it: one that is refused
// keeps no other out.
struct MailboxBatch {
  std::vector<NewMailbox> mailboxes;
  bool add_domains = false;  // one that is not there, with the defaults of everything
};
struct BatchChange {
  std::vector<Change> changes;  // as `mailboxes`
  std::vector<Domain> domains;  // that were added
};

using DomainCounts = StoredCounts;

// What a domain or an owner has of all that can be limited.
struct DomainUse {
  StoredCounts counts;
  StoredRoom room;
};
struct OwnerUse {
  OwnedCounts counts;
  StoredRoom room;
};

// A change that lost to another writer at the same moment (a deadlock; in a Galera cluster, a
// change that another node was first with) is begun anew, so often in all.
inline constexpr int kMaxWriteAttempts = 5;

class DirectoryRepository {
 public:
  DirectoryRepository(std::unique_ptr<DirectoryStore> store, const Clock& clock)
      : store_(std::move(store)), clock_(clock) {}

  // Grows with every change; equal: nothing has changed in between.
  Result<std::uint64_t> generation() { return store_->generation(); }
  DirectoryStore& store() { return *store_; }  // for the resolver's StoreView

  // --- Domains. add: a domain that exists with the same content is unchanged, with other content
  // a conflict. set: read, modify, set; `version` must be the stored one (else conflict), equal
  // content is unchanged. remove: a domain with mailboxes, aliases or other names is a conflict
  // unless `with_contents`.
  Result<Change> add_domain(const HostedDomain& domain, const Actor& actor) {
    return written([&] { return add_domain_once(domain, actor); });
  }
  Result<Change> set_domain(const HostedDomain& domain, const Actor& actor) {
    return written([&] { return set_domain_once(domain, actor); });
  }
  Result<Change> remove_domain(const Domain& name, bool with_contents, const Actor& actor) {
    return written([&] { return remove_domain_once(name, with_contents, actor); });
  }
  Result<std::optional<HostedDomain>> find_domain(const Domain& name);
  Result<Page<HostedDomain>> list_domains(const ListQuery& query);
  Result<DomainCounts> counts(const Domain& name);

  // --- Other names of domains. Adding one to an alias adds it to what that stands for.
  Result<Change> add_domain_alias(const Domain& name, const Domain& target, const Actor& actor) {
    return written([&] { return add_domain_alias_once(name, target, actor); });
  }
  Result<Change> remove_domain_alias(const Domain& name, const Actor& actor) {
    return written([&] { return remove_domain_alias_once(name, actor); });
  }
  Result<std::optional<DomainAlias>> find_domain_alias(const Domain& name);
  Result<Page<DomainAlias>> list_domain_aliases(
      const ListQuery& query);  // query.domain: the target

  // --- Mailboxes. In a domain alias the mailbox is made in, and found by, the domain it stands
  // for. remove refuses (conflict) the target of a catch-all or the mailbox of a keep-copy alias;
  // the mail itself is not touched, and forwards to the address elsewhere stay.
  Result<Change> add_mailbox(const NewMailbox& mailbox, const Actor& actor) {
    return written([&] { return add_mailbox_once(mailbox, actor); });
  }
  // `before_commit` is called when all that will be added is known; its error is the batch's, and
  // nothing is added. It may be called more than once.
  using BeforeCommit = std::function<Result<void>(const BatchChange&)>;
  Result<BatchChange> add_mailboxes(const MailboxBatch& batch, const Actor& actor,
                                    const BeforeCommit& before_commit) {
    return written([&] { return add_mailboxes_once(batch, actor, before_commit); });
  }
  Result<Change> set_mailbox(const Mailbox& mailbox, const Actor& actor) {
    return written([&] { return set_mailbox_once(mailbox, actor); });
  }
  Result<Change> remove_mailbox(const Address& address, const Actor& actor) {
    return written([&] { return remove_mailbox_once(address, actor); });
  }
  Result<std::optional<Mailbox>> find_mailbox(const Address& address);
  Result<Page<Mailbox>> list_mailboxes(const ListQuery& query);

  // --- Aliases, the same way.
  Result<Change> add_alias(const Alias& alias, const Actor& actor) {
    return written([&] { return add_alias_once(alias, actor); });
  }
  Result<Change> set_alias(const Alias& alias, const Actor& actor) {
    return written([&] { return set_alias_once(alias, actor); });
  }
  Result<Change> remove_alias(const Address& address, const Actor& actor) {
    return written([&] { return remove_alias_once(address, actor); });
  }
  Result<std::optional<Alias>> find_alias(const Address& address);
  Result<Page<Alias>> list_aliases(const ListQuery& query);

  // --- Owners. A domain is given to one by set_domain; remove: one with domains is a conflict.
  Result<Change> add_owner(const DomainOwner& owner, const Actor& actor) {
    return written([&] { return add_owner_once(owner, actor); });
  }
  Result<Change> set_owner(const DomainOwner& owner, const Actor& actor) {
    return written([&] { return set_owner_once(owner, actor); });
  }
  Result<Change> remove_owner(const std::string& name, const Actor& actor) {
    return written([&] { return remove_owner_once(name, actor); });
  }
  Result<std::optional<DomainOwner>> find_owner(const std::string& name) {
    return store_->owner(name);
  }
  Result<Page<DomainOwner>> list_owners(const ListQuery& query);  // after: a name
  Result<DomainUse> use_of(const Domain& name);
  Result<OwnerUse> use_of_owner(const std::string& name);

  // --- What mailboxes answer. set: whether there was one or not; the later of two writers wins.
  Result<Change> set_vacation(const Vacation& vacation, const Actor& actor) {
    return written([&] { return set_vacation_once(vacation, actor); });
  }
  Result<Change> clear_vacation(const Address& mailbox, const Actor& actor) {
    return written([&] { return clear_vacation_once(mailbox, actor); });
  }
  Result<std::optional<Vacation>> find_vacation(const Address& mailbox);

  // --- Newest first; `object` is a domain or an address, empty for everything.
  Result<std::vector<AuditEntry>> audit(const std::string& object, std::size_t limit);
  // For what is not of the directory but belongs in its record (a changed password).
  Result<void> record(const std::string& action, const std::string& object, const Actor& actor);

 private:
  template <class Work>
  auto written(Work work) -> decltype(work()) {
    for (int attempt = 1;; ++attempt) {
      auto done = work();
      if (done || attempt == kMaxWriteAttempts || !store_->lost_to_another()) return done;
    }
  }
  Result<Change> add_domain_once(const HostedDomain& domain, const Actor& actor);
  Result<Change> set_domain_once(const HostedDomain& domain, const Actor& actor);
  Result<Change> remove_domain_once(const Domain& name, bool with_contents, const Actor& actor);
  Result<Change> add_domain_alias_once(const Domain& name, const Domain& target,
                                       const Actor& actor);
  Result<Change> remove_domain_alias_once(const Domain& name, const Actor& actor);
  Result<Change> add_mailbox_once(const NewMailbox& mailbox, const Actor& actor);
  Result<BatchChange> add_mailboxes_once(const MailboxBatch& batch, const Actor& actor,
                                         const BeforeCommit& before_commit);
  Result<Change> set_mailbox_once(const Mailbox& mailbox, const Actor& actor);
  Result<Change> remove_mailbox_once(const Address& address, const Actor& actor);
  Result<Change> add_alias_once(const Alias& alias, const Actor& actor);
  Result<Change> set_alias_once(const Alias& alias, const Actor& actor);
  Result<Change> remove_alias_once(const Address& address, const Actor& actor);
  Result<Change> add_owner_once(const DomainOwner& owner, const Actor& actor);
  Result<Change> set_owner_once(const DomainOwner& owner, const Actor& actor);
  Result<Change> remove_owner_once(const std::string& name, const Actor& actor);
  Result<Change> set_vacation_once(const Vacation& vacation, const Actor& actor);
  Result<Change> clear_vacation_once(const Address& mailbox, const Actor& actor);

  using Checked = Result<std::optional<Change>>;  // the Change that refuses, or nothing
  // What a change of a mailbox or an alias begins with.
  template <class T>
  struct Entry {
    std::unique_ptr<StoreTransaction> transaction;
    Address address;           // where a name in a domain alias really is
    std::optional<T> present;  // what is there now
  };
  template <class T>
  using Find = Result<std::optional<T>> (DirectoryStore::*)(const Address&);
  template <class T>
  Result<Entry<T>> open_entry(const Address& named, Find<T> find);
  Result<Change> commit(StoreTransaction& transaction, const Actor& actor, AuditEntry entry);
  Result<void> write_down(StoreTransaction& transaction, const Actor& actor, AuditEntry entry);
  // The rows and their audit; the caller commits.
  Result<Change> insert_domain(StoreTransaction& transaction, HostedDomain domain,
                               const Actor& actor);
  // `domain`: where the mailbox will be; none: not there.
  Result<Change> insert_mailbox(StoreTransaction& transaction, const NewMailbox& wanted,
                                const std::optional<HostedDomain>& domain, const Actor& actor);
  // The domain that a name stands for.
  Result<std::optional<HostedDomain>> named_domain(const Domain& name);
  // The domain a name stands for: itself, or the target of a domain alias.
  Result<Domain> real_domain(const Domain& name);
  Result<Address> real_address(const Address& address);
  Checked check_name_is_free(const Domain& name);
  Checked check_catch_all_exists(const HostedDomain& domain);
  // What a change adds to a domain.
  struct Growth {
    std::uint64_t mailboxes = 0;
    std::uint64_t aliases = 0;
    Quota quota;    // of the mailbox that is added or changed
    Quota instead;  // what it had before
    bool has_quota = false;
  };
  Checked check_room(const HostedDomain& domain, const Growth& growth);
  Checked check_room_of_owner(const HostedDomain& domain, const Growth& growth);
  // The limits that `domain` is to have, and that its owner has, when it is given to one.
  Checked check_new_limits(const HostedDomain& domain, const HostedDomain* before);
  Checked check_new_owner(const HostedDomain& domain, bool is_new);
  Checked check_keep_copy(const Alias& alias);
  Checked check_mailbox_is_unused(const Address& address);
  Result<void> remove_contents(const Domain& name, StoreTransaction& transaction,
                               const Actor& actor);

  std::unique_ptr<DirectoryStore> store_;
  const Clock& clock_;
};

}  // namespace toast::vdomain
