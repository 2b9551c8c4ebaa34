#include "mta/remote/approach.h"

namespace toast::remote {
namespace {

std::string describe(const NextHop& hop, const Candidate& candidate) {
  if (hop.is_socket()) return candidate.host;
  const IpAddress& address = candidate.endpoint.address;
  const std::string name = candidate.host == address.str() ? "" : candidate.host;
  return name + "[" + address.str() + "]:" + std::to_string(candidate.endpoint.port);
}

}  // namespace

Approach::Approach(std::shared_ptr<const Options> options, Services& services, NextHop hop,
                   std::string_view reverse_path, SteadyTime until)
    : options_(std::move(options)),
      services_(services),
      hop_(std::move(hop)),
      group_(options_->outgoing.group_of(reverse_path)),
      key_(hop_.str() + " " + group_),
      until_(until) {}

Task<Result<std::unique_ptr<Connection>>> Approach::reach() {
  if (may_reuse_) {
    std::unique_ptr<Connection> kept = services_.pool.take(key_);
    if (kept) {
      services_.counters.reused_connections.add();
      remote_ = kept->peer();
      co_return kept;
    }
  }
  if (!candidates_) {
    Result<void> found = co_await find_hosts();
    if (!found) co_return pass(found);
  }
  for (; next_ < candidates_->size() && services_.clock.steady() < until_; ++next_) {
    Candidate candidate = (*candidates_)[next_];
    Result<std::unique_ptr<Connection>> opened = co_await open_and_log_in(std::move(candidate));
    if (opened) co_return std::move(opened);
    last_ = std::move(opened.error());
  }
  services_.counters.unreachable.add();
  services_.log.info("remote.destination.unreachable",
                     {{"destination", hop_.str()}, {"reason", last_.reply}});
  co_return tl::unexpected(last_);
}

Task<Result<void>> Approach::find_hosts() {
  if (hop_.is_socket()) {
    candidates_ = {Candidate{hop_.name, {}}};
    co_return Result<void>{};
  }
  Result<IpAddress> address = IpAddress::parse(hop_.name);
  if (address) {
    candidates_ = {Candidate{address->str(), {*address, hop_.port}}};
    co_return Result<void>{};
  }
  Result<std::vector<Candidate>> found = co_await services_.hosts.find(hop_);
  if (!found) co_return pass(found);
  candidates_ = std::move(*found);
  services_.troubles.put_last(*candidates_);
  co_return Result<void>{};
}

Task<Result<std::unique_ptr<smtp::Wire>>> Approach::connect(Candidate candidate, Source source) {
  if (hop_.is_socket()) co_return co_await services_.dialer.connect_local(hop_.name);
  co_return co_await services_.dialer.connect(candidate.endpoint, source.address,
                                              options_->connect_timeout);
}

// Nobody is in between.
bool Approach::is_on_this_machine(const Candidate& candidate) const {
  return hop_.is_socket() || candidate.endpoint.address.is_loopback();
}

// A password goes to nobody but the relay.
tls::Policy Approach::policy_for(const Candidate& candidate) const {
  if (!hop_.login.empty() && !is_on_this_machine(candidate)) return tls::Policy::verified;
  if (hop_.is_socket() || services_.without_tls.contains(candidate.endpoint))
    return tls::Policy::off;
  return options_->tls;
}

Result<Login> Approach::login() const {
  const std::string* file = options_->routes.password_file(hop_);
  if (file == nullptr)
    return transient("smtproutes has changed: " + hop_.str() + " is no route of it any more",
                     "4.3.5 no password for the relay");
  Result<Secret> password = services_.passwords.read(*file);
  if (!password) return pass(password);
  return Login{hop_.login, std::move(*password)};
}

Task<Result<std::unique_ptr<Connection>>> Approach::open_and_log_in(Candidate candidate) {
  if (hop_.login.empty()) co_return co_await open(std::move(candidate));
  Result<Login> login = this->login();  // first: nobody is called in vain
  if (!login) {
    note_failure(candidate, login.error().detail);
    co_return pass(login);
  }
  Result<std::unique_ptr<Connection>> opened = co_await open(candidate);
  if (!opened) co_return opened;
  Connection& connection = **opened;
  Result<void> logged_in = co_await connection.log_in(std::move(*login));
  if (logged_in) co_return opened;
  note_failure(candidate, logged_in.error().detail);
  co_await connection.quit();
  co_return pass(logged_in);
}

// Where clear text is no alternative.
Result<void> Approach::no_tls(const std::string& why) const {
  const std::string detail = "no password without verified TLS: " + why;
  return transient(detail, "4.7.4 " + remote_ + ": " + detail);
}

// A host whose TLS fails is called once more and then spoken to in clear text, as whoever could
// make it fail could as well take STARTTLS from its offer (RFC 7435 section 3).
Task<Result<std::unique_ptr<Connection>>> Approach::open(Candidate candidate) {
  tls::Policy policy = policy_for(candidate);
  while (true) {
    Result<std::unique_ptr<Connection>> opened = co_await open_in_clear(candidate);
    if (!opened) co_return pass(opened);
    Connection& connection = **opened;
    Result<void> secured;
    if (policy != tls::Policy::off && connection.capabilities().starttls)
      secured = co_await connection.start_tls(services_.tls, policy);
    else if (policy == tls::Policy::verified)
      secured = no_tls("the host offers no STARTTLS");
    if (secured) {
      note_opened(candidate, connection);
      co_return opened;
    }
    if (policy == tls::Policy::verified || !connection.tls_failed()) {
      if (connection.tls_failed()) secured = no_tls(secured.error().detail);
      note_failure(candidate, secured.error().detail);
      co_await connection.quit();
      co_return pass(secured);
    }
    note_tls_failure(candidate, secured.error().detail);
    co_await connection.quit();
    policy = tls::Policy::off;
  }
}

Task<Result<std::unique_ptr<Connection>>> Approach::open_in_clear(Candidate candidate) {
  Source source = options_->outgoing.choose(group_, candidate.endpoint.address.is_v4());
  Connection::Setup setup;
  if (hop_.kind == NextHop::Kind::lmtp) setup.protocol = Protocol::lmtp;
  setup.helo = source.helo;
  setup.peer = describe(hop_, candidate);
  if (!hop_.is_socket() && !IpAddress::parse(candidate.host)) setup.server_name = candidate.host;
  if (!hop_.is_socket()) setup.address = candidate.endpoint.address.str();
  setup.reply_timeout = options_->reply_timeout;
  remote_ = setup.peer;
  Result<std::unique_ptr<smtp::Wire>> wire = co_await connect(candidate, std::move(source));
  if (!wire) {
    note_failure(candidate, wire.error().detail);
    co_return pass(wire);
  }
  auto connection =
      std::make_unique<Connection>(std::move(*wire), services_.clock, std::move(setup));
  Result<void> greeted = co_await connection->greet(until_);
  if (!greeted) {
    note_failure(candidate, greeted.error().detail);
    co_return pass(greeted);
  }
  co_return connection;
}

void Approach::note_opened(const Candidate& candidate, const Connection& connection) {
  services_.troubles.forget(candidate.endpoint);
  services_.counters.connections.add();
  if (connection.tls() != "none") services_.counters.tls_connections.add();
  if (connection.tls_resumed()) services_.counters.tls_resumed.add();
  services_.log.info(
      "remote.connection.opened",
      {{"destination", hop_.str()}, {"remote", connection.peer()}, {"tls", connection.tls()}});
}

void Approach::note_tls_failure(const Candidate& candidate, const std::string& reason) {
  services_.without_tls.note(candidate.endpoint);
  services_.counters.tls_failed.add();
  services_.log.info("remote.tls.failed",
                     {{"destination", hop_.str()}, {"remote", remote_}, {"reason", reason}});
}

void Approach::note_failure(const Candidate& candidate, const std::string& reason) {
  if (!hop_.is_socket()) services_.troubles.note(candidate.endpoint);
  services_.counters.failed_connections.add();
  services_.log.info("remote.connection.failed",
                     {{"destination", hop_.str()}, {"remote", remote_}, {"reason", reason}});
}

void Approach::host_failed(Outcome why) {
  last_ = {Failure::transient, why.text, why.text};
  note_failure((*candidates_)[next_], why.text);
  ++next_;
}

void Approach::keep(std::unique_ptr<Connection> connection) {
  services_.pool.give(key_, std::move(connection));
}

}  // namespace toast::remote
