#include "base/dns/unbound_context.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unbound.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>

namespace toast::dns {
namespace {

constexpr int kClassIn = 1;
constexpr std::string_view kNotNow = "4.4.3 the DNS does not answer now";

struct Option {
  const char* name;
  const char* value;
};
// A library's defaults are meant for one question now and then; these are for a mail queue.
constexpr Option kOptions[] = {
    // Questions under way at a time, a descriptor each: with few, silent servers would hold them
    // all.
    {"outgoing-range:", "256"},
    {"outgoing-num-tcp:", "16"},  // a buffer of 64 KiB each
    {"msg-cache-size:", "8m"},
    {"rrset-cache-size:", "16m"},
    {"aggressive-nsec:", "yes"},  // RFC 8198: fewer questions for names that do not exist
    // A server that was down is asked again soon: its silence is measured in seconds, not minutes.
    {"infra-keep-probing:", "yes"},
    {"infra-cache-max-rtt:", "12000"},
};

Result<void> check(int error, std::string_view doing) {
  if (error == UB_NOERROR) return {};
  return permanent(fmt::format("libunbound: {}: {}", doing, ::ub_strerror(error)));
}

Result<void> set_option(ub_ctx* context, const Option& option) {
  return check(::ub_ctx_set_option(context, option.name, option.value), option.name);
}

std::string rcode_name(int rcode) {  // RFC 1035 section 4.1.1
  switch (rcode) {
    case 1:
      return "FORMERR";
    case 2:
      return "SERVFAIL";
    case 4:
      return "NOTIMP";
    case 5:
      return "REFUSED";
    default:
      return fmt::format("code {}", rcode);
  }
}

tl::unexpected<Error> no_answer(std::string detail) {
  return transient(std::move(detail), std::string(kNotNow));
}

// A bogus answer still carries data: whether it is one is asked first.
Result<Records> records_of(const ub_result& result) {
  if (result.bogus != 0) {
    const char* why =
        result.why_bogus != nullptr ? result.why_bogus : "the answer is not authentic";
    return no_answer(fmt::format("DNSSEC: {}", why));
  }
  Records records{.status = DnsStatus::found, .data = {}, .secure = result.secure != 0};
  if (result.havedata == 0) {
    if (result.nxdomain == 0 && result.rcode != 0) return no_answer(rcode_name(result.rcode));
    records.status = result.nxdomain != 0 ? DnsStatus::no_name : DnsStatus::no_data;
    return records;
  }
  for (int i = 0; result.data[i] != nullptr; ++i)
    records.data.emplace_back(result.data[i], static_cast<std::size_t>(result.len[i]));
  return records;
}

// Signals are for the thread that made them welcome, not for one inside a library.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

struct UnboundContext::Question {
  Question(UnboundContext& asked, std::chrono::milliseconds patience)
      : context(asked), wake(asked.executor_, patience) {}
  UnboundContext& context;
  asio::steady_timer wake;  // the deadline; cancelled by the answer
  std::optional<Result<Records>> answer;
  int id = 0;
};

void UnboundContext::DeleteContext::operator()(ub_ctx* context) const { ::ub_ctx_delete(context); }

UnboundContext::UnboundContext(const asio::any_io_executor& executor, ub_ctx* context)
    : executor_(executor), answers_(executor), context_(context) {}

UnboundContext::~UnboundContext() { close(); }

Result<std::shared_ptr<UnboundContext>> UnboundContext::open(
    const asio::any_io_executor& executor, const std::vector<Endpoint>& servers,
    const std::vector<std::string>& trust_anchors) {
  ub_ctx* raw = ::ub_ctx_create();
  if (raw == nullptr) return transient("libunbound: out of memory");
  std::shared_ptr<UnboundContext> self(new UnboundContext(executor, raw));
  Result<void> configured = self->configure(servers, trust_anchors);
  if (!configured) return pass(configured);
  Result<void> started = self->start_thread();
  if (!started) return pass(started);
  self->watch();
  return self;
}

Result<void> UnboundContext::configure(const std::vector<Endpoint>& servers,
                                       const std::vector<std::string>& trust_anchors) {
  ub_ctx* context = context_.get();
  ::ub_ctx_debugout(context, nullptr);  // our log has a format; every failure is in an answer
  Result<void> done = check(::ub_ctx_async(context, 1), "async");
  for (const Option& option : kOptions)
    if (done) done = set_option(context, option);
  const bool local = std::any_of(servers.begin(), servers.end(),
                                 [](const Endpoint& e) { return e.address.is_loopback(); });
  if (done) done = set_option(context, {"do-not-query-localhost:", local ? "no" : "yes"});
  if (done && trust_anchors.empty()) done = set_option(context, {"module-config:", "iterator"});
  for (const Endpoint& server : servers) {
    const std::string text = fmt::format("{}@{}", server.address.str(), server.port);
    if (done) done = check(::ub_ctx_set_fwd(context, text.c_str()), text);
  }
  for (const std::string& anchor : trust_anchors)
    if (done) done = check(::ub_ctx_add_ta(context, anchor.c_str()), "trust anchor " + anchor);
  // Names under "test." would be denied without asking anybody. This ends the configuration.
  if (done) done = check(::ub_ctx_zone_remove(context, "test."), "zone test.");
  return done;
}

Result<void> UnboundContext::start_thread() {
  const int descriptor = ::dup(::ub_fd(context_.get()));  // both sides close their own
  if (descriptor < 0) return system_error("dup", "libunbound");
  answers_.assign(descriptor);
  const SignalsBlocked in_the_new_thread;
  // The thread comes with the first question: one that is answered without asking anybody.
  return check(
      ::ub_resolve_async(context_.get(), "localhost.", kTypeA, kClassIn, nullptr, nullptr, nullptr),
      "start");
}

void UnboundContext::watch() {
  answers_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [weak = weak_from_this()](const asio::error_code& error) {
                        const std::shared_ptr<UnboundContext> self = weak.lock();
                        if (error || !self || !self->context_) return;
                        // A broken pipe: the thread is gone. Not watched any more, so that every
                        // question ends at its deadline instead of this loop never ending.
                        if (::ub_process(self->context_.get()) == UB_NOERROR) self->watch();
                      });
}

void UnboundContext::on_answer(void* question, int error, ub_result* result) {
  using ResultHandle = std::unique_ptr<ub_result, decltype(&::ub_resolve_free)>;
  const ResultHandle owned(result, &::ub_resolve_free);
  auto* asked = static_cast<Question*>(question);
  if (error != UB_NOERROR || result == nullptr)
    asked->answer = no_answer(fmt::format("libunbound: {}", ::ub_strerror(error)));
  else
    asked->answer = records_of(*result);
  asked->wake.cancel();
  asked->context.waiting_.erase(asked);
}

Task<Result<Records>> UnboundContext::ask(std::shared_ptr<UnboundContext> self, std::string name,
                                          int type, std::chrono::milliseconds patience) {
  if (!self->context_) co_return no_answer("the resolver is closed");
  auto question = std::make_shared<Question>(*self, patience);
  self->waiting_.emplace(question.get(), question);
  const int error = ::ub_resolve_async(self->context_.get(), name.c_str(), type, kClassIn,
                                       question.get(), &UnboundContext::on_answer, &question->id);
  if (error != UB_NOERROR) {
    self->waiting_.erase(question.get());
    co_return no_answer(fmt::format("libunbound: {}", ::ub_strerror(error)));
  }
  auto [ignored] = co_await question->wake.async_wait(no_throw);
  (void)ignored;
  if (question->answer) co_return std::move(*question->answer);
  if (!self->context_) co_return no_answer("the resolver is closed");
  ::ub_cancel(self->context_.get(), question->id);  // on_answer will not be called
  self->waiting_.erase(question.get());
  co_return no_answer(fmt::format("no answer in {} ms", patience.count()));
}

void UnboundContext::close() {
  if (!context_) return;
  asio::error_code ignored;
  answers_.close(ignored);
  context_.reset();  // ends the thread; on_answer is not called for what was under way
  const auto waiting = std::move(waiting_);
  waiting_.clear();
  for (const auto& [raw, question] : waiting) question->wake.cancel();
}

}  // namespace toast::dns
