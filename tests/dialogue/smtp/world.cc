#include "tests/dialogue/smtp/world.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include "mta/message/ascii.h"
#include "mta/message/headers.h"

namespace toast::smtpd {
namespace {

class FakeSubmission final : public Submission {
 public:
  FakeSubmission(FakeQueue& queue, Envelope envelope)
      : queue_(queue), message_{std::move(envelope), {}} {}
  ~FakeSubmission() override {
    if (!over_) ++queue_.aborted;
  }
  FakeSubmission(const FakeSubmission&) = delete;
  FakeSubmission& operator=(const FakeSubmission&) = delete;

  Task<Result<void>> chunk(std::string bytes) override {
    queue_.largest_chunk = std::max(queue_.largest_chunk, bytes.size());
    if (++chunks_ == queue_.fails_at_chunk) co_return transient("the queue broke");
    message_.body += bytes;
    co_return Result<void>{};
  }
  Task<Result<void>> finish(std::string last_bytes) override {
    over_ = true;
    queue_.largest_chunk = std::max(queue_.largest_chunk, last_bytes.size());
    if (queue_.away) co_return transient("the queue went away");
    if (queue_.finish_error) co_return tl::unexpected(*queue_.finish_error);
    message_.body += last_bytes;
    queue_.accepted.push_back(std::move(message_));
    co_return Result<void>{};
  }

 private:
  FakeQueue& queue_;
  Accepted message_;
  int chunks_ = 0;
  bool over_ = false;
};

class FakeRight final : public SendingRight {
 public:
  FakeRight(FakeQueue& queue, std::string connection)
      : queue_(queue), connection_(std::move(connection)) {}
  ~FakeRight() override { std::erase(queue_.logins, connection_); }
  FakeRight(const FakeRight&) = delete;
  FakeRight& operator=(const FakeRight&) = delete;
  bool holds() const override { return !queue_.forgets_logins; }

 private:
  FakeQueue& queue_;
  std::string connection_;
};

using Words = std::vector<std::string>;

std::size_t number(const std::string& text) {
  std::size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Result<void> expect_equal(const std::string& got, const std::string& wanted) {
  if (got == wanted) return {};
  return permanent("got \"" + escape_log_value(got) + "\"");
}

// "ret=hdrs envid=a b | ann@example.org success delay rfc822;ann | bob@example.org"
std::string dsn_text(const Envelope& envelope) {
  constexpr std::string_view kReturns[] = {"unset", "hdrs", "full"};
  std::string text = "ret=";
  text += kReturns[static_cast<std::size_t>(envelope.parameters.ret)];
  text += " envid=" + envelope.parameters.envid;
  for (const Recipient& recipient : envelope.recipients) {
    text += " | " + recipient.address.str();
    const std::uint8_t notify = recipient.parameters.notify;
    if ((notify & smtp::kNotifyNever) != 0) text += " never";
    if ((notify & smtp::kNotifySuccess) != 0) text += " success";
    if ((notify & smtp::kNotifyFailure) != 0) text += " failure";
    if ((notify & smtp::kNotifyDelay) != 0) text += " delay";
    if (!recipient.parameters.orcpt.empty()) text += " " + recipient.parameters.orcpt;
  }
  return text;
}

Error error_of(const Words& words) {
  const bool later = words[2].starts_with("4");
  return {later ? Failure::transient : Failure::permanent, words[2], "as given"};
}

Result<void> set_limit(Options& options, const std::string& name, const std::string& value) {
  const std::size_t n = number(value);
  if (name == "errors")
    options.max_errors = n;
  else if (name == "noops")
    options.max_noops = n;
  else if (name == "recipients")
    options.max_recipients = n;
  else if (name == "bytes")
    options.max_message_bytes = n;
  else if (name == "hops")
    options.max_hops = n;
  else if (name == "messages")
    options.max_messages = n;
  else if (name == "auth-failures")
    options.max_auth_failures = n;
  else if (name == "command-seconds")
    options.command_timeout = std::chrono::seconds{n};
  else if (name == "session-seconds")
    options.session_timeout = std::chrono::seconds{n};
  else
    return permanent("no such limit: " + name);
  return {};
}

}  // namespace

Task<Result<RecipientVerdict>> FakeRecipients::check(Address recipient, std::uint64_t) {
  asked.push_back(recipient.str());
  if (fails) co_return transient("the database is away", "5.1.1 must never be shown");
  const auto found = known.find(recipient.str());
  if (found != known.end()) co_return found->second;
  const bool ours =
      std::find(domains.begin(), domains.end(), recipient.domain().str()) != domains.end();
  co_return RecipientVerdict{ours ? Verdict::unknown : Verdict::not_local, {}};
}

Task<Result<void>> FakeQueue::check_space(std::uint64_t, std::string connection) {
  if (space_error) co_return tl::unexpected(*space_error);
  if (limit_reached && !connection.empty())
    co_return transient("the limit of an hour", "4.7.1 sending limit reached, try again later");
  co_return Result<void>{};
}

Task<Result<std::unique_ptr<SendingRight>>> FakeQueue::redeem(std::string ticket,
                                                              std::string connection) {
  if (away) co_return transient("the queue is away");
  if (ticket != "the ticket") co_return transient("not a ticket of ours");
  logins.push_back(connection);
  std::unique_ptr<SendingRight> right = std::make_unique<FakeRight>(*this, std::move(connection));
  co_return right;
}

Task<Result<auth::SaslReply>> FakeAuth::start(auth::SaslStart request) {
  if (fails) co_return transient("the credentials are away", "5.7.8 must never be shown");
  auth::SaslReply reply;
  reply.outcome = auth::SaslReply::Outcome::unsupported;
  mechanism_ = request.mechanism;
  name_.clear();
  cram_.reset();
  if (knows_cram && ascii::equal_fold(mechanism_, "CRAM-MD5")) {
    auth::sasl::MechanismContext context;
    context.offer.cram = true;
    context.challenge = "<1896.697170952@postoffice.reston.mci.net>";
    cram_ = auth::sasl::make_mechanism(mechanism_, std::move(context));
    auth::sasl::Step step =
        request.has_initial ? cram_->hear(request.initial.view()) : cram_->begin();
    co_return co_await cram(std::move(step));
  }
  const bool is_plain = ascii::equal_fold(mechanism_, "PLAIN");
  if (!is_plain && !ascii::equal_fold(mechanism_, "LOGIN")) co_return reply;
  if (request.has_initial) {
    auth::SaslStep first{1, std::move(request.initial)};
    co_return co_await step(std::move(first));
  }
  reply.outcome = auth::SaslReply::Outcome::challenge;
  reply.exchange = 1;
  if (!is_plain) reply.challenge = "Username:";
  co_return reply;
}

Task<Result<auth::SaslReply>> FakeAuth::step(auth::SaslStep request) {
  const std::string message(request.response.view());
  if (cram_) {
    auth::sasl::Step step = cram_->hear(message);
    co_return co_await cram(std::move(step));
  }
  auth::SaslReply reply;
  if (ascii::equal_fold(mechanism_, "PLAIN")) co_return plain(message);
  if (!name_.empty()) co_return check(name_, message);
  name_ = message;
  reply.outcome = auth::SaslReply::Outcome::challenge;
  reply.exchange = 1;
  reply.challenge = "Password:";
  co_return reply;
}

Task<Result<auth::SaslReply>> FakeAuth::cram(auth::sasl::Step step) {
  auth::SaslReply reply;
  reply.outcome = auth::SaslReply::Outcome::malformed;
  if (const auto* challenge = std::get_if<auth::sasl::Challenge>(&step)) {
    reply.outcome = auth::SaslReply::Outcome::challenge;
    reply.exchange = 1;
    reply.challenge = challenge->text;
  }
  const auto* digest = std::get_if<auth::sasl::CheckDigest>(&step);
  if (digest == nullptr) co_return reply;
  const bool right = auth::Md5().proves(digest->proof, Secret(password)).value();
  co_return check(digest->login, right ? password : "");
}

Task<> FakeAuth::cancel(std::uint64_t) {
  ++cancelled;
  co_return;
}

Task<Result<bool>> FakeSenders::may_send_as(Address login, Address sender) {
  if (fails) co_return transient("the database is away");
  const std::string pair = login.str() + " " + sender.str();
  co_return std::find(allowed.begin(), allowed.end(), pair) != allowed.end();
}

auth::SaslReply FakeAuth::plain(std::string_view message) const {
  const std::size_t first = message.find('\0');
  const std::size_t second = message.find('\0', first + 1);
  auth::SaslReply reply;
  reply.outcome = auth::SaslReply::Outcome::malformed;
  if (first == std::string_view::npos || second == std::string_view::npos) return reply;
  return check(message.substr(first + 1, second - first - 1), message.substr(second + 1));
}

auth::SaslReply FakeAuth::check(std::string_view name, std::string_view typed) const {
  auth::SaslReply reply;
  if (throttles) {
    reply.outcome = auth::SaslReply::Outcome::throttled;
    reply.retry_after = 30;
  } else if (name == login && typed == password) {
    reply.outcome = auth::SaslReply::Outcome::granted;
    reply.ticket = "the ticket";
    reply.mailbox = login;
  }
  return reply;
}

std::unique_ptr<Submission> FakeQueue::submit(Envelope envelope) {
  return std::make_unique<FakeSubmission>(*this, std::move(envelope));
}

Task<TlsStart> FakeTls::start(std::unique_ptr<Wire> wire, tls::Floor) {
  TlsStart start;
  start.wire = std::move(wire);
  start.version = "TLSv1.3";
  start.cipher = "NONE";
  if (fails) start.failure = "no shared cipher";
  co_return start;
}

void RecordingLogger::write(Severity, std::string_view event, std::initializer_list<Field> fields) {
  std::string line(event);
  for (const Field& field : fields)
    line.append(" ").append(field.name).append("=").append(escape_log_value(field.value));
  lines.push_back(std::move(line));
}

bool RecordingLogger::contains(std::string_view text) const {
  return std::any_of(lines.begin(), lines.end(), [text](const std::string& line) {
    return line.find(text) != std::string::npos;
  });
}

Result<void> World::given(const Words& words, Options& options, std::string& peer) {
  const std::string& what = words[0];
  if (what == "domain") {
    recipients.domains.push_back(words[1]);
  } else if (what == "mailbox") {
    recipients.known[words[1]] = {Verdict::accept, {}};
    recipients.domains.push_back(words[1].substr(words[1].rfind('@') + 1));
  } else if (what == "full") {
    recipients.known[words[1]] = {Verdict::over_quota, {}};
  } else if (what == "unknown") {
    recipients.known[words[1]] = {Verdict::unknown, words[2]};
  } else if (what == "suspended") {
    recipients.known[words[1]] = {Verdict::suspended, words.size() > 2 ? words[2] : ""};
  } else if (what == "directory") {
    recipients.fails = words[1] == "fails";
  } else if (what == "queue" && words[1] == "away") {
    queue.away = true;
  } else if (what == "queue" && words[1] == "space") {
    queue.space_error = error_of(words);
  } else if (what == "queue" && words[1] == "answers") {
    queue.finish_error = error_of(words);
  } else if (what == "queue" && words[1] == "forgets-logins") {
    queue.forgets_logins = true;
  } else if (what == "queue" && words[1] == "limits") {
    queue.limit_reached = true;
  } else if (what == "login") {
    auth.login = words[1];
    auth.password = words[2];
  } else if (what == "authcram") {
    auth.knows_cram = options.sasl.cram = true;
  } else if (what == "authd") {
    auth.fails = words[1] == "fails";
    auth.throttles = words[1] == "throttles";
  } else if (what == "may-send-as") {
    senders.allowed.push_back(words[1] + " " + words[2]);
  } else if (what == "senders") {
    senders.fails = words[1] == "fail";
  } else if (what == "sendercheck" || what == "fromcheck") {
    SenderMode& mode = what == "fromcheck" ? options.from_check : options.envelope_check;
    mode = words[1] == "enforce" ? SenderMode::enforce : SenderMode::off;
  } else if (what == "smtpauth") {
    options.auth_on_smtp = true;
  } else if (what == "hide-client") {
    options.hide_client = true;
  } else if (what == "queue" && words[1] == "breaks-at-chunk") {
    queue.fails_at_chunk = static_cast<int>(number(words[2]));
  } else if (what == "tls") {
    tls.offered = true;
    tls.ready = words[1] != "keyless";
    tls.fails = words[1] == "fails";
  } else if (what == "port") {
    port = words[1] == "submissions" ? Port::submissions : Port::submission;
  } else if (what == "limit") {
    return set_limit(options, words[1], words[2]);
  } else if (what == "peer") {
    peer = words[1];
  } else if (what == "relay") {
    auto network = Network::parse(words[1]);
    if (!network) return pass(network);
    options.relay_networks.push_back(*network);
  } else if (what == "one-piece") {
    // about how the dialogue is played, not about the world
  } else if (what == "normalise") {
    options.bare_newline = smtp::BareNewline::normalise;
  } else {
    return permanent("given what? " + what);
  }
  return {};
}

Result<void> World::then(const Words& words) const {
  const std::string& what = words[0];
  if (what == "accepted") return expect_equal(std::to_string(queue.accepted.size()), words[1]);
  if (what == "aborted") return expect_equal(std::to_string(queue.aborted), words[1]);
  if (what == "asked") return expect_equal(std::to_string(recipients.asked.size()), words[1]);
  if (what == "logins") return expect_equal(std::to_string(queue.logins.size()), words[1]);
  if (what == "cancelled") return expect_equal(std::to_string(auth.cancelled), words[1]);
  if (what == "log" || what == "log-lacks") {
    if (log.contains(words[1]) == (what == "log")) return {};
    std::string all;
    for (const std::string& line : log.lines) all += "\n      " + line;
    return permanent("the log is" + all);
  }
  if (queue.accepted.empty()) return permanent("nothing was accepted");
  const Accepted& last = queue.accepted.back();
  if (what == "by-login")
    return expect_equal(last.envelope.connection.empty() ? "no" : "yes", words[1]);
  if (what == "from")
    return expect_equal(path_text(last.envelope.reverse_path), words.size() > 1 ? words[1] : "");
  if (what == "to") {
    std::string got = "to";
    std::string wanted = "to";
    for (const Recipient& recipient : last.envelope.recipients)
      got += " " + recipient.address.str();
    for (std::size_t i = 1; i < words.size(); ++i) wanted += " " + words[i];
    return expect_equal(got, wanted);
  }
  if (what == "body") return expect_equal(without_received(last.body), words[1]);
  if (what == "body-matches") {  // ID stands for the queue id
    std::string body = without_received(last.body);
    const std::string id = last.envelope.id.str();
    if (const std::size_t at = body.find(id); at != std::string::npos)
      body.replace(at, id.size(), "ID");
    return expect_equal(body, words[1]);
  }
  if (what == "body-bytes")
    return expect_equal(std::to_string(without_received(last.body).size()), words[1]);
  if (what == "received") return expect_equal(unfold(received_of(last.body)), words[1]);
  if (what == "received-begins")
    return expect_equal(unfold(received_of(last.body)).substr(0, words[1].size()), words[1]);
  if (what == "8bitmime")
    return expect_equal(
        last.envelope.parameters.body == smtp::BodyType::eight_bit_mime ? "yes" : "no", words[1]);
  if (what == "dsn") return expect_equal(dsn_text(last.envelope), words[1]);
  return permanent("then what? " + what);
}

std::string received_of(const std::string& message) {
  HeaderScanner scanner(message);
  const auto field = scanner.next();
  return field && field->name == "Received" ? std::string(field->body) : std::string();
}

std::string without_received(const std::string& message) {
  return message.substr(std::string("Received:").size() + received_of(message).size() + 1);
}

}  // namespace toast::smtpd
