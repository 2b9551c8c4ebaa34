#include "tests/dialogue/remote/world.h"

#include <map>
#include <optional>

namespace toast::remote {
namespace {

using dialogue::Step;
using dialogue::StepKind;

constexpr const char* kKinds[] = {"delivered", "failed", "deferred"};

struct Play {
  std::string address;
  std::unique_ptr<ScriptedHost> host;
  bool used = false;
};

class FakeDialer final : public Dialer {
 public:
  Task<Result<std::unique_ptr<smtp::Wire>>> connect(Endpoint host, std::optional<IpAddress> source,
                                                    std::chrono::seconds) override {
    std::string name = host.address.str();
    if (source) name += "<" + source->str();
    co_return open(name);
  }
  Task<Result<std::unique_ptr<smtp::Wire>>> connect_local(std::string path) override {
    co_return open(path);
  }
  std::vector<Play> plays;
  std::vector<std::string> refusing;
  std::vector<std::string> complaints;

 private:
  Result<std::unique_ptr<smtp::Wire>> open(const std::string& name) {
    for (const std::string& one : refusing)
      if (one == name) return transient(name + ": refused", "4.4.1 " + name + ": refused");
    for (Play& play : plays) {
      if (play.used || play.address != name) continue;
      play.used = true;
      return play.host->wire();
    }
    complaints.push_back("an unexpected connection to " + name);
    return transient("no play", "4.4.1 no play");
  }
};

class FakeFinder final : public HostFinder {
 public:
  Task<Result<std::vector<Candidate>>> find(NextHop hop) override {
    if (fails) co_return transient("SERVFAIL", "4.4.3 the DNS cannot tell now");
    std::vector<Candidate> found;
    for (const std::string& address : hosts)
      found.push_back({"mx" + std::to_string(found.size() + 1) + ".test",
                       {*IpAddress::parse(address), hop.port}});
    co_return found;
  }
  std::vector<std::string> hosts;
  bool fails = false;
};

// Passes everything on as it is: the dialogue then shows what is said under TLS.
class FakeTls final : public TlsStarter {
 public:
  Task<Result<SecureWire>> start(std::unique_ptr<smtp::Wire> wire, tls::Policy policy,
                                 tls::Peer peer) override {
    names.push_back(peer.server_name);
    last_policy = policy;
    if (failures.empty()) {
      SecureWire made{std::move(wire), "TLSv1.3", "TLS_TEST", false};
      co_return made;
    }
    std::string why = std::move(failures.front());
    failures.pop_front();
    co_return transient(why);
  }
  std::deque<std::string> failures;  // of the next handshakes
  std::vector<std::string> names;    // that were asked for
  tls::Policy last_policy = tls::Policy::off;
};

class FakePasswords final : public PasswordSource {
 public:
  Result<Secret> read(const std::string& file) override {
    const auto found = files.find(file);
    if (found != files.end()) return Secret(found->second);
    return transient("no such file", "4.3.5 no password for the relay: relay-auth/" + file);
  }
  std::map<std::string, std::string> files;
};

class EventLog final : public Logger {
 public:
  void write(Severity, std::string_view event, std::initializer_list<Field> fields) override {
    text.append(event);
    for (const Field& field : fields)
      text.append(" ").append(field.name).append("=").append(field.value);
    text.push_back('\n');
  }
  std::string text;
};

// A request can be made only once: it owns a descriptor.
struct Wanted {
  std::string hop = "example.org";
  std::string sender = "bob@client.test";
  std::vector<RemoteRecipient> recipients;
  std::string body = "Subject: x\n\ntext\n";
  bool verp = false;
  bool abandoned = false;
  bool smtputf8 = false;
  DsnReturn ret = DsnReturn::unset;
  std::string envid;

  DeliverRemote request() const {
    DeliverRemote made;
    made.message = MessageId(1);
    made.next_hop = *NextHop::parse(hop);
    made.reverse_path = sender;
    made.recipients = recipients;
    made.body = body;
    made.body_bytes = body.size();
    made.verp = verp;
    made.smtputf8 = smtputf8;
    made.ret = ret;
    made.envid = envid;
    return made;
  }
};

class World {
 public:
  explicit World(std::size_t block) : block_(block) {}
  std::string play(const dialogue::Script& script);

 private:
  void given(const std::string& text);
  void then(const Step& step);
  void complain(const std::string& what) { complaints_ += what + "\n"; }
  void add_recipient(const std::vector<std::string>& words);
  void split_into_connections(const dialogue::Script& script);
  void run_requests();

  std::size_t block_;
  asio::io_context io_;
  FakeClock clock_;
  EventLog log_;
  Metrics metrics_;
  Counters counters_{metrics_};
  FakeFinder finder_;
  FakeDialer dialer_;
  HostTroubles troubles_{clock_};
  FakeTls tls_;
  RecentHosts without_tls_{clock_, kWithoutTlsTime};
  FakePasswords passwords_;
  asio::thread_pool disk_{1};
  std::optional<ConnectionPool> pool_;
  std::shared_ptr<Options> options_ = std::make_shared<Options>();
  Wanted wanted_;
  int requests_ = 1;
  std::deque<Outcome> outcomes_;
  bool reached_ = false;
  std::string complaints_;
};

Task<> deliver_all(std::shared_ptr<const Options> options, Services& services, const Wanted& wanted,
                   int requests, std::deque<Outcome>& outcomes, bool& reached) {
  for (int i = 0; i < requests; ++i) {
    DeliverRemote request = wanted.request();
    Abandoned abandoned = std::make_shared<bool>(wanted.abandoned);
    DeliverRemote::Reply reply =
        co_await deliver(options, services, std::move(request), std::move(abandoned));
    reached = reply.reached;
    for (Outcome& outcome : reply.outcomes) outcomes.push_back(std::move(outcome));
  }
}

void World::add_recipient(const std::vector<std::string>& words) {
  RemoteRecipient recipient{*Address::parse(words[1]), 0, {}};
  for (const std::string& word : words) {
    if (word.starts_with("notify=")) recipient.notify = static_cast<std::uint8_t>(word[7] - '0');
    if (word.starts_with("orcpt=")) recipient.orcpt = word.substr(6);
  }
  wanted_.recipients.push_back(std::move(recipient));
}

void World::given(const std::string& text) {
  Result<std::vector<std::string>> split = dialogue::split_words(text);
  if (!split) return complain(split.error().detail);
  const std::vector<std::string>& words = *split;
  const std::string& what = words[0];
  if (what == "hop")
    wanted_.hop = words[1];
  else if (what == "hosts")
    finder_.hosts.assign(words.begin() + 1, words.end());
  else if (what == "sender")
    wanted_.sender = words[1] == "<>" ? "" : words[1];
  else if (what == "recipient")
    add_recipient(words);
  else if (what == "body")
    wanted_.body = words[1];
  else if (what == "verp")
    wanted_.verp = true;
  else if (what == "abandoned")
    wanted_.abandoned = true;
  else if (what == "smtputf8")
    wanted_.smtputf8 = true;
  else if (what == "ret")
    wanted_.ret = words[1] == "full" ? DsnReturn::full : DsnReturn::headers;
  else if (what == "envid")
    wanted_.envid = words[1];
  else if (what == "route")
    options_->routes = Routes::parse({words[1]}).value();
  else if (what == "password")
    passwords_.files[words[1]] = words[2];
  else if (what == "dns")
    finder_.fails = true;
  else if (what == "refuses")
    dialer_.refusing.push_back(words[1]);
  else if (what == "again")
    ++requests_;
  else if (what == "tls-off")
    options_->tls = tls::Policy::off;
  else if (what == "tls-fails")
    tls_.failures.push_back(words[1]);
  else if (what == "outgoingip")
    options_->outgoing =
        *OutgoingAddresses::parse({words.begin() + 1, words.end()}, "out.client.test");
  else
    complain("unknown: given " + text);
}

void World::split_into_connections(const dialogue::Script& script) {
  std::vector<std::pair<std::string, std::vector<Step>>> connections;
  for (const Step& step : script.steps) {
    if (step.kind == StepKind::then) continue;
    if (step.kind == StepKind::given && step.text.starts_with("connection "))
      connections.push_back({step.text.substr(11), {}});
    else if (step.kind == StepKind::given)
      given(step.text);
    else if (connections.empty())
      complain("nobody is connected yet: " + step.text);
    else
      connections.back().second.push_back(step);
  }
  for (auto& [address, steps] : connections) {
    auto host = std::make_unique<ScriptedHost>(std::move(steps), clock_);
    host->block = block_;
    dialer_.plays.push_back({address, std::move(host)});
  }
}

void World::run_requests() {
  pool_.emplace(io_.get_executor(), clock_);
  Services services{clock_, log_,         finder_,    dialer_, *pool_,   troubles_,
                    tls_,   without_tls_, passwords_, disk_,   counters_};
  spawn(io_.get_executor(),
        deliver_all(options_, services, wanted_, requests_, outcomes_, reached_));
  io_.poll();
  pool_->close_all();
  io_.restart();
  io_.poll();
  pool_.reset();
  io_.restart();
  io_.poll();
}

void World::then(const Step& step) {
  Result<std::vector<std::string>> words = dialogue::split_words(step.text);
  if (!words) return complain(words.error().detail);
  const std::string& what = (*words)[0];
  const std::string value = words->size() > 1 ? (*words)[1] : "";
  if (what == "log") {
    if (log_.text.find(value) == std::string::npos)
      complain("not in the log: " + value + "; it has\n" + log_.text);
    return;
  }
  if (what == "server-name") {
    if (tls_.names.empty() || tls_.names.back() != value) complain("TLS was not for " + value);
    return;
  }
  if (what == "certificate") {
    const bool verified = tls_.last_policy == tls::Policy::verified;
    if (verified != (value == "verified")) complain("the certificate was not " + value);
    return;
  }
  if (what == "reached") {
    if (reached_ != (value == "yes")) complain("reached is not " + value);
    return;
  }
  if (outcomes_.empty()) return complain("no outcome is left for: " + step.text);
  const Outcome outcome = std::move(outcomes_.front());
  outcomes_.pop_front();
  std::string kind = kKinds[static_cast<int>(outcome.kind)];
  if (outcome.passed_dsn) kind += "-dsn";
  if (kind != what || (words->size() > 1 && outcome.text != value))
    complain("line " + std::to_string(step.line_number) + ": expected " + step.text +
             "\n  but it is " + kind + " \"" + outcome.text + "\"");
}

std::string World::play(const dialogue::Script& script) {
  options_->outgoing = *OutgoingAddresses::parse({}, "out.client.test");
  finder_.hosts = {"192.0.2.1"};
  split_into_connections(script);
  run_requests();
  for (const std::string& one : dialer_.complaints) complain(one);
  for (const Play& play : dialer_.plays) {
    if (!play.used)
      complain("no connection was made to " + play.address);
    else if (!play.host->complaint().empty())
      complain(play.address + ": " + play.host->complaint());
  }
  for (const Step& step : script.steps)
    if (step.kind == StepKind::then) then(step);
  for (const Outcome& outcome : outcomes_) complain("an outcome nobody expected: " + outcome.text);
  return complaints_;
}

}  // namespace

std::string play(const dialogue::Script& script, std::size_t block) {
  return World(block).play(script);
}

}  // namespace toast::remote
