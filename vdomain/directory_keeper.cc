#include "vdomain/directory_keeper.h"

#include <algorithm>

#include "vdomain/live_directory.h"
#include "vdomain/store_view.h"

namespace toast::vdomain {

namespace {

using Verdict = CheckRecipient::Verdict;

// An answer that may be repeated without asking again: mail is taken, nobody is turned away.
bool is_positive(const Resolution& resolution) {
  if (resolution.status != Resolution::Status::resolved) return false;
  return std::none_of(resolution.instructions.begin(), resolution.instructions.end(),
                      [](const Instruction& i) { return std::holds_alternative<Refuse>(i); });
}

// "5.2.1 not paid" without its status, which the peer's reply has anyway.
std::string without_status(const std::string& reason) {
  const std::size_t blank = reason.find(' ');
  const bool has_status = blank != std::string::npos && reason.starts_with("5.");
  return has_status ? reason.substr(blank + 1) : reason;
}

bool is_switched_on(const ServiceSwitches& switches, auth::Service service) {
  switch (service) {
    case auth::Service::pop3:
      return switches.pop3;
    case auth::Service::imap:
      return switches.imap;
    case auth::Service::smtp:
      return switches.smtp;
    case auth::Service::checkpassword:  // whatever the program behind it does, it reads mail
      return switches.pop3 || switches.imap;
  }
  return false;
}

std::unique_ptr<DirectorySource> make_source(KeeperOptions& options, const Clock& clock,
                                             Logger& log) {
  if (options.source) return options.source();
  return std::make_unique<LiveDirectory>(std::move(options.database), clock, log);
}

}  // namespace

DirectoryKeeper::DirectoryKeeper(KeeperOptions options, const Clock& clock, Logger& log,
                                 Metrics& metrics)
    : resolver_{options.host, options.mail},
      login_domains_(options.login_domains),
      clock_(clock),
      files_(options.mail),
      live_(make_source(options, clock, log)),
      usage_(clock),
      lookups_(metrics.counter("directory.lookups")),
      repeated_(metrics.counter("directory.lookups.repeated")),
      outage_answers_(metrics.counter("directory.outage.answers")),
      outage_errors_(metrics.counter("directory.outage.errors")) {}

void DirectoryKeeper::set_names(Domain host, LoginDomains login_domains) {
  resolver_.host = std::move(host);
  login_domains_ = std::move(login_domains);
  destinations_ = AnswerCache<Resolution>();
  accounts_ = AnswerCache<Account>();
}

template <class Answer, class Ask, class IsPositive>
Result<Answer> DirectoryKeeper::answer_from(const DirectorySource::Current& current,
                                            AnswerCache<Answer>& cache, const std::string& question,
                                            Ask ask, IsPositive positive) {
  const SteadyTime now = clock_.steady();
  const Answer* known = current.epoch_shows_changes
                            ? cache.fresh(question, current.epoch, now)
                            : cache.fresh_positive(question, current.epoch, now);
  if (known != nullptr) {
    repeated_.add();
    return *known;
  }
  StoreView view(*current.store, files_);
  Result<Answer> found = ask(view);
  if (found) cache.put(question, *found, positive(*found), current.epoch, clock_.steady());
  return found;
}

template <class Answer, class Ask, class IsPositive>
Result<Answer> DirectoryKeeper::answer(AnswerCache<Answer>& cache, const std::string& question,
                                       Ask ask, IsPositive positive) {
  lookups_.add();
  Error failure;
  Result<DirectorySource::Current> current = live_->current();
  if (current) {
    Result<Answer> found = answer_from(*current, cache, question, ask, positive);
    live_->done();
    if (found) return found;
    failure = std::move(found.error());
    live_->examine(failure);
  } else {
    failure = std::move(current.error());
  }
  if (const Answer* before = cache.positive(question)) {
    outage_answers_.add();
    return *before;
  }
  outage_errors_.add();
  failure.failure = Failure::transient;  // whatever it was: we do not know
  return tl::unexpected(std::move(failure));
}

Result<FindQuotaDomains::Reply> DirectoryKeeper::quota_domains(const FindQuotaDomains& question) {
  return ask_now([&](DirectoryStore& store) -> Result<FindQuotaDomains::Reply> {
    FindQuotaDomains::Reply reply;
    Result<void> done = store.each_quota_domain(question.after, [&](const DomainQuota& one) {
      reply.domains.push_back(one);
      return reply.domains.size() < kQuotaPage;
    });
    if (!done) return pass(done);
    return reply;
  });
}

Result<FindQuotaHolders::Reply> DirectoryKeeper::quota_holders(const FindQuotaHolders& question) {
  return ask_now([&](DirectoryStore& store) -> Result<FindQuotaHolders::Reply> {
    FindQuotaHolders::Reply reply;
    Result<std::optional<HostedDomain>> domain = store.domain(question.domain);
    if (!domain) return pass(domain);
    if (!*domain) return reply;
    std::optional<Address> after;
    if (!question.after.empty()) {
      Result<Address> behind = Address::from_parts(question.after, question.domain);
      if (!behind) return pass(behind);
      after = std::move(*behind);
    }
    Result<void> done = store.each_mailbox(after, &question.domain, [&](const Mailbox& mailbox) {
      reply.holders.push_back(
          {mailbox.address.local_part(), mailbox.maildir, effective_quota(mailbox, **domain)});
      return reply.holders.size() < kQuotaPage;
    });
    if (!done) return pass(done);
    return reply;
  });
}

Result<Resolution> DirectoryKeeper::destination(const Address& recipient) {
  const auto ask = [&](StoreView& view) { return vdomain::resolve(recipient, view, resolver_); };
  return answer(destinations_, canonical(recipient).str(), ask, is_positive);
}

Result<CheckRecipient::Reply> DirectoryKeeper::check(const CheckRecipient& question) {
  Result<Resolution> resolution = destination(question.recipient);
  if (!resolution) return pass(resolution);
  switch (resolution->status) {
    case Resolution::Status::unknown:
      return CheckRecipient::Reply{Verdict::unknown, std::move(resolution->words)};
    case Resolution::Status::not_local:
      return CheckRecipient::Reply{Verdict::not_local, {}};
    case Resolution::Status::resolved:
      break;
  }
  return judge(resolution->instructions, question.size_bytes);
}

// Of several instructions the best counts: one addressee who takes the mail is enough.
Result<CheckRecipient::Reply> DirectoryKeeper::judge(const std::vector<Instruction>& instructions,
                                                     std::uint64_t size_bytes) {
  bool full = false;
  const std::string* refused = nullptr;
  const std::string* deferred = nullptr;
  for (const Instruction& instruction : instructions) {
    if (const auto* refuse = std::get_if<Refuse>(&instruction)) {
      refused = &refuse->reason;
    } else if (const auto* defer = std::get_if<Defer>(&instruction)) {
      deferred = &defer->reason;
    } else if (const auto* deliver = std::get_if<DeliverMaildir>(&instruction)) {
      if (!usage_.is_full(deliver->mailbox, deliver->quota, size_bytes) &&
          !usage_.is_full(deliver->mailbox.domain(), size_bytes))
        return CheckRecipient::Reply{Verdict::accept, {}};
      full = true;
    } else if (const auto* forward = std::get_if<Forward>(&instruction)) {
      Result<Resolution> target = destination(forward->target);
      if (!target) return pass(target);
      // Local targets were followed: what is left over and unknown here is nobody's, and would only
      // be bounced (RFC 5321 section 7.9).
      if (target->status != Resolution::Status::unknown)
        return CheckRecipient::Reply{Verdict::accept, {}};
    } else if (!std::holds_alternative<AutoReply>(instruction)) {
      return CheckRecipient::Reply{Verdict::accept, {}};
    }
  }
  if (full) return CheckRecipient::Reply{Verdict::over_quota, {}};
  if (deferred != nullptr) return transient(*deferred);  // nothing it could be taken for
  if (refused != nullptr)
    return CheckRecipient::Reply{Verdict::suspended, without_status(*refused)};
  return CheckRecipient::Reply{Verdict::unknown, {}};
}

Result<Resolve::Reply> DirectoryKeeper::resolve(const Resolve& question) {
  Result<Resolution> resolution = destination(question.recipient);
  if (!resolution) return pass(resolution);
  Resolve::Reply reply;
  reply.instructions = std::move(resolution->instructions);
  switch (resolution->status) {
    case Resolution::Status::resolved:
      reply.status = Resolve::Status::resolved;
      break;
    case Resolution::Status::unknown:
      reply.status = Resolve::Status::unknown;
      reply.reason = std::move(resolution->words);
      break;
    case Resolution::Status::not_local:
      reply.status = Resolve::Status::not_local;
      break;
  }
  return reply;
}

// ann@example.org, ann%example.org as old clients write it, or ann alone for the login domain of
// the address that was connected to.
std::optional<Address> DirectoryKeeper::address_of_login(const auth::FindAccount& question) const {
  std::string text = question.login;
  if (text.find('@') == std::string::npos) {
    const std::size_t percent = text.rfind('%');
    if (percent == std::string::npos) {
      text += "@" + login_domains_.of(question.local).str();
    } else {
      text[percent] = '@';
    }
  }
  Result<Address> address = Address::parse(text);
  if (!address) return std::nullopt;
  return canonical(*address);
}

Result<DirectoryKeeper::Account> DirectoryKeeper::account(const Address& login) {
  const auto ask = [&](StoreView& view) -> Result<Account> {
    Result<std::optional<HostedDomain>> domain = view.domain(login.domain());
    if (!domain) return pass(domain);
    if (!*domain) return Account{};
    Result<Address> address = Address::from_parts(login.local_part(), (*domain)->name);
    if (!address) return pass(address);
    Result<std::optional<Mailbox>> mailbox = view.mailbox(*address);
    if (!mailbox) return pass(mailbox);
    Account found{(*domain)->name.str(), std::move(*mailbox),
                  (*domain)->login_suspended.has_value()};
    if (found.mailbox) found.quota = effective_quota(*found.mailbox, **domain);
    return found;
  };
  return answer(accounts_, login.str(), ask,
                [](const Account& found) { return found.mailbox.has_value(); });
}

Result<auth::FindAccount::Reply> DirectoryKeeper::find_account(const auth::FindAccount& question) {
  auth::FindAccount::Reply reply;
  const std::optional<Address> login = address_of_login(question);
  if (!login) return reply;
  reply.name = login->str();
  Result<Account> found = account(*login);
  if (!found) return pass(found);
  reply.domain = std::move(found->domain);
  if (!found->mailbox) return reply;
  const Mailbox& mailbox = *found->mailbox;
  reply.found = true;
  reply.allowed = !found->login_suspended && is_switched_on(mailbox.services, question.service);
  reply.mailbox = mailbox.address.str();
  reply.maildir = mailbox.maildir;
  reply.quota_bytes = found->quota.bytes;
  reply.quota_messages = found->quota.messages;
  return reply;
}

}  // namespace toast::vdomain
