#include "mta/spawn/spawnd.h"

#include <utility>

#include "base/ip_address.h"
#include "mta/spawn/program_input.h"

namespace toast::spawnd {
namespace {

constexpr std::chrono::milliseconds kSpawndDrainStep{10};

using Verdict = auth::CheckByProgram::Verdict;

// A place among those that run, given back on every way out.
class Turn {
 public:
  Turn(Turns& turns, Gauge& gauge, std::string domain)
      : turns_(turns), gauge_(gauge), domain_(std::move(domain)) {
    gauge_.set(turns_.running());
  }
  ~Turn() {
    turns_.give_back(domain_);
    gauge_.set(turns_.running());
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Turns& turns_;
  Gauge& gauge_;
  std::string domain_;
};

}  // namespace

Spawnd::Spawnd(asio::any_io_executor executor, SpawndOptions options, const Clock& clock,
               Logger& log, Metrics& metrics)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      clock_(clock),
      log_(log),
      turns_(executor_, options_.limits),
      right_(metrics.counter("spawn.password.right")),
      wrong_(metrics.counter("spawn.password.wrong")),
      failed_(metrics.counter("spawn.program.failed")),
      busy_(metrics.counter("spawn.program.busy")),
      at_work_(metrics.gauge("spawn.program.running")) {}

std::shared_ptr<const ipc::Dispatcher> Spawnd::dispatcher_for(const std::string& peer) {
  if (!peer.starts_with("toast-authd.")) return nullptr;
  auto dispatcher = std::make_shared<ipc::Dispatcher>();
  dispatcher->on<Question>([this](Question question) { return check(std::move(question)); });
  return dispatcher;
}

Task<Result<Spawnd::Question::Reply>> Spawnd::check(Question question) {
  const auth::CheckpasswordProgram* program = options_.programs.find(question.domain);
  const Result<IpAddress> peer = IpAddress::parse(question.peer);
  if (program == nullptr || !peer) {
    const std::string reason = program == nullptr ? "this domain has no program" : "no address";
    log_.warning("spawn.request.refused", {{"domain", question.domain}, {"reason", reason}});
    co_return permanent("toast-spawnd: " + reason + ": " + question.domain);
  }
  if (draining_) co_return transient("toast-spawnd is stopping");
  const SteadyTime deadline = clock_.steady() + options_.patience;
  std::optional<Secret> input = program_input(question.login, question.password, clock_.wall());
  question.password.wipe();
  if (!input) co_return reply_for(*program, {Verdict::wrong, {}});
  std::vector<std::string> environment = program_environment(question.service, *peer);
  const Turns::Answer turn = co_await turns_.take(question.domain, deadline);
  if (turn != Turns::Answer::yours) {
    busy_.add();
    const char* why = turn == Turns::Answer::too_many ? "too many passwords wait for their program"
                                                      : "no turn in time: its programs are busy";
    co_return reply_for(*program, {Verdict::unknown, why});
  }
  const Turn place(turns_, at_work_, question.domain);
  ExitVerdict verdict = co_await run(*program, std::move(*input), std::move(environment), deadline);
  co_return reply_for(*program, std::move(verdict));
}

Task<ExitVerdict> Spawnd::run(const auth::CheckpasswordProgram& program, Secret input,
                              std::vector<std::string> environment, SteadyTime deadline) {
  if (draining_) co_return ExitVerdict{Verdict::unknown, "toast-spawnd is stopping"};
  ProgramRun run{program.path, program.arguments, std::move(environment),
                 options_.accounts.at(program.user), std::move(input)};
  Result<Child> child = Child::start(run);
  run.input.wipe();
  if (!child) co_return ExitVerdict{Verdict::unknown, std::move(child.error().detail)};
  const auto place = running_.insert(running_.end(), &*child);
  ExitVerdict verdict = co_await child->wait(deadline);
  running_.erase(place);
  co_return verdict;
}

Spawnd::Question::Reply Spawnd::reply_for(const auth::CheckpasswordProgram& program,
                                          ExitVerdict verdict) {
  const std::string& domain = program.domain.str();
  if (verdict.verdict != Verdict::unknown) {
    (verdict.verdict == Verdict::right ? right_ : wrong_).add();
    told_.erase(domain);
    return {verdict.verdict, {}};
  }
  failed_.add();
  const SteadyTime now = clock_.steady();
  const auto told = told_.find(domain);
  const bool tell = told == told_.end() || now - told->second >= kFailureToldEvery;
  if (tell) told_[domain] = now;
  log_.write(tell ? Severity::warning : Severity::debug, "spawn.program.failed",
             {{"domain", domain}, {"program", program.path}, {"reason", verdict.reason}});
  verdict.reason.resize(std::min(verdict.reason.size(), Question::kMaxReason));
  return {Verdict::unknown, std::move(verdict.reason)};
}

Task<> Spawnd::drain() {
  draining_ = true;
  for (Child* child : running_) child->kill();
  asio::steady_timer timer(executor_);
  while (turns_.running() > 0) {
    timer.expires_after(kSpawndDrainStep);
    auto [ignored] = co_await timer.async_wait(no_throw);
    (void)ignored;
  }
}

}  // namespace toast::spawnd
