// The work of one resolve(): which addresses are being followed, and what was found so far.
#pragma once

#include <fmt/format.h>

#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "vdomain/dotqmail.h"
#include "vdomain/resolver.h"

namespace toast::vdomain {

class Expansion {
 public:
  using Status = Resolution::Status;
  Expansion(const Address& recipient, DirectoryView& view, const ResolverOptions& options,
            Trace* trace)
      : recipient_(canonical(recipient)), view_(view), options_(options), trace_(trace) {}

  // Adds the instructions for `named`; anything but resolved adds none.
  Result<Status> expand(const Address& named);
  std::vector<Instruction> take_instructions();
  // What the domain's catch-all says to senders to unknown names; empty: nothing of its own.
  const std::string& words_of_refusal() const { return words_of_refusal_; }

 private:
  // A name within its domain. `spelling` is the local part as the sender wrote it.
  struct Name {
    Address address;  // canonical, in the real domain
    std::string spelling;
    const HostedDomain& domain;
  };

  // Each: did this step take the address?
  Result<bool> take_exact(const Name& name);
  Result<bool> take_at_separators(const Name& name);
  Result<bool> take_default(const Name& name, std::size_t length);
  Result<bool> take_alias(const Address& address, const Name& on_behalf_of);
  Result<bool> take_file(const Name& name, std::size_t length, bool as_default);
  Result<bool> take_catch_all(const Name& name);
  Result<bool> take_reserved(const Name& name);
  Result<Status> expand_host_name(const Address& address);

  Result<void> follow(const Address& target);
  Result<void> follow_lines(const Name& name, const std::string& file, const DotQmail& lines,
                            bool forwards_only);
  Result<void> follow_line(const Name& name, const std::string& where, const DotQmailLine& line);
  Result<void> follow_maildir_line(const Name& name, const std::string& where,
                                   const std::string& path);
  Result<void> follow_forward_line(const std::string& where, const std::string& text);
  Result<bool> come_round(const Address& address);

  // With its automatic answer, which a name that is nobody's does not get.
  Result<void> deliver(const Mailbox& mailbox, bool answers = true);
  Result<void> answer(const Mailbox& mailbox);
  Result<void> store(const Mailbox& mailbox);
  Result<bool> leave_to_queue(const Name& name);
  void add(Instruction instruction);
  void defer(std::string reason) { add(Defer{std::move(reason)}); }
  template <class... Parts>
  void note(std::string_view format, const Parts&... parts);

  const Address recipient_;  // canonical, in the domain that the sender named
  DirectoryView& view_;
  const ResolverOptions& options_;
  Trace* trace_;
  std::size_t depth_ = 0;
  std::size_t followed_ = 0;
  std::set<Address> seen_;  // followed already, or being followed
  std::vector<Instruction> instructions_;
  std::unordered_set<std::string> described_;  // the same, to add none twice
  bool overflowed_ = false;
  std::string words_of_refusal_;
};

template <class... Parts>
void Expansion::note(std::string_view format, const Parts&... parts) {
  if (trace_ == nullptr) return;
  trace_->steps.push_back(std::string(2 * depth_, ' ') +
                          fmt::format(fmt::runtime(format), parts...));
}

}  // namespace toast::vdomain
