#include "base/dns/unbound_dns.h"

#include "base/dns/unbound_context.h"
#include "base/fd.h"
#include "base/gather.h"

namespace toast::dns {
namespace {

constexpr std::size_t kMaxSystemFile = 65536;
constexpr std::size_t kMaxSystemServers = 3;  // as resolv.conf(5): more are not used
constexpr std::uint16_t kDnsPort = 53;
constexpr std::string_view kBlanks = " \t\r";

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  Result<std::string> content = read_file(path, kMaxSystemFile);
  if (!content) return lines;
  std::string_view rest(*content);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    lines.emplace_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return lines;
}

// Takes the next word off `line`.
std::string_view next_word(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(kBlanks), line.size());
  const std::size_t end = std::min(line.find_first_of(kBlanks, begin), line.size());
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

}  // namespace

SystemDns read_system_dns(const std::string& resolv_conf, const std::string& root_key) {
  SystemDns system;
  for (const std::string& line : lines_of(resolv_conf)) {
    std::string_view rest(line);
    if (next_word(rest) != "nameserver" || system.servers.size() == kMaxSystemServers) continue;
    // A link-local address with its interface ("fe80::1%eth0") is not taken.
    if (const Result<IpAddress> address = IpAddress::parse(next_word(rest)))
      system.servers.push_back({*address, kDnsPort});
  }
  for (const std::string& line : lines_of(root_key)) {
    std::string_view rest(line);
    const std::string_view owner = next_word(rest);
    if (!owner.empty() && owner.front() != ';') system.trust_anchors.push_back(line);
  }
  return system;
}

struct UnboundDns::State {
  enum class Validation : unsigned char { probing, off, on };

  State(const asio::any_io_executor& executor, UnboundOptions given, Logger& logger)
      : options(std::move(given)), log(logger), decided(executor), next_probe(executor) {
    decided.expires_at(asio::steady_timer::time_point::max());
  }
  static Task<Result<Records>> ask(std::shared_ptr<State> self, std::string name, int type);
  static Task<Result<MxAnswer>> mx(std::shared_ptr<State> self, std::string name);
  static Task<Result<AddressAnswer>> addresses(std::shared_ptr<State> self, std::string host);
  void decide(Validation now) {
    validation = now;
    decided.cancel();
  }
  void close() {
    closed = true;
    next_probe.cancel();
    if (validation == Validation::probing) decide(Validation::off);
    if (validating) validating->close();
    if (plain) plain->close();
  }

  UnboundOptions options;
  Logger& log;
  std::shared_ptr<UnboundContext> validating;  // none without a trust anchor
  std::shared_ptr<UnboundContext> plain;       // none once validation works
  Validation validation = Validation::probing;
  asio::steady_timer decided;  // never expires: cancelled when probing is over
  asio::steady_timer next_probe;
  bool closed = false;
};

Task<Result<Records>> UnboundDns::State::ask(std::shared_ptr<State> self, std::string name,
                                             int type) {
  const std::optional<std::string> host = host_name(name);
  if (!host) co_return Records{.status = DnsStatus::no_name, .data = {}, .secure = false};
  while (self->validation == Validation::probing) {
    auto [ignored] = co_await self->decided.async_wait(no_throw);
    (void)ignored;
  }
  std::shared_ptr<UnboundContext> resolver = self->plain;
  if (self->validation == Validation::on) resolver = self->validating;
  std::string absolute = *host + ".";
  co_return co_await UnboundContext::ask(std::move(resolver), std::move(absolute), type,
                                         self->options.question_deadline);
}

UnboundDns::UnboundDns(std::shared_ptr<State> state) : state_(std::move(state)) {}

UnboundDns::~UnboundDns() { state_->close(); }

Result<std::unique_ptr<UnboundDns>> UnboundDns::open(const asio::any_io_executor& executor,
                                                     UnboundOptions options, Logger& log) {
  auto state = std::make_shared<State>(executor, std::move(options), log);
  std::unique_ptr<UnboundDns> self(new UnboundDns(state));
  Result<std::shared_ptr<UnboundContext>> plain =
      UnboundContext::open(executor, state->options.servers, {});
  if (!plain) return pass(plain);
  state->plain = std::move(*plain);
  if (state->options.trust_anchors.empty()) {
    log.warning("dns.validation.off", {{"reason", "no trust anchor"}});
    state->decide(State::Validation::off);
    return self;
  }
  Result<std::shared_ptr<UnboundContext>> validating =
      UnboundContext::open(executor, state->options.servers, state->options.trust_anchors);
  if (!validating) return pass(validating);
  state->validating = std::move(*validating);
  spawn(executor, probe(std::move(state)));
  return self;
}

// Ends with the first proof that validation works.
Task<> UnboundDns::probe(std::shared_ptr<State> state) {
  std::string_view anchor(state->options.trust_anchors.front());
  const std::string zone(next_word(anchor));
  while (!state->closed) {
    std::string name = zone;
    Result<Records> answer = co_await UnboundContext::ask(state->validating, std::move(name),
                                                          kTypeNs, state->options.probe_deadline);
    if (state->closed) co_return;
    if (answer && answer->secure) {
      if (state->validation == State::Validation::off) state->log.info("dns.validation.on");
      state->decide(State::Validation::on);
      state->plain.reset();  // its thread ends with the last question it has
      co_return;
    }
    if (state->validation == State::Validation::probing) {
      const std::string reason = answer ? "the answer has no signatures" : answer.error().detail;
      state->log.warning("dns.validation.off", {{"reason", reason}});
      state->decide(State::Validation::off);
    }
    state->next_probe.expires_after(state->options.probe_interval);
    auto [ignored] = co_await state->next_probe.async_wait(no_throw);
    (void)ignored;
  }
}

// Both begin when they are awaited, perhaps after our end: they have their own hold on the state.
Task<Result<MxAnswer>> UnboundDns::mx(std::string name) {
  return State::mx(state_, std::move(name));
}

Task<Result<AddressAnswer>> UnboundDns::addresses(std::string host) {
  return State::addresses(state_, std::move(host));
}

Task<Result<MxAnswer>> UnboundDns::State::mx(std::shared_ptr<State> self, std::string name) {
  Result<Records> records = co_await ask(std::move(self), name, kTypeMx);
  if (!records) co_return pass(records, "MX of " + name);
  co_return mx_answer(*records);
}

Task<Result<AddressAnswer>> UnboundDns::State::addresses(std::shared_ptr<State> self,
                                                         std::string host) {
  std::vector<Task<Result<Records>>> questions;
  questions.push_back(ask(self, host, kTypeA));
  questions.push_back(ask(self, host, kTypeAaaa));
  std::vector<Result<Records>> answers = co_await gather(std::move(questions));
  Result<AddressAnswer> answer = address_answer(std::move(answers[0]), std::move(answers[1]));
  if (!answer) co_return pass(answer, "addresses of " + host);
  co_return answer;
}

}  // namespace toast::dns
