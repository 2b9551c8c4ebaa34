// What a database must be able to do to hold the directory: rows in, rows out, one write
// transaction at a time. No rules live here; DirectoryRepository has them, so that every back end
// obeys the same ones. A back end is proven by tests/contract/directory.
//
// Names passed in are canonical. Every Error is transient: the database cannot be asked now, or it
// holds something that no program of ours wrote.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "vdomain/model.h"

namespace toast::vdomain {

struct StoredCounts {
  std::uint64_t mailboxes = 0;
  std::uint64_t aliases = 0;
  std::uint64_t domain_aliases = 0;
};
// The quotas of mailboxes, added up.
struct StoredRoom {
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;
  std::uint64_t without_bytes = 0;     // mailboxes that may hold any number of bytes
  std::uint64_t without_messages = 0;  // or of messages
};
// A domain with a quota over all its mailboxes.
struct DomainQuota {
  Domain name;
  Quota quota;
  friend bool operator==(const DomainQuota&, const DomainQuota&) = default;
};
struct OwnedCounts {
  std::uint64_t domains = 0;
  std::uint64_t mailboxes = 0;
  std::uint64_t aliases = 0;
};

// Listings call `visit` for each row in key order, beginning behind the key `after`, until it
// returns false. Rows may be written only after the listing has returned.
template <class T>
using Visit = std::function<bool(const T&)>;

// The one writer. Rolls back in the destructor unless commit() ran; reads of the same store see
// what it wrote so far.
class StoreTransaction {
 public:
  virtual ~StoreTransaction() = default;
  virtual Result<void> insert_domain(const HostedDomain& domain) = 0;
  virtual Result<void> update_domain(const HostedDomain& domain) = 0;
  virtual Result<void> delete_domain(const Domain& name) = 0;
  virtual Result<void> insert_domain_alias(const DomainAlias& alias) = 0;
  virtual Result<void> delete_domain_alias(const Domain& name) = 0;
  virtual Result<void> insert_mailbox(const Mailbox& mailbox) = 0;
  virtual Result<void> update_mailbox(const Mailbox& mailbox) = 0;
  virtual Result<void> delete_mailbox(const Address& address) = 0;
  virtual Result<void> insert_alias(const Alias& alias) = 0;
  virtual Result<void> update_alias(const Alias& alias) = 0;
  virtual Result<void> delete_alias(const Address& address) = 0;
  virtual Result<void> insert_owner(const DomainOwner& owner) = 0;
  virtual Result<void> update_owner(const DomainOwner& owner) = 0;
  virtual Result<void> delete_owner(const std::string& name) = 0;
  virtual Result<void> insert_vacation(const Vacation& vacation) = 0;
  virtual Result<void> delete_vacation(const Address& mailbox) = 0;
  virtual Result<void> append_audit(const AuditEntry& entry) = 0;  // its id is given here
  virtual Result<void> commit() = 0;                               // and a new generation
};

class DirectoryStore {
 public:
  virtual ~DirectoryStore() = default;

  virtual Result<std::unique_ptr<StoreTransaction>> begin() = 0;
  virtual Result<std::uint64_t> generation() = 0;

  virtual Result<std::optional<HostedDomain>> domain(const Domain& name) = 0;
  virtual Result<std::optional<DomainAlias>> domain_alias(const Domain& name) = 0;
  virtual Result<std::optional<Mailbox>> mailbox(const Address& address) = 0;
  virtual Result<std::optional<Mailbox>> mailbox_by_maildir(const std::string& maildir) = 0;
  // The one that exists longest, in the domain or (null) in all of them.
  virtual Result<std::optional<Mailbox>> oldest_mailbox(const Domain* domain) = 0;
  virtual Result<std::optional<Alias>> alias(const Address& address) = 0;
  virtual Result<StoredCounts> counts(const Domain& domain) = 0;
  // Reads every mailbox of the domain, or of the owner's domains.
  virtual Result<StoredRoom> room(const Domain& domain) = 0;
  virtual Result<StoredRoom> room_of_owner(const std::string& name) = 0;
  virtual Result<std::optional<DomainOwner>> owner(const std::string& name) = 0;
  virtual Result<OwnedCounts> counts_of_owner(const std::string& name) = 0;
  virtual Result<std::optional<Vacation>> vacation(const Address& mailbox) = 0;

  virtual Result<void> each_domain(const std::string& after, Visit<HostedDomain> visit) = 0;
  // Only those with a quota whose mailboxes are here: few, found without reading the others.
  virtual Result<void> each_quota_domain(const std::string& after, Visit<DomainQuota> visit) = 0;
  virtual Result<void> each_domain_alias(const std::string& after, const Domain* target,
                                         Visit<DomainAlias> visit) = 0;
  virtual Result<void> each_mailbox(const std::optional<Address>& after, const Domain* domain,
                                    Visit<Mailbox> visit) = 0;
  virtual Result<void> each_alias(const std::optional<Address>& after, const Domain* domain,
                                  Visit<Alias> visit) = 0;
  virtual Result<void> each_owner(const std::string& after, Visit<DomainOwner> visit) = 0;
  virtual Result<void> each_vacation(const std::optional<Address>& after,
                                     Visit<Vacation> visit) = 0;
  virtual Result<std::vector<AuditEntry>> audit(const std::string& object, std::size_t limit) = 0;
  // Oldest first, behind the entry of that id, at most `limit`.
  virtual Result<std::vector<AuditEntry>> audit_after(std::uint64_t id, std::size_t limit) = 0;
  // The last failure of a transaction came of another writer at the same moment: nothing of it is
  // stored, and the same may well succeed when it is done again.
  virtual bool lost_to_another() const { return false; }
};

}  // namespace toast::vdomain
