// A directory moved from one store to another, whole or not at all, and the proof that both are the
// same. Times, versions, the order in which mailboxes were made and the record of changes are kept;
// limits are copied as they are, also where what is there is above them.
#pragma once

#include <cstdint>
#include <string>

#include "vdomain/directory_store.h"

namespace toast::vdomain {

struct CopiedRows {
  std::uint64_t domains = 0;
  std::uint64_t domain_aliases = 0;
  std::uint64_t mailboxes = 0;
  std::uint64_t aliases = 0;
  std::uint64_t owners = 0;
  std::uint64_t vacations = 0;
  std::uint64_t audit_entries = 0;
};

// `to` must be empty, and `from` must not change meanwhile: else an error, and nothing is copied.
// `note` goes on the record of `to`. Memory: the names of all mailboxes.
[[nodiscard]] Result<CopiedRows> copy_directory(DirectoryStore& from, DirectoryStore& to,
                                                const AuditEntry& note);
// The first object that is not the same in both; empty: there is none.
[[nodiscard]] Result<std::string> first_difference(DirectoryStore& a, DirectoryStore& b);
// Does the record of `b` begin with all that is on that of `a`? It may go on: that it was copied
// to.
[[nodiscard]] Result<bool> has_record_of(DirectoryStore& a, DirectoryStore& b);
[[nodiscard]] Result<bool> is_empty(DirectoryStore& store);

}  // namespace toast::vdomain
