// Where does mail for an address go? A pure function of directory data: the same code answers RCPT,
// the queue at delivery and `toastctl resolve`.
//
// The order, for LOCAL@DOMAIN (a domain alias counts as the domain it stands for, case is folded):
//   1. exactly this name: the file .qmail-LOCAL, an alias, a mailbox, in this order
//   2. at each dash (and plus, where the domain says so), the longest part first: the file
//      .qmail-PART-default, the alias PART-default; then, if the separator makes sub-addresses in
//      this domain, PART itself as in 1.
//   3. the file .qmail-default
//   4. the domain's catch-all
//   5. postmaster and abuse, if nothing so far took them: the domain's oldest mailbox
//   6. unknown
// Names of this host that are no hosted domain have a postmaster and an abuse only: the oldest
// mailbox of all. These names are never unknown; with nobody to give them to they are deferred.
//
// Targets of an alias that are local are followed here, each address once: what leads back to where
// it came from is left out, except that an address naming itself means its own mailbox. Targets
// that are not local, or unknown, become forwards, so that the queue gives each its own life.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vdomain/dotqmail_files.h"
#include "vdomain/model.h"

namespace toast::vdomain {

// Aliases that lead to aliases: beyond this depth a forward is left to the queue, whose hop limit
// ends what has no end.
inline constexpr std::size_t kMaxAliasDepth = 20;
// Targets followed for one recipient, over all its aliases: some milliseconds of work.
inline constexpr std::size_t kMaxFollowedTargets = 2 * kMaxAliasTargets;

// The data, as of now. Every Error is transient: it cannot be asked.
class DirectoryView {
 public:
  virtual ~DirectoryView() = default;
  // The domain of this name, or the one that the name is an alias of.
  virtual Result<std::optional<HostedDomain>> domain(const Domain& name) = 0;
  // By canonical address.
  virtual Result<std::optional<Alias>> alias(const Address& address) = 0;
  virtual Result<std::optional<Mailbox>> mailbox(const Address& address) = 0;
  virtual Result<std::optional<Mailbox>> mailbox_by_maildir(const std::string& maildir) = 0;
  virtual Result<std::optional<Mailbox>> oldest_mailbox(const Domain* domain) = 0;  // null: of all
  virtual Result<std::optional<Vacation>> vacation(const Address& mailbox) = 0;
  virtual Result<std::optional<DotQmailFile>> dot_qmail(const Domain& domain,
                                                        const std::string& name) = 0;
};

struct ResolverOptions {
  std::optional<Domain> host;  // control/me
  std::string mail_root;       // absolute path of mail/, for absolute paths in dot-qmail files
};

struct Resolution {
  enum class Status : std::uint8_t { resolved, unknown, not_local };
  Status status = Status::unknown;
  std::vector<Instruction> instructions;  // in order, none twice; not empty if and only if resolved
  std::string words = {};  // of the operator for senders, where unknown; empty: our own
  friend bool operator==(const Resolution&, const Resolution&) = default;
};

// What was looked at and what was found, in order, for people.
struct Trace {
  std::vector<std::string> steps;
};

[[nodiscard]] Result<Resolution> resolve(const Address& recipient, DirectoryView& view,
                                         const ResolverOptions& options, Trace* trace = nullptr);

}  // namespace toast::vdomain
