// The repository's part on limits: of a domain, and of an owner over all its domains. Asked inside
// the transaction that adds, while it holds the writers' lock: of two that want the last place one
// gets it.
//
// A limit counts what is added. One that is set below what is there refuses nothing that exists.
#include <fmt/format.h>

#include "vdomain/change.h"
#include "vdomain/directory_repository.h"

namespace toast::vdomain {

using change::refused;

namespace {

using Refusal = std::optional<Change>;
using Limit = std::optional<std::uint64_t>;

// Whose limits they are, in the words of messages and commands.
struct Holder {
  std::string who;      // "example.org" or "owner acme"
  std::string command;  // that raises them
};

Holder holder_of(const HostedDomain& domain) {
  return {domain.name.str(), "toastctl domain set " + domain.name.str()};
}
Holder holder_of(const DomainOwner& owner) {
  return {"owner " + owner.name, "toastctl owner set " + owner.name};
}

Refusal check_count(const Holder& holder, const Limit& limit, std::uint64_t present,
                    std::uint64_t more, std::string_view noun) {
  if (!limit || more == 0 || (present < *limit && more <= *limit - present)) return std::nullopt;
  if (more > 1)
    return refused(Change::Status::limit_reached,
                   fmt::format("{} may have {} {} and has {}: {} more do not fit; raise the limit "
                               "({} --max-{} N)",
                               holder.who, *limit, noun, present, more, holder.command, noun));
  return refused(Change::Status::limit_reached,
                 fmt::format("{} has its {} {}: delete one or raise the limit ({} --max-{} N)",
                             holder.who, *limit, noun, holder.command, noun));
}

struct Room {
  std::uint64_t allotted;  // to all mailboxes, with the one that changes as it was
  std::uint64_t without;   // mailboxes that may hold any number
  std::uint64_t wanted;    // zero: any number
  std::uint64_t instead;
  std::string_view unit;    // "bytes"
  std::string_view option;  // "--max-disk"
  std::string_view quota;   // "--quota"
};

Refusal check_disk(const Holder& holder, const Limit& limit, const Room& room) {
  if (!limit) return std::nullopt;
  if (room.wanted == 0)
    return refused(
        Change::Status::limit_reached,
        fmt::format("{} may give its mailboxes {} {} in all: one without such a quota "
                    "could hold more; give it one ({}), or lift the limit ({} {} "
                    "unlimited)",
                    holder.who, *limit, room.unit, room.quota, holder.command, room.option));
  const bool grows = room.instead == 0 || room.wanted > room.instead;
  const std::uint64_t others = room.allotted - room.instead;
  if (!grows || (others <= *limit && room.wanted <= *limit - others)) return std::nullopt;
  return refused(
      Change::Status::limit_reached,
      fmt::format("{} may give its mailboxes {} {} in all, and {} are given to others: "
                  "a quota of {} does not fit; make it smaller or raise the limit ({} "
                  "{} N)",
                  holder.who, *limit, room.unit, others, room.wanted, holder.command, room.option));
}

struct DiskLimits {
  Limit bytes;
  Limit messages;
  bool any() const { return bytes || messages; }
};

Refusal check_quota(const Holder& holder, const DiskLimits& limits, const StoredRoom& room,
                    const Quota& wanted, const Quota& instead) {
  if (Refusal no = check_disk(holder, limits.bytes,
                              {room.bytes, room.without_bytes, wanted.bytes, instead.bytes, "bytes",
                               "--max-disk", "--quota"}))
    return no;
  return check_disk(holder, limits.messages,
                    {room.messages, room.without_messages, wanted.messages, instead.messages,
                     "messages", "--max-disk-messages", "--quota-messages"});
}

// A limit on room is of use only where every mailbox has a quota.
Refusal check_all_have_quotas(const Holder& holder, const DiskLimits& limits,
                              const StoredRoom& room) {
  for (const auto& [limit, without, unit] :
       {std::tuple(limits.bytes, room.without_bytes, "bytes"),
        std::tuple(limits.messages, room.without_messages, "messages")}) {
    if (!limit || without == 0) continue;
    return refused(
        Change::Status::invalid,
        fmt::format("{}: {} of its mailboxes have no quota of {}, so a limit over all of "
                    "them would mean nothing; toastctl quota list shows which",
                    holder.who, without, unit));
  }
  return std::nullopt;
}

DiskLimits disk_of(const DomainLimits& l) { return {l.disk_bytes, l.disk_messages}; }
DiskLimits disk_of(const OwnerLimits& l) { return {l.disk_bytes, l.disk_messages}; }

}  // namespace

DirectoryRepository::Checked DirectoryRepository::check_room(const HostedDomain& domain,
                                                             const Growth& growth) {
  const Holder holder = holder_of(domain);
  const DomainLimits& limits = domain.limits;
  if ((growth.mailboxes > 0 && limits.mailboxes) || (growth.aliases > 0 && limits.aliases)) {
    Result<StoredCounts> counts = store_->counts(domain.name);
    if (!counts) return pass(counts);
    for (const auto& [limit, present, more, noun] :
         {std::tuple(limits.mailboxes, counts->mailboxes, growth.mailboxes, "mailboxes"),
          std::tuple(limits.aliases, counts->aliases, growth.aliases, "aliases")})
      if (Refusal no = check_count(holder, limit, present, more, noun)) return no;
  }
  if (growth.has_quota && disk_of(limits).any()) {
    Result<StoredRoom> room = store_->room(domain.name);
    if (!room) return pass(room);
    if (Refusal no = check_quota(holder, disk_of(limits), *room, growth.quota, growth.instead))
      return no;
  }
  if (!domain.owner) return std::nullopt;
  return check_room_of_owner(domain, growth);
}

DirectoryRepository::Checked DirectoryRepository::check_room_of_owner(const HostedDomain& domain,
                                                                      const Growth& growth) {
  Result<std::optional<DomainOwner>> owner = store_->owner(*domain.owner);
  if (!owner) return pass(owner);
  if (!*owner) return std::nullopt;  // no row can name one that is not there
  const Holder holder = holder_of(**owner);
  const OwnerLimits& limits = (*owner)->limits;
  if ((growth.mailboxes > 0 && limits.mailboxes) || (growth.aliases > 0 && limits.aliases)) {
    Result<OwnedCounts> counts = store_->counts_of_owner(*domain.owner);
    if (!counts) return pass(counts);
    for (const auto& [limit, present, more, noun] :
         {std::tuple(limits.mailboxes, counts->mailboxes, growth.mailboxes, "mailboxes"),
          std::tuple(limits.aliases, counts->aliases, growth.aliases, "aliases")})
      if (Refusal no = check_count(holder, limit, present, more, noun)) return no;
  }
  if (!growth.has_quota || !disk_of(limits).any()) return std::nullopt;
  Result<StoredRoom> room = store_->room_of_owner(*domain.owner);
  if (!room) return pass(room);
  return check_quota(holder, disk_of(limits), *room, growth.quota, growth.instead);
}

DirectoryRepository::Checked DirectoryRepository::check_new_limits(const HostedDomain& domain,
                                                                   const HostedDomain* before) {
  const DiskLimits limits = disk_of(domain.limits);
  if (!limits.any() || (before != nullptr && before->limits == domain.limits)) return std::nullopt;
  Result<StoredRoom> room = store_->room(domain.name);
  if (!room) return pass(room);
  return check_all_have_quotas(holder_of(domain), limits, *room);
}

// An owner takes a domain with all that is in it.
DirectoryRepository::Checked DirectoryRepository::check_new_owner(const HostedDomain& domain,
                                                                  bool is_new) {
  if (!domain.owner) return std::nullopt;
  Result<std::optional<DomainOwner>> owner = store_->owner(*domain.owner);
  if (!owner) return pass(owner);
  if (!*owner)
    return refused(Change::Status::invalid,
                   fmt::format("no owner {}: toastctl owner add {}", *domain.owner, *domain.owner));
  const Holder holder = holder_of(**owner);
  const OwnerLimits& limits = (*owner)->limits;
  Result<OwnedCounts> has = store_->counts_of_owner(*domain.owner);
  if (!has) return pass(has);
  if (Refusal no = check_count(holder, limits.domains, has->domains, 1, "domains")) return no;
  if (is_new) return std::nullopt;
  Result<StoredCounts> comes = store_->counts(domain.name);
  if (!comes) return pass(comes);
  for (const auto& [limit, present, more, noun] :
       {std::tuple(limits.mailboxes, has->mailboxes, comes->mailboxes, "mailboxes"),
        std::tuple(limits.aliases, has->aliases, comes->aliases, "aliases")})
    if (Refusal no = check_count(holder, limit, present, more, noun)) return no;
  if (!disk_of(limits).any()) return std::nullopt;
  Result<StoredRoom> room = store_->room(domain.name);
  if (!room) return pass(room);
  if (Refusal no = check_all_have_quotas(holder_of(domain), disk_of(limits), *room)) return no;
  Result<StoredRoom> taken = store_->room_of_owner(*domain.owner);
  if (!taken) return pass(taken);
  const Quota together{room->bytes, room->messages};
  if (together.bytes == 0 && together.messages == 0) return std::nullopt;  // no mailbox
  DiskLimits of_use = disk_of(limits);
  if (together.bytes == 0) of_use.bytes = std::nullopt;
  if (together.messages == 0) of_use.messages = std::nullopt;
  return check_quota(holder, of_use, *taken, together, {});
}

Result<DomainUse> DirectoryRepository::use_of(const Domain& name) {
  Result<StoredCounts> counts = store_->counts(name);
  if (!counts) return pass(counts);
  Result<StoredRoom> room = store_->room(name);
  if (!room) return pass(room);
  return DomainUse{*counts, *room};
}

Result<OwnerUse> DirectoryRepository::use_of_owner(const std::string& name) {
  Result<OwnedCounts> counts = store_->counts_of_owner(name);
  if (!counts) return pass(counts);
  Result<StoredRoom> room = store_->room_of_owner(name);
  if (!room) return pass(room);
  return OwnerUse{*counts, *room};
}

}  // namespace toast::vdomain
