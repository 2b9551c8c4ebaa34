// What toast-vdomaind answers, without its sockets. Every question is put to the database, or to an
// answer of the last second if nothing has changed since. In an outage positive answers of before
// still count; everything else is a transient error, never "unknown".
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "auth/account_messages.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "vdomain/answer_cache.h"
#include "vdomain/directory_source.h"
#include "vdomain/dotqmail_files.h"
#include "vdomain/login_domains.h"
#include "vdomain/quota_messages.h"
#include "vdomain/resolver.h"
#include "vdomain/resolver_messages.h"
#include "vdomain/sender_messages.h"
#include "vdomain/usage_memory.h"

namespace toast::vdomain {

struct KeeperOptions {
  std::string database;              // db/directory.db
  std::string mail;                  // mail/
  Domain host;                       // control/me
  LoginDomains login_domains{host};  // of login names that have none
  // Makes the source; none: the SQLite file `database`.
  std::function<std::unique_ptr<DirectorySource>()> source = {};
};

class DirectoryKeeper {
 public:
  DirectoryKeeper(KeeperOptions options, const Clock& clock, Logger& log, Metrics& metrics);

  [[nodiscard]] Result<CheckRecipient::Reply> check(const CheckRecipient& question);
  [[nodiscard]] Result<Resolve::Reply> resolve(const Resolve& question);
  [[nodiscard]] Result<auth::FindAccount::Reply> find_account(const auth::FindAccount& question);
  [[nodiscard]] Result<MaySendAs::Reply> may_send_as(const MaySendAs& question);
  [[nodiscard]] Result<FindSendLimits::Reply> send_limits(const FindSendLimits& question);
  void report_usage(const UsageReport& report) { usage_.report(report); }
  // What toast-maild asks, to measure domains.
  [[nodiscard]] Result<FindQuotaDomains::Reply> quota_domains(const FindQuotaDomains& question);
  [[nodiscard]] Result<FindQuotaHolders::Reply> quota_holders(const FindQuotaHolders& question);
  void report_domain_usage(const DomainUsageReport& report) { usage_.report(report); }
  // Opens the database ahead of the first question; the log says if that fails.
  bool ready() {
    const bool can_be_asked = live_->current().has_value();
    live_->done();
    return can_be_asked;
  }
  void set_names(Domain host, LoginDomains login_domains);

 private:
  // Whom a name means, its switches not yet applied.
  struct Account {
    std::string domain;              // empty: none of ours
    std::optional<Mailbox> mailbox;  // none: nobody
    bool login_suspended = false;
    Quota quota{};  // effective_quota()
  };
  Result<Resolution> destination(const Address& recipient);
  Result<CheckRecipient::Reply> judge(const std::vector<Instruction>& instructions,
                                      std::uint64_t size_bytes);
  Result<Account> account(const Address& login);
  std::optional<Address> address_of_login(const auth::FindAccount& question) const;
  // As the database has it now: what is asked seldom is not remembered.
  template <class Ask>
  auto ask_now(Ask ask) -> decltype(ask(std::declval<DirectoryStore&>()));
  template <class Answer, class Ask, class IsPositive>
  Result<Answer> answer(AnswerCache<Answer>& cache, const std::string& question, Ask ask,
                        IsPositive is_positive);
  // From the cache or the store.
  template <class Answer, class Ask, class IsPositive>
  Result<Answer> answer_from(const DirectorySource::Current& current, AnswerCache<Answer>& cache,
                             const std::string& question, Ask ask, IsPositive is_positive);

  ResolverOptions resolver_;
  LoginDomains login_domains_;
  const Clock& clock_;
  DotQmailFiles files_;
  std::unique_ptr<DirectorySource> live_;
  UsageMemory usage_;
  AnswerCache<Resolution> destinations_;
  AnswerCache<Account> accounts_;
  Counter lookups_;
  Counter repeated_;
  Counter outage_answers_;
  Counter outage_errors_;
};

template <class Ask>
auto DirectoryKeeper::ask_now(Ask ask) -> decltype(ask(std::declval<DirectoryStore&>())) {
  lookups_.add();
  Error failure;
  Result<DirectorySource::Current> current = live_->current();
  if (current) {
    auto found = ask(*current->store);
    live_->done();
    if (found) return found;
    failure = std::move(found.error());
    live_->examine(failure);
  } else {
    failure = std::move(current.error());
  }
  outage_errors_.add();
  failure.failure = Failure::transient;
  return tl::unexpected(std::move(failure));
}

}  // namespace toast::vdomain
