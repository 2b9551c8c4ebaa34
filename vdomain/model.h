// What the directory holds: domains, their other names, mailboxes, aliases, the record of changes.
// Value types; the rules between them are the repository's (directory_repository.h). Names in here
// are canonical: domains are lower-case A-labels, local parts are case-folded (see canonical()).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "mta/message/address.h"
#include "mta/message/next_hop.h"
#include "vdomain/instruction.h"  // Quota
#include "vdomain/reply_text.h"

namespace toast::vdomain {

inline constexpr std::size_t kMaxAliasTargets = kMaxInstructions;  // one instruction each at least
inline constexpr std::size_t kMaxSuspensionReason = 200;           // fits an SMTP reply line
inline constexpr std::size_t kMaxDisplayName = 256;
inline constexpr std::size_t kMaxOwnerName = 64;

// Local parts are compared without regard to (ASCII) case here, as qmail and vpopmail do. This is
// the form that is stored and looked up; the sender's spelling stays in the envelope.
[[nodiscard]] Address canonical(const Address& address);

// For mail to names of a domain that nobody has.
struct CatchAll {
  enum class Kind : std::uint8_t { refuse, discard, mailbox, forward };
  Kind kind = Kind::refuse;
  std::optional<Address> target;  // for mailbox: one of the same domain; for forward: any address
  // For discard: why, for the log. For refuse: what senders read in place of our own words.
  std::optional<ReplyText> text = std::nullopt;
  friend bool operator==(const CatchAll&, const CatchAll&) = default;
};
std::string_view catch_all_name(CatchAll::Kind kind);  // "refuse", "discard", "mailbox", "forward"
std::optional<CatchAll::Kind> parse_catch_all(std::string_view name);

// Which characters end the mailbox name in ann+news@, so that it falls to ann@ when nothing more
// specific is there. qmail's "-" is off unless asked for: with it, mail for an unknown jean-paul@
// would be jean@'s to read. `x-default` aliases and files work at dashes in any case.
struct SubAddressing {
  bool plus = true;
  bool dash = false;
  friend bool operator==(const SubAddressing&, const SubAddressing&) = default;
};
std::string sub_addressing_name(SubAddressing separators);  // "", "+", "-", "+-"
std::optional<SubAddressing> parse_sub_addressing(std::string_view separators);

// Not set: no limit. Enforced by the repository, whoever writes.
struct DomainLimits {
  std::optional<std::uint64_t> mailboxes;
  std::optional<std::uint64_t> aliases;
  std::optional<std::uint64_t> lists;
  // Recipients at other hosts that its logins may send to. Not set: as the settings say; 0: no
  // limit. Enforced by the queue.
  std::optional<std::uint64_t> messages_per_day;
  // Of the quotas of all its mailboxes together: what they may fill, not what they do. A domain so
  // limited never holds more, and no delivery has to ask what its neighbours use.
  std::optional<std::uint64_t> disk_bytes = std::nullopt;
  std::optional<std::uint64_t> disk_messages = std::nullopt;
  std::optional<std::uint64_t> messages_per_hour = std::nullopt;  // as messages_per_day
  friend bool operator==(const DomainLimits&, const DomainLimits&) = default;
};

// A domain whose mail is delivered here. Each suspension is its reason; none: active.
struct HostedDomain {
  Domain name;
  std::optional<std::string> incoming_suspended;  // senders read the reason
  std::optional<std::string> outgoing_suspended;  // submitters read the reason
  std::optional<std::string> login_suspended;
  CatchAll catch_all;
  SubAddressing sub_addressing;
  Quota default_quota;  // of mailboxes added without one
  DomainLimits limits;
  // Who serves its mailboxes (of the kind lmtp); none: their Maildirs below mail/.
  std::optional<NextHop> lmtp = std::nullopt;
  // The name of its DomainOwner, whose limits hold beside its own.
  std::optional<std::string> owner = std::nullopt;
  // What its mailboxes may use together, whatever each may: measured by the keeper of the mail.
  Quota quota{};
  WallTime created{};         // set by the repository
  std::uint64_t version = 0;  // changes of this row; set by the repository
  friend bool operator==(const HostedDomain&, const HostedDomain&) = default;
};

// Who has several domains, and limits over all of them. Not set: no limit.
struct OwnerLimits {
  std::optional<std::uint64_t> domains = std::nullopt;
  std::optional<std::uint64_t> mailboxes = std::nullopt;
  std::optional<std::uint64_t> aliases = std::nullopt;
  std::optional<std::uint64_t> lists = std::nullopt;
  std::optional<std::uint64_t> disk_bytes = std::nullopt;  // as of a domain
  std::optional<std::uint64_t> disk_messages = std::nullopt;
  std::optional<std::uint64_t> messages_per_hour = std::nullopt;  // as of a domain
  std::optional<std::uint64_t> messages_per_day = std::nullopt;
  friend bool operator==(const OwnerLimits&, const OwnerLimits&) = default;
};
struct DomainOwner {
  std::string name;  // a word: letters, digits and . _ - @ +, lower case
  OwnerLimits limits;
  WallTime created{};
  std::uint64_t version = 0;
  friend bool operator==(const DomainOwner&, const DomainOwner&) = default;
};

// Another name of a hosted domain: every address in it is that address in `target`.
struct DomainAlias {
  Domain name;
  Domain target;
  WallTime created{};
  friend bool operator==(const DomainAlias&, const DomainAlias&) = default;
};

// What a mailbox may be used for.
struct ServiceSwitches {
  bool pop3 = true;
  bool imap = true;
  bool smtp = true;     // submission of mail
  bool receive = true;  // off: senders get 550 5.2.1
  friend bool operator==(const ServiceSwitches&, const ServiceSwitches&) = default;
};

struct Mailbox {
  Address address;
  std::string display_name;
  Quota quota;
  ServiceSwitches services;
  std::string maildir;        // relative to mail/: "example.org/ann/Maildir"; set by the repository
  bool has_vacation = false;  // a Vacation stands beside it; read, not written
  WallTime created{};
  std::uint64_t version = 0;
  friend bool operator==(const Mailbox&, const Mailbox&) = default;
};

// What the mailbox may hold: in a domain with a quota one without a quota of its own may hold all
// that the domain may. So each has a ledger, and the domain's use is their sum.
Quota effective_quota(const Mailbox& mailbox, const HostedDomain& domain);

// A name whose mail goes elsewhere. It may stand beside a mailbox of the same name: then the
// mailbox gets a copy only with keep_copy. A name ending in "-default" also takes what begins like
// it.
struct Alias {
  Address address;
  std::vector<Address> targets;  // at least one, in order, no address twice
  bool keep_copy = false;        // needs a mailbox of the same name
  WallTime created{};
  std::uint64_t version = 0;
  friend bool operator==(const Alias&, const Alias&) = default;
};

// What a mailbox answers while its people are away (RFC 3834): to a person who writes to it, once
// in `days`.
struct Vacation {
  Address mailbox;
  std::string subject;  // UTF-8; empty: "Auto: " and the subject that is answered
  std::string text;     // UTF-8, LF line ends
  std::optional<WallTime> begins = std::nullopt;  // not set: at once
  std::optional<WallTime> ends = std::nullopt;    // not set: never
  std::uint32_t days = kDefaultVacationDays;      // between two answers to one sender
  bool only_if_named = true;  // the mailbox's own address must stand in To or Cc
  WallTime created{};
  std::uint64_t version = 0;
  friend bool operator==(const Vacation&, const Vacation&) = default;
};

// Who changes something, for the audit.
struct Actor {
  std::string name;    // "uid 0 (root)"
  std::string source;  // "cli", "import"
};

// One change. `before` and `after` are JSON objects of the public fields; secrets never appear.
struct AuditEntry {
  std::uint64_t id = 0;
  WallTime at{};
  Actor actor;
  std::string action;  // "mailbox.add"
  std::string object;  // "ann@example.org"
  std::optional<std::string> before;
  std::optional<std::string> after;
};

// Names of directories below mail/. Bytes other than a-z 0-9 . _ - + = become %XX, so does a
// leading dot: no name can leave its directory, be hidden, or equal another's.
std::string directory_name(std::string_view local_part);
std::string domain_directory(const Domain& domain);  // "example.org"
std::string maildir_path(const Address& canonical);  // "example.org/ann/Maildir"

}  // namespace toast::vdomain
