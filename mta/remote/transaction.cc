#include "mta/remote/transaction.h"

#include "mta/remote/commands.h"
#include "mta/remote/limits.h"

namespace toast::remote {
namespace {

using End = TransactionResult::End;

struct Command {
  enum class Verb : unsigned char { rset, mail, rcpt, data };
  Verb verb;
  std::size_t recipient = 0;
  std::string line;
};

std::string_view name_of(Command::Verb verb) {
  switch (verb) {
    case Command::Verb::rset:
      return "RSET";
    case Command::Verb::mail:
      return "MAIL";
    case Command::Verb::rcpt:
      return "RCPT";
    case Command::Verb::data:
      return "DATA";
  }
  return "?";
}

class Dialogue {
 public:
  Dialogue(Connection& connection, Transaction transaction)
      : connection_(connection), host_(connection.capabilities()), t_(std::move(transaction)) {
    result_.outcomes.resize(t_.recipients.size());
  }
  Task<TransactionResult> run();

 private:
  using Verb = Command::Verb;
  std::vector<Command> envelope_commands();
  std::string next_group(const std::vector<Command>& commands, std::size_t& sent) const;
  bool is_pointless(const Command& next) const;
  Task<bool> say_envelope();  // false: the connection is gone
  bool take_reply(const Command& command, const RemoteReply& reply);
  Task<> hand_over();
  Task<bool> send_content();  // false: the host does not have it, or it is not known whether
  Task<> take_final_replies();
  Task<> close_empty_data();
  Task<> explain_broken_write(Error error);
  void decide(std::size_t recipient, Outcome outcome) {
    result_.outcomes[recipient] = std::move(outcome);
  }
  void decide_accepted(const Outcome& outcome) {
    for (const std::size_t recipient : accepted_) decide(recipient, outcome);
  }
  void break_off(End end, Outcome otherwise) {
    connection_.give_up();
    result_.end = end;
    result_.otherwise = std::move(otherwise);
  }

  Connection& connection_;
  const Capabilities& host_;
  Transaction t_;
  TransactionResult result_;
  std::vector<std::size_t> accepted_;
  bool mail_answered_ = false;
  bool mail_refused_ = false;
  bool data_answered_ = false;
  bool data_open_ = false;  // 354 was said
};

std::vector<Command> Dialogue::envelope_commands() {
  std::vector<Command> commands;
  if (connection_.take_needs_reset()) commands.push_back({Verb::rset, 0, "RSET"});
  commands.push_back({Verb::mail, 0, mail_command(t_, host_)});
  for (std::size_t i = 0; i < t_.recipients.size(); ++i)
    commands.push_back({Verb::rcpt, i, rcpt_command(t_.recipients[i], host_)});
  if (!host_.chunking) commands.push_back({Verb::data, 0, "DATA"});
  return commands;
}

// One command, or with PIPELINING as many as fit (RFC 2920 section 3.1; DATA comes last by itself).
std::string Dialogue::next_group(const std::vector<Command>& commands, std::size_t& sent) const {
  std::string group;
  while (sent < commands.size()) {
    const Command& command = commands[sent];
    if (!group.empty() && (!host_.pipelining || group.size() > kMaxGroupBytes)) break;
    group.append(command.line).append("\r\n");
    ++sent;
  }
  return group;
}

// What the host has said already makes the rest of the envelope useless.
bool Dialogue::is_pointless(const Command& next) const {
  return mail_refused_ || (next.verb == Verb::data && accepted_.empty());
}

Task<bool> Dialogue::say_envelope() {
  const std::vector<Command> commands = envelope_commands();
  std::size_t sent = 0;
  for (std::size_t answered = 0; answered < commands.size(); ++answered) {
    const End end = mail_answered_ ? End::broken_off : End::not_begun;
    if (answered == sent) {
      if (is_pointless(commands[sent])) co_return true;
      Result<void> done = connection_.check_silent();
      if (done) {
        std::string group = next_group(commands, sent);
        done = co_await connection_.send(std::move(group));
      }
      if (!done) {
        break_off(end, outcome_of(done.error()));
        co_return false;
      }
    }
    const Command& command = commands[answered];
    Result<RemoteReply> reply = co_await connection_.read_reply(std::string(name_of(command.verb)));
    if (!reply) {
      break_off(end, outcome_of(reply.error()));
      co_return false;
    }
    if (!take_reply(command, *reply)) co_return false;
  }
  co_return true;
}

bool Dialogue::take_reply(const Command& command, const RemoteReply& reply) {
  if (reply.code == 421) {  // RFC 5321 section 3.8
    break_off(mail_answered_ ? End::broken_off : End::not_begun, outcome_of(reply));
    return false;
  }
  switch (command.verb) {
    case Verb::rset:
      break;
    case Verb::mail:
      mail_answered_ = true;
      mail_refused_ = !reply.is_positive();
      if (mail_refused_)
        for (std::size_t i = 0; i < t_.recipients.size(); ++i) decide(i, outcome_of(reply));
      break;
    case Verb::rcpt:
      if (mail_refused_) break;
      if (reply.is_positive())
        accepted_.push_back(command.recipient);
      else if (!says_too_many_recipients(reply))
        decide(command.recipient, outcome_of(reply));
      else if (accepted_.empty())  // no other transaction would do better
        decide(command.recipient, outcome_of(reply, Failure::transient));
      break;
    case Verb::data:
      data_answered_ = true;
      data_open_ = reply.is_intermediate();
      if (!data_open_)
        decide_accepted(
            outcome_of(reply, reply.is_permanent() ? Failure::permanent : Failure::transient));
      break;
  }
  return true;
}

Task<TransactionResult> Dialogue::run() {
  std::optional<Outcome> refusal = refusal_before_mail(t_, host_);
  if (refusal) {
    for (std::optional<Outcome>& outcome : result_.outcomes) outcome = *refusal;
    co_return std::move(result_);
  }
  const bool said = co_await say_envelope();
  if (said) co_await hand_over();
  co_return std::move(result_);
}

Task<> Dialogue::hand_over() {
  if (accepted_.empty()) {
    if (data_open_) co_return co_await close_empty_data();
    if (!mail_refused_) connection_.needs_reset();
    co_return;
  }
  if (!host_.chunking && !data_open_) {  // refused; the host still has the recipients
    connection_.needs_reset();
    co_return;
  }
  const bool sent = co_await send_content();
  if (sent) co_await take_final_replies();
}

// Every RCPT failed, but DATA was taken: nothing but the dot (RFC 2920 section 3.1).
Task<> Dialogue::close_empty_data() {
  Result<void> sent = co_await connection_.send(".\r\n");
  if (!sent) co_return;
  (void)co_await connection_.read_final_reply("the end of an empty message");
}

Task<bool> Dialogue::send_content() {
  const Content& content = t_.message->content;
  DataEncoder encoder(host_.chunking ? DataEncoder::Form::bdat : DataEncoder::Form::data);
  std::string out;
  if (host_.chunking) out = "BDAT " + std::to_string(t_.message->facts.wire_bytes) + " LAST\r\n";
  std::uint64_t offset = 0;
  do {
    Result<std::string> block = co_await content.read(offset);
    if (*t_.abandoned) block = transient("queued is gone", "4.3.2 the queue was restarted");
    if (!block) {  // without the end it is no message, RFC 5321 section 4.1.1.10
      break_off(End::withheld, outcome_of(block.error()));
      co_return false;
    }
    offset += block->size();
    encoder.feed(*block, out);
    if (offset == content.size()) {
      encoder.finish(out);
      result_.end = End::uncertain;  // until the host says more
    }
    std::string bytes = std::exchange(out, {});
    Result<void> sent = co_await connection_.send(std::move(bytes));
    if (!sent) {
      co_await explain_broken_write(std::move(sent.error()));
      co_return false;
    }
  } while (offset < content.size());
  co_return true;
}

// A host that refuses in the middle of a message says why before it closes.
Task<> Dialogue::explain_broken_write(Error error) {
  const End end = result_.end == End::uncertain ? End::uncertain : End::broken_off;
  Result<RemoteReply> reply = co_await connection_.read_reply("the message");
  const bool refused = reply && reply->code >= 400;
  if (refused) decide_accepted(outcome_of(*reply));
  if (refused)
    break_off(End::broken_off, outcome_of(*reply));
  else
    break_off(end, outcome_of(error));
}

// One for all; with LMTP one for each accepted recipient (RFC 2033 section 4.2).
Task<> Dialogue::take_final_replies() {
  const bool each = connection_.protocol() == Protocol::lmtp;
  const std::size_t expected = each ? accepted_.size() : 1;
  for (std::size_t i = 0; i < expected; ++i) {
    Result<RemoteReply> reply = co_await connection_.read_final_reply("the end of the message");
    if (!reply) {
      Outcome otherwise = outcome_of(reply.error());
      otherwise.text += " (the message had been sent; it may arrive twice)";
      break_off(End::uncertain, std::move(otherwise));
      co_return;
    }
    Outcome outcome = outcome_of(*reply);
    outcome.passed_dsn = host_.dsn && outcome.kind == Outcome::Kind::delivered;
    if (each)
      decide(accepted_[i], std::move(outcome));
    else
      decide_accepted(outcome);
  }
  result_.end = End::answered;
}

}  // namespace

Task<TransactionResult> run_transaction(Connection& connection, Transaction transaction,
                                        SteadyTime until) {
  connection.begin_transaction(until);
  auto dialogue = std::make_unique<Dialogue>(connection, std::move(transaction));
  co_return co_await dialogue->run();
}

}  // namespace toast::remote
