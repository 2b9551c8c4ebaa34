#include "vdomain/expansion.h"

#include <fmt/format.h>

#include "mta/message/ascii.h"

namespace toast::vdomain {

namespace {

bool is_reserved(std::string_view local_part) {  // RFC 5321 section 4.5.1, RFC 2142
  return local_part == "postmaster" || local_part == "abuse";
}

std::string shorten(std::string text) {
  if (text.size() > kMaxReason) text.resize(kMaxReason);
  return text;
}

}  // namespace

void Expansion::add(Instruction instruction) {
  if (instructions_.size() == kMaxInstructions) overflowed_ = true;
  if (overflowed_) return;
  const auto [description, is_new] = described_.insert(describe(instruction));
  if (!is_new) return;
  note("-> {}", *description);
  instructions_.push_back(std::move(instruction));
}

std::vector<Instruction> Expansion::take_instructions() {
  if (!overflowed_) return std::move(instructions_);
  // Never a part of the addressees: all later, when somebody has cut the alias down.
  std::string reason =
      fmt::format("4.3.5 expands to more than {} deliveries, or {} addresses on the way to them",
                  kMaxInstructions, kMaxFollowedTargets);
  note("-> {}", reason);
  return {Defer{std::move(reason)}};
}

Result<void> Expansion::deliver(const Mailbox& mailbox, bool answers) {
  if (mailbox.services.receive) {
    if (Result<void> done = store(mailbox); !done) return done;
    return answers && mailbox.has_vacation ? answer(mailbox) : Result<void>{};
  }
  add(Refuse{"5.2.1 this mailbox does not take mail"});
  return {};
}

Result<void> Expansion::answer(const Mailbox& mailbox) {
  Result<std::optional<HostedDomain>> domain = view_.domain(mailbox.address.domain());
  if (!domain) return pass(domain);
  if (!*domain || (*domain)->lmtp) return {};  // whoever stores the mail answers it
  Result<std::optional<Vacation>> found = view_.vacation(mailbox.address);
  if (!found) return pass(found);
  if (!*found) return {};
  const Vacation& vacation = **found;
  AutoReply reply{.mailbox = mailbox.address,
                  .subject = vacation.subject,
                  .text = vacation.text,
                  .begins = vacation.begins,
                  .ends = vacation.ends,
                  .days = vacation.days,
                  .only_if_named = vacation.only_if_named,
                  .own = {mailbox.address}};
  // Another spelling of it: a sub-address, another name of the domain.
  if (depth_ == 0 && recipient_ != mailbox.address) reply.own.push_back(recipient_);
  add(std::move(reply));
  return {};
}

Result<void> Expansion::store(const Mailbox& mailbox) {
  Result<std::optional<HostedDomain>> domain = view_.domain(mailbox.address.domain());
  if (!domain) return pass(domain);
  if (!*domain || !(*domain)->lmtp)
    add(DeliverMaildir{mailbox.address, mailbox.maildir,
                       *domain ? effective_quota(mailbox, **domain) : mailbox.quota});
  else if (mailbox.address == recipient_)
    add(HandOver{*(*domain)->lmtp, mailbox.address});
  else
    add(Forward{mailbox.address});
  return {};
}

Result<Resolution::Status> Expansion::expand(const Address& named) {
  Result<std::optional<HostedDomain>> domain = view_.domain(named.domain());
  if (!domain) return pass(domain);
  if (!*domain) return expand_host_name(canonical(named));
  const HostedDomain& hosted = **domain;
  if (hosted.name != named.domain())
    note("{} is another name of {}", named.domain().str(), hosted.name.str());
  Result<Address> address = Address::from_parts(canonical(named).local_part(), hosted.name);
  if (!address) return pass(address);
  const Name name{*address, named.local_part(), hosted};
  Result<bool> round = come_round(name.address);
  if (!round) return pass(round);
  if (*round) return Status::resolved;
  if (hosted.incoming_suspended && !is_reserved(name.address.local_part())) {
    note("{} is suspended for incoming mail", hosted.name.str());
    add(Refuse{shorten("5.2.1 " + *hosted.incoming_suspended)});
    return Status::resolved;
  }
  using Step = Result<bool> (Expansion::*)(const Name&);
  for (const Step step : {&Expansion::take_exact, &Expansion::take_at_separators,
                          &Expansion::take_catch_all, &Expansion::take_reserved}) {
    Result<bool> taken = (this->*step)(name);
    if (!taken) return pass(taken);
    if (*taken) return Status::resolved;
  }
  note("{} is unknown", name.address.str());
  seen_.erase(name.address);  // nothing was done for it: another way to it is no loop
  return Status::unknown;
}

// True: this address was met before; nothing more is to be done for it.
Result<bool> Expansion::come_round(const Address& address) {
  if (seen_.insert(address).second) return false;
  Result<std::optional<Mailbox>> own = view_.mailbox(address);
  if (!own) return pass(own);
  if (*own) {
    note("{} again: its own mailbox", address.str());
    if (Result<void> done = deliver(**own); !done) return pass(done);
  } else {
    note("{} again: left out", address.str());
  }
  return true;
}

Result<Resolution::Status> Expansion::expand_host_name(const Address& address) {
  if (!options_.host || address.domain() != *options_.host) {
    note("{} is no domain of ours", address.domain().str());
    return Status::not_local;
  }
  note("{} is this host's name and no hosted domain", address.domain().str());
  if (!is_reserved(address.local_part())) return Status::unknown;
  Result<std::optional<Mailbox>> oldest = view_.oldest_mailbox(nullptr);
  if (!oldest) return pass(oldest);
  if (*oldest) {
    note("{} always exists: the server's oldest mailbox", address.str());
    if (Result<void> done = store(**oldest); !done) return pass(done);
  } else {
    defer(fmt::format("4.2.1 {} has nobody to go to: there is no mailbox yet", address.str()));
  }
  return Status::resolved;
}

// Another name than the recipient's, in a domain whose mailboxes are served over LMTP: what stands
// in front of a mailbox there would be followed here and, as the mailbox becomes a forward, again
// for that.
Result<bool> Expansion::leave_to_queue(const Name& name) {
  if (!name.domain.lmtp || name.address == recipient_) return false;
  Result<std::optional<Alias>> alias = view_.alias(name.address);
  if (!alias) return pass(alias);
  bool is_there = alias->has_value();
  const std::string file_name = dot_qmail_name(name.address.local_part());
  if (!is_there && !file_name.empty()) {
    Result<std::optional<DotQmailFile>> file = view_.dot_qmail(name.domain.name, file_name);
    if (!file) return pass(file);
    is_there = file->has_value();
  }
  if (!is_there) return false;
  note("{} is a recipient of its own: its domain is served over LMTP", name.address.str());
  add(Forward{name.address});
  return true;
}

Result<bool> Expansion::take_exact(const Name& name) {
  const std::size_t length = name.address.local_part().size();
  if (Result<bool> taken = leave_to_queue(name); !taken || *taken) return taken;
  if (Result<bool> taken = take_file(name, length, false); !taken || *taken) return taken;
  if (Result<bool> taken = take_alias(name.address, name); !taken || *taken) return taken;
  Result<std::optional<Mailbox>> mailbox = view_.mailbox(name.address);
  if (!mailbox) return pass(mailbox);
  if (!*mailbox) {
    note("no alias or mailbox {}", name.address.str());
    return false;
  }
  note("mailbox {}", name.address.str());
  if (Result<void> done = deliver(**mailbox); !done) return pass(done);
  return true;
}

Result<bool> Expansion::take_alias(const Address& address, const Name& on_behalf_of) {
  Result<std::optional<Alias>> alias = view_.alias(address);
  if (!alias) return pass(alias);
  if (!*alias) return false;
  note("alias {} with {} targets", address.str(), (*alias)->targets.size());
  if ((*alias)->keep_copy) {
    Result<std::optional<Mailbox>> own = view_.mailbox(address);
    if (!own) return pass(own);
    if (*own)
      if (Result<void> done = deliver(**own); !done) return pass(done);
  }
  seen_.insert(on_behalf_of.address);
  seen_.insert(address);
  for (const Address& target : (*alias)->targets)
    if (Result<void> done = follow(target); !done) return pass(done);
  return true;
}

Result<void> Expansion::follow(const Address& target) {
  if (++followed_ > kMaxFollowedTargets) overflowed_ = true;
  if (overflowed_) return {};
  if (depth_ >= kMaxAliasDepth) {
    note("more than {} aliases deep: the queue goes on from here", kMaxAliasDepth);
    add(Forward{target});
    return {};
  }
  note("target {}", target.str());
  ++depth_;
  Result<Status> status = expand(target);
  --depth_;
  if (!status) return pass(status);
  if (*status != Status::resolved) add(Forward{target});
  return {};
}

Result<bool> Expansion::take_at_separators(const Name& name) {
  const std::string& local = name.address.local_part();
  const SubAddressing& separators = name.domain.sub_addressing;
  for (std::size_t length = local.size(); length > 0; --length) {
    const char separator = local[length - 1];
    const bool is_break = separator == '-' || (separator == '+' && separators.plus);
    if (!is_break) continue;
    if (Result<bool> taken = take_default(name, length); !taken || *taken) return taken;
    const bool makes_sub_address = separator == '-' ? separators.dash : separators.plus;
    if (!makes_sub_address || length == 1) continue;
    Result<Address> base = Address::from_parts(local.substr(0, length - 1), name.domain.name);
    if (!base) continue;
    note("sub-address of {}", base->str());
    if (seen_.contains(*base)) return come_round(*base);
    const Name base_name{*base, name.spelling.substr(0, length - 1), name.domain};
    if (Result<bool> taken = take_exact(base_name); !taken || *taken) return taken;
  }
  return take_file(name, 0, true);
}

// What ends in "default" after the first `length` bytes, a separator being the last of them.
Result<bool> Expansion::take_default(const Name& name, std::size_t length) {
  if (Result<bool> taken = take_file(name, length, true); !taken || *taken) return taken;
  Result<Address> wildcard = Address::from_parts(
      name.address.local_part().substr(0, length) + "default", name.domain.name);
  if (!wildcard) return false;  // longer than a local part may be: nobody can have added it
  if (seen_.contains(*wildcard)) return come_round(*wildcard);
  return take_alias(*wildcard, name);
}

Result<bool> Expansion::take_catch_all(const Name& name) {
  const CatchAll& catch_all = name.domain.catch_all;
  const bool reserved = is_reserved(name.address.local_part());
  switch (catch_all.kind) {
    case CatchAll::Kind::refuse:
      if (catch_all.text && depth_ == 0) {
        note("catch-all of {}: refuse, saying \"{}\"", name.domain.name.str(),
             catch_all.text->str());
        words_of_refusal_ = catch_all.text->str();
      }
      return false;
    case CatchAll::Kind::discard:
      if (reserved) return false;
      note("catch-all of {}: discard", name.domain.name.str());
      add(Discard{catch_all.text ? fmt::format("catch-all of {}: {}", name.domain.name.str(),
                                               catch_all.text->str())
                                 : fmt::format("catch-all of {}", name.domain.name.str())});
      return true;
    case CatchAll::Kind::forward:
      note("catch-all of {}: forward", name.domain.name.str());
      if (Result<void> done = follow(*catch_all.target); !done) return pass(done);
      return true;
    case CatchAll::Kind::mailbox:
      break;
  }
  note("catch-all of {}: mailbox {}", name.domain.name.str(), catch_all.target->str());
  Result<std::optional<Mailbox>> mailbox = view_.mailbox(*catch_all.target);
  if (!mailbox) return pass(mailbox);
  if (*mailbox) {
    if (Result<void> done = deliver(**mailbox, false); !done) return pass(done);
  } else {
    defer(fmt::format("4.2.1 the catch-all mailbox {} does not exist", catch_all.target->str()));
  }
  return true;
}

Result<bool> Expansion::take_reserved(const Name& name) {
  if (!is_reserved(name.address.local_part())) return false;
  Result<std::optional<Mailbox>> oldest = view_.oldest_mailbox(&name.domain.name);
  if (!oldest) return pass(oldest);
  if (*oldest) {
    note("{} always exists: the domain's oldest mailbox", name.address.str());
    if (Result<void> done = store(**oldest); !done) return pass(done);
  } else {
    defer(fmt::format("4.2.1 {} has nobody to go to: the domain has no mailbox yet",
                      name.address.str()));
  }
  return true;
}

}  // namespace toast::vdomain
