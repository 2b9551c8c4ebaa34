#include "vdomain/directory_copy.h"

#include <algorithm>
#include <vector>

namespace toast::vdomain {
namespace {

constexpr std::size_t kPage = 1000;

// The rows of one kind in pages, by the key of the last one.
std::string name_of(const HostedDomain& domain) { return domain.name.str(); }
std::string name_of(const DomainAlias& alias) { return alias.name.str(); }
std::string name_of(const Mailbox& mailbox) { return mailbox.address.str(); }
std::string name_of(const Alias& alias) { return alias.address.str(); }
std::string name_of(const DomainOwner& owner) { return "owner " + owner.name; }
std::string name_of(const Vacation& vacation) { return "vacation of " + vacation.mailbox.str(); }

template <class T>
Visit<T> into(std::vector<T>& page) {
  return [&page](const T& value) {
    page.push_back(value);
    return page.size() < kPage;
  };
}

Result<void> read(DirectoryStore& store, const HostedDomain* last,
                  std::vector<HostedDomain>& page) {
  return store.each_domain(last == nullptr ? "" : last->name.str(), into(page));
}
Result<void> read(DirectoryStore& store, const DomainAlias* last, std::vector<DomainAlias>& page) {
  return store.each_domain_alias(last == nullptr ? "" : last->name.str(), nullptr, into(page));
}
template <class T>
std::optional<Address> behind(const T* last) {
  if (last == nullptr) return std::nullopt;
  return last->address;
}
Result<void> read(DirectoryStore& store, const Mailbox* last, std::vector<Mailbox>& page) {
  return store.each_mailbox(behind(last), nullptr, into(page));
}
Result<void> read(DirectoryStore& store, const Alias* last, std::vector<Alias>& page) {
  return store.each_alias(behind(last), nullptr, into(page));
}

Result<void> read(DirectoryStore& store, const DomainOwner* last, std::vector<DomainOwner>& page) {
  return store.each_owner(last == nullptr ? "" : last->name, into(page));
}
Result<void> read(DirectoryStore& store, const Vacation* last, std::vector<Vacation>& page) {
  std::optional<Address> after;
  if (last != nullptr) after = last->mailbox;
  return store.each_vacation(after, into(page));
}

// `work` for each page until one is not full.
template <class T, class Work>
Result<void> for_each_page(DirectoryStore& store, Work work) {
  std::optional<T> last;
  for (;;) {
    std::vector<T> page;
    Result<void> got = read(store, last ? &*last : nullptr, page);
    if (!got) return got;
    Result<bool> more = work(page);
    if (!more) return pass(more);
    if (!*more || page.size() < kPage) return {};
    last = std::move(page.back());
  }
}

template <class T, class Insert>
Result<std::uint64_t> copy_all(DirectoryStore& from, Insert insert) {
  std::uint64_t count = 0;
  Result<void> done = for_each_page<T>(from, [&](const std::vector<T>& page) -> Result<bool> {
    for (const T& row : page) {
      Result<void> inserted = insert(row);
      if (!inserted) return pass(inserted, name_of(row));
      ++count;
    }
    return true;
  });
  if (!done) return pass(done);
  return count;
}

struct Dated {
  WallTime created;
  Address address;
};

// Mailboxes in the order they were made: the oldest one is postmaster's where nobody else is.
Result<std::uint64_t> copy_mailboxes(DirectoryStore& from, StoreTransaction& to) {
  std::vector<Dated> all;
  Result<void> listed =
      for_each_page<Mailbox>(from, [&](const std::vector<Mailbox>& page) -> Result<bool> {
        for (const Mailbox& m : page) all.push_back({m.created, m.address});
        return true;
      });
  if (!listed) return pass(listed);
  std::stable_sort(all.begin(), all.end(),
                   [](const Dated& a, const Dated& b) { return a.created < b.created; });
  for (const Dated& next : all) {
    Result<std::optional<Mailbox>> mailbox = from.mailbox(next.address);
    if (!mailbox) return pass(mailbox);
    if (!*mailbox) return transient(next.address.str() + " was deleted meanwhile");
    if (Result<void> done = to.insert_mailbox(**mailbox); !done)
      return pass(done, next.address.str());
  }
  return all.size();
}

// In the order in which they were written; they get new numbers.
Result<std::uint64_t> copy_audit(DirectoryStore& from, StoreTransaction& to) {
  std::uint64_t count = 0;
  std::uint64_t last = 0;
  for (;;) {
    Result<std::vector<AuditEntry>> page = from.audit_after(last, kPage);
    if (!page) return pass(page);
    for (const AuditEntry& entry : *page) {
      if (Result<void> done = to.append_audit(entry); !done) return pass(done, "audit");
      last = entry.id;
      ++count;
    }
    if (page->size() < kPage) return count;
  }
}

bool same_entry(const AuditEntry& a, const AuditEntry& b) {
  return a.at == b.at && a.actor.name == b.actor.name && a.actor.source == b.actor.source &&
         a.action == b.action && a.object == b.object && a.before == b.before && a.after == b.after;
}

}  // namespace

Result<bool> has_record_of(DirectoryStore& a, DirectoryStore& b) {
  std::uint64_t last_of_a = 0;
  std::uint64_t last_of_b = 0;
  for (;;) {
    Result<std::vector<AuditEntry>> ours = a.audit_after(last_of_a, kPage);
    if (!ours) return pass(ours);
    if (ours->empty()) return true;
    Result<std::vector<AuditEntry>> theirs = b.audit_after(last_of_b, ours->size());
    if (!theirs) return pass(theirs);
    if (!std::equal(ours->begin(), ours->end(), theirs->begin(), theirs->end(), same_entry))
      return false;
    last_of_a = ours->back().id;
    last_of_b = theirs->back().id;
  }
}

namespace {

template <class T>
Result<std::string> differs(DirectoryStore& a, DirectoryStore& b) {
  std::string found;
  std::optional<T> last;
  Result<void> done = for_each_page<T>(a, [&](const std::vector<T>& ours) -> Result<bool> {
    std::vector<T> theirs;
    Result<void> got = read(b, last ? &*last : nullptr, theirs);
    if (!got) return pass(got);
    const auto [mine, other] =
        std::mismatch(ours.begin(), ours.end(), theirs.begin(), theirs.end());
    if (mine != ours.end()) {
      found = name_of(*mine);
    } else if (other != theirs.end()) {
      found = name_of(*other);
    }
    if (!ours.empty()) last = ours.back();
    return found.empty();
  });
  if (!done) return pass(done);
  return found;
}

}  // namespace

Result<bool> is_empty(DirectoryStore& store) {
  bool empty = true;
  Result<void> looked = store.each_domain("", [&](const HostedDomain&) { return empty = false; });
  if (!looked) return pass(looked);
  return empty;
}

Result<CopiedRows> copy_directory(DirectoryStore& from, DirectoryStore& to,
                                  const AuditEntry& note) {
  Result<std::uint64_t> before = from.generation();
  if (!before) return pass(before);
  Result<std::unique_ptr<StoreTransaction>> begun = to.begin();
  if (!begun) return pass(begun);
  StoreTransaction& writer = **begun;
  Result<bool> empty = is_empty(to);
  if (!empty) return pass(empty);
  if (!*empty) return permanent("there are domains already where they should be copied to");
  CopiedRows copied;
  Result<std::uint64_t> count =
      copy_all<DomainOwner>(from, [&](const DomainOwner& row) { return writer.insert_owner(row); });
  if (!count) return pass(count);
  copied.owners = *count;
  count = copy_all<HostedDomain>(
      from, [&](const HostedDomain& row) { return writer.insert_domain(row); });
  if (!count) return pass(count);
  copied.domains = *count;
  count = copy_all<DomainAlias>(
      from, [&](const DomainAlias& row) { return writer.insert_domain_alias(row); });
  if (!count) return pass(count);
  copied.domain_aliases = *count;
  count = copy_mailboxes(from, writer);
  if (!count) return pass(count);
  copied.mailboxes = *count;
  count = copy_all<Alias>(from, [&](const Alias& row) { return writer.insert_alias(row); });
  if (!count) return pass(count);
  copied.aliases = *count;
  count =
      copy_all<Vacation>(from, [&](const Vacation& row) { return writer.insert_vacation(row); });
  if (!count) return pass(count);
  copied.vacations = *count;
  count = copy_audit(from, writer);
  if (!count) return pass(count);
  copied.audit_entries = *count;
  Result<std::uint64_t> after = from.generation();
  if (!after) return pass(after);
  if (*after != *before)
    return transient("the directory was changed while it was copied: do it again");
  if (Result<void> noted = writer.append_audit(note); !noted) return pass(noted);
  if (Result<void> done = writer.commit(); !done) return pass(done);
  return copied;
}

Result<std::string> first_difference(DirectoryStore& a, DirectoryStore& b) {
  for (const auto differs_in : {differs<DomainOwner>, differs<HostedDomain>, differs<DomainAlias>,
                                differs<Mailbox>, differs<Alias>, differs<Vacation>}) {
    Result<std::string> found = differs_in(a, b);
    if (!found || !found->empty()) return found;
  }
  Result<std::optional<Mailbox>> ours = a.oldest_mailbox(nullptr);
  if (!ours) return pass(ours);
  Result<std::optional<Mailbox>> theirs = b.oldest_mailbox(nullptr);
  if (!theirs) return pass(theirs);
  if (*ours != *theirs && *ours) return (*ours)->address.str();
  return std::string();
}

}  // namespace toast::vdomain
