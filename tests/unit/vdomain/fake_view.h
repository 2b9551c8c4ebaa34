// Directory data for the resolver's tests, in maps; and answers in a form that reads in a table.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "vdomain/resolver.h"

namespace toast::vdomain {

inline Address address(std::string_view text) { return Address::parse(text).value(); }
inline Domain domain(std::string_view text) { return Domain::parse(text).value(); }

class FakeView final : public DirectoryView {
 public:
  HostedDomain& add_domain(std::string_view name) {
    return domains.insert_or_assign(std::string(name), HostedDomain{.name = vdomain::domain(name)})
        .first->second;
  }
  Mailbox& add_mailbox(std::string_view name) {
    const Address at = vdomain::address(name);
    by_age.push_back(at);
    Mailbox mailbox{.address = at, .maildir = maildir_path(at)};
    return mailboxes.insert_or_assign(at.str(), std::move(mailbox)).first->second;
  }
  Alias& add_alias(std::string_view name, std::vector<std::string_view> targets) {
    Alias alias{.address = vdomain::address(name)};
    for (const std::string_view target : targets) alias.targets.push_back(vdomain::address(target));
    return aliases.insert_or_assign(alias.address.str(), std::move(alias)).first->second;
  }
  void add_file(std::string_view domain_name, std::string_view name, std::string_view content,
                bool executable = false) {
    files[std::string(domain_name) + "/" + std::string(name)] = {std::string(content), executable};
  }

  Result<std::optional<HostedDomain>> domain(const Domain& name) override {
    if (broken) return transient("the database is locked");
    auto alias = other_names.find(name.str());
    return find(domains, alias == other_names.end() ? name.str() : alias->second);
  }
  Result<std::optional<Alias>> alias(const Address& at) override { return find(aliases, at.str()); }
  Result<std::optional<Mailbox>> mailbox(const Address& at) override {
    return find(mailboxes, at.str());
  }
  Result<std::optional<Mailbox>> mailbox_by_maildir(const std::string& maildir) override {
    for (const auto& [name, mailbox] : mailboxes)
      if (mailbox.maildir == maildir) return mailbox;
    return std::nullopt;
  }
  Result<std::optional<Mailbox>> oldest_mailbox(const Domain* in) override {
    for (const Address& at : by_age)
      if (in == nullptr || at.domain() == *in) return mailbox(at);
    return std::nullopt;
  }
  Result<std::optional<Vacation>> vacation(const Address& at) override {
    return find(vacations, at.str());
  }
  Result<std::optional<DotQmailFile>> dot_qmail(const Domain& in,
                                                const std::string& name) override {
    const std::string path = in.str() + "/" + name;
    if (unreadable == path) return transient(path + ": permission denied");
    return find(files, path);
  }

  std::map<std::string, HostedDomain> domains;
  std::map<std::string, std::string> other_names;
  std::map<std::string, Mailbox> mailboxes;
  std::map<std::string, Alias> aliases;
  std::map<std::string, Vacation> vacations;
  std::map<std::string, DotQmailFile> files;
  std::vector<Address> by_age;
  std::string unreadable;
  bool broken = false;

 private:
  template <class T>
  static std::optional<T> find(const std::map<std::string, T>& in, const std::string& key) {
    auto found = in.find(key);
    if (found == in.end()) return std::nullopt;
    return found->second;
  }
};

inline std::string print(const Result<Resolution>& got) {
  if (!got) return "error: " + got.error().detail;
  if (got->status == Resolution::Status::unknown) return "unknown";
  if (got->status == Resolution::Status::not_local) return "not local";
  std::string all;
  for (const Instruction& instruction : got->instructions)
    all += (all.empty() ? "" : "; ") + describe(instruction);
  return all;
}

inline std::string resolved(FakeView& view, std::string_view recipient) {
  const ResolverOptions options{vdomain::domain("mx.test"), "/srv/toast/mail"};
  return print(resolve(address(recipient), view, options));
}

inline std::string traced(FakeView& view, std::string_view recipient) {
  const ResolverOptions options{vdomain::domain("mx.test"), "/srv/toast/mail"};
  Trace trace;
  (void)resolve(address(recipient), view, options, &trace);
  std::string all;
  for (const std::string& step : trace.steps) all += step + "\n";
  return all;
}

}  // namespace toast::vdomain
