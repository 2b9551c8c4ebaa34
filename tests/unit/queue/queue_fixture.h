// The queue between fakes: a store in memory, a directory and a maild at the other ends of real
// channels, a clock that stands still, and an smtpd that submits.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "mta/queue/queue.h"
#include "tests/unit/queue/memory_store.h"

namespace toast::queue {

inline Address address(std::string_view text) { return *Address::parse(text); }

// A log that can be asked.
class RecordingLogger final : public Logger {
 public:
  void write(Severity, std::string_view event, std::initializer_list<Field> fields) override {
    ++events[std::string(event)];
    last[std::string(event)] = std::vector<Field>(fields);
  }
  std::map<std::string, int> events;
  std::map<std::string, std::vector<Field>> last;
};

// toast-vdomaind: a table. A recipient without an entry is unknown.
struct FakeDirectory {
  std::map<std::string, std::vector<vdomain::Instruction>> table;
  std::set<std::string> remote_domains;
  std::map<std::string, vdomain::FindSendLimits::Reply> sending;  // by domain
  int asked_for_limits = 0;
  bool failing = false;
  int questions = 0;

  Task<Result<vdomain::Resolve::Reply>> resolve(vdomain::Resolve question) {
    ++questions;
    if (failing) co_return transient("database is locked");
    vdomain::Resolve::Reply reply;
    using Status = vdomain::Resolve::Status;
    const auto found = table.find(question.recipient.str());
    if (found != table.end()) {
      reply.status = Status::resolved;
      reply.instructions = found->second;
    } else if (remote_domains.contains(question.recipient.domain().str())) {
      reply.status = Status::not_local;
    }
    co_return reply;
  }
  Task<Result<vdomain::FindSendLimits::Reply>> send_limits(vdomain::FindSendLimits question) {
    ++asked_for_limits;
    if (failing) co_return transient("database is locked");
    co_return sending[question.domain.str()];
  }
  void mailbox(const std::string& name) {
    table[name] = {vdomain::DeliverMaildir{address(name), "maildir/" + name, {}}};
  }
};

// toast-maild: files by the key that makes their name, so that a repetition is seen.
struct FakeMaild {
  struct File {
    std::string maildir;
    std::string content;
    std::string reverse_path;
    std::string recipient;
  };
  std::map<std::string, File> files;  // maildir and key -> file
  int requests = 0;
  int repetitions = 0;
  std::optional<Error> error;           // for every delivery
  std::map<std::string, Error> errors;  // by Maildir
  std::function<void()> before_reply;

  Task<Result<maildir::Deliver::Reply>> deliver(maildir::Deliver m) {
    ++requests;
    if (error) co_return tl::unexpected(*error);
    if (errors.contains(m.target.maildir)) co_return tl::unexpected(errors.at(m.target.maildir));
    std::string content = std::move(m.body);
    if (m.descriptor) {
      ::lseek(m.descriptor.get(), 0, SEEK_SET);
      Result<std::string> read = read_all(m.descriptor, 1U << 30U, "blob");
      content = *read;
    }
    EXPECT_EQ(content.size(), m.body_bytes);
    EXPECT_EQ(m.queue_instance.size(), maildir::kQueueInstanceBytes);
    const std::string key = m.target.maildir + "/" + m.message.str() + "." +
                            std::to_string(m.recipient_index) + "." +
                            std::to_string(m.instruction_index);
    const File file{m.target.maildir, content, path_text(m.reverse_path), m.recipient.str()};
    const bool again = !files.emplace(key, file).second;
    if (again) ++repetitions;
    if (before_reply) before_reply();
    co_return maildir::Deliver::Reply{again, key};
  }
  std::vector<File> in(const std::string& mailbox) const {
    std::vector<File> found;
    for (const auto& [key, file] : files)
      if (file.maildir == "maildir/" + mailbox) found.push_back(file);
    return found;
  }
};

// toast-remoted: what each next hop says.
struct FakeRemoted {
  using Outcome = remote::DeliverRemote::Outcome;
  struct Transaction {
    std::string next_hop;
    std::string reverse_path;
    bool verp = false;
    std::vector<std::string> recipients;
    std::string content;
  };
  std::vector<Transaction> transactions;
  std::set<std::string> unreachable;       // next hops
  std::map<std::string, Outcome> answers;  // by recipient
  std::function<void()> before_reply;

  Task<Result<remote::DeliverRemote::Reply>> deliver(remote::DeliverRemote m) {
    Transaction seen{m.next_hop.str(), m.reverse_path, m.verp, {}, m.body};
    if (m.descriptor) {
      ::lseek(m.descriptor.get(), 0, SEEK_SET);
      seen.content = *read_all(m.descriptor, 1U << 30U, "blob");
    }
    EXPECT_EQ(seen.content.size(), m.body_bytes);
    remote::DeliverRemote::Reply reply;
    reply.reached = !unreachable.contains(seen.next_hop);
    reply.remote = "mx." + seen.next_hop;
    for (const remote::RemoteRecipient& r : m.recipients) {
      seen.recipients.push_back(r.address.str());
      const auto found = answers.find(r.address.str());
      if (!reply.reached)
        reply.outcomes.push_back({Outcome::Kind::deferred, "4.4.1 no answer", false});
      else if (found != answers.end())
        reply.outcomes.push_back(found->second);
      else
        reply.outcomes.push_back({Outcome::Kind::delivered, "2.1.5 ok", false});
    }
    transactions.push_back(std::move(seen));
    if (before_reply) before_reply();
    co_return std::move(reply);
  }
};

class QueueTest : public testing::Test {
 protected:
  QueueTest() {
    options_.host = "mx.example.org";
    options_.double_bounce_to = "postmaster@example.org";
    directory_.mailbox("postmaster@example.org");
    directory_.mailbox("ann@example.org");
    directory_.mailbox("bob@example.org");
    directory_.remote_domains.insert("remote.test");
    options_.relay_networks = {*Network::parse("192.0.2.0/24")};  // the client of submit()
  }
  void SetUp() override { start_queue(); }
  void TearDown() override { stop_queue(); }

  // Opens what the queue is kept in, at start and at each restart, and returns what it holds.
  virtual std::vector<MessageState> open_store() {
    store_in_use_ = &store_;
    return store_.live();
  }
  virtual void close_store() {}

  void start_queue() {
    std::vector<MessageState> live = open_store();
    connect_directory();
    connect_maild();
    connect_remoted();
    queue_ = std::make_unique<Queue>(
        Queue::Services{io_.get_executor(),
                        *store_in_use_,
                        clock_,
                        log_,
                        metrics_,
                        directory_link_,
                        maild_link_,
                        remoted_link_,
                        filter_,
                        &tickets_,
                        pauses_,
                        nullptr,
                        {},
                        trace_directory_,
                        [this](std::string_view line) { lines_.emplace_back(line); }},
        options_, newest_id_, std::vector<std::string>{});
    queue_->start(live);
    smtpd_ = connect(queue_->client("toast-smtpd.0"));
  }
  // As kill -9 for the queue: whatever it had in memory is gone. Calls to the keepers are waited
  // for, since their coroutines are the queue's and cannot be torn off alone.
  void stop_queue() {
    EXPECT_TRUE(run_until([this] { return in_hand() == 0; }));
    if (smtpd_) smtpd_->close("test");
    store_.open_gate();
    queue_.reset();
    for (ipc::Link* link : {&directory_link_, &maild_link_, &remoted_link_})
      if (link->channel()) link->channel()->close("test");
    close_store();
  }
  void restart_queue() {
    stop_queue();
    start_queue();
  }
  void connect_directory() {
    auto dispatcher = std::make_shared<ipc::Dispatcher>();
    dispatcher->on<vdomain::Resolve>(
        [this](vdomain::Resolve question) { return directory_.resolve(std::move(question)); });
    dispatcher->on<vdomain::FindSendLimits>([this](vdomain::FindSendLimits question) {
      return directory_.send_limits(std::move(question));
    });
    directory_link_.attach(connect(std::move(dispatcher)));
  }
  void connect_maild() {
    auto dispatcher = std::make_shared<ipc::Dispatcher>();
    dispatcher->on<maildir::Deliver>(
        [this](maildir::Deliver request) { return maild_.deliver(std::move(request)); });
    maild_link_.attach(connect(std::move(dispatcher)));
  }
  void connect_remoted() {
    auto dispatcher = std::make_shared<ipc::Dispatcher>();
    dispatcher->on<remote::DeliverRemote>(
        [this](remote::DeliverRemote m) { return remoted_.deliver(std::move(m)); });
    remoted_link_.attach(connect(std::move(dispatcher)));
  }
  // The caller's end of a channel to somebody who answers with `keeper`.
  std::shared_ptr<ipc::Channel> connect(std::shared_ptr<const ipc::Dispatcher> keeper) {
    Result<SocketPair> pair = make_socket_pair();
    ipc::Channel::open(io_.get_executor(), std::move(pair->left), "peer")
        ->start(std::move(keeper), nullptr);
    auto ours = ipc::Channel::open(io_.get_executor(), std::move(pair->right), "keeper");
    ours->start(nullptr, nullptr);
    return ours;
  }

  // Runs the loop until `done`; a test that waits in vain fails.
  bool run_until(const std::function<bool()>& done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  template <class Value>
  Value wait_for(Task<Value> task) {
    std::optional<Value> value;
    asio::co_spawn(io_, std::move(task),
                   [&value](std::exception_ptr, Value v) { value.emplace(std::move(v)); });
    EXPECT_TRUE(run_until([&value] { return value.has_value(); }));
    return std::move(*value);
  }
  std::uint64_t in_hand() const {
    const Scheduler::Counts& counts = queue_->ledger().counts();
    return counts.in_hand + counts.in_hand_remote;
  }
  // Nothing in hand, nothing fresh, all records written.
  void run_until_quiet() {
    EXPECT_TRUE(run_until([this] {
      const Scheduler::Counts& counts = queue_->ledger().counts();
      if (counts.fresh != 0 || in_hand() != 0 || queue_->commits().backlog() != 0) return false;
      for (const auto& [id, message] : queue_->ledger().messages())
        if (message->open == 0) return false;
      return true;
    }));
  }
  void advance(std::chrono::seconds by) {
    clock_.advance(by);
    queue_->wake();
    run_until_quiet();
  }

  MessageId next_id() { return ids_.next(); }
  Result<ipc::Done> submit(std::string from, std::vector<std::string> to,
                           std::string content = "Subject: x\n\nhello\n", MessageId id = {}) {
    SubmitBegin begin;
    begin.submission = ++submission_;
    begin.id = id.value() == 0 ? next_id() : id;
    last_id_ = begin.id;
    if (!from.empty()) begin.reverse_path = address(from);
    for (const std::string& recipient : to) begin.recipients.push_back(address(recipient));
    begin.peer = "192.0.2.7";
    begin.helo = "client.test";
    smtpd_->notify(std::move(begin));
    return wait_for(send_body(submission_, std::move(content)));
  }
  // A submission to one recipient, without its content; returns its number.
  std::uint32_t begin_submission(const std::string& to) {
    SubmitBegin begin;
    begin.submission = ++submission_;
    begin.id = next_id();
    begin.recipients.push_back(address(to));
    begin.peer = "192.0.2.7";
    smtpd_->notify(std::move(begin));
    return submission_;
  }
  Task<Result<ipc::Done>> send_body(std::uint32_t number, std::string content) {
    std::size_t at = 0;
    while (content.size() - at > kMaxChunk) {
      SubmitChunk piece{number, content.substr(at, kMaxChunk)};
      at += kMaxChunk;
      Result<ipc::Done> stored = co_await smtpd_->call(std::move(piece));
      if (!stored) co_return pass(stored);
    }
    SubmitEnd last{number, content.substr(at)};
    co_return co_await smtpd_->call(std::move(last));
  }

  asio::io_context io_;
  FakeClock clock_;
  RecordingLogger log_;
  Metrics metrics_;
  MemoryStore store_;
  Store* store_in_use_ = nullptr;
  MessageId newest_id_;
  FakeDirectory directory_;
  FakeMaild maild_;
  FakeRemoted remoted_;
  ipc::Link directory_link_{"toast-vdomaind"};
  ipc::Link maild_link_{"toast-maild"};
  ipc::Link remoted_link_{"toast-remoted"};
  Filter* filter_ = nullptr;
  auth::TicketVerifier tickets_{Secret(std::string(auth::kTicketKeyBytes, 'k')), clock_};
  Pauses pauses_;
  std::string trace_directory_;     // none: no events are kept
  std::vector<std::string> lines_;  // of qmail-send
  Options options_;
  MessageIdSource ids_{clock_, 1};
  std::unique_ptr<Queue> queue_;
  std::shared_ptr<ipc::Channel> smtpd_;
  std::uint32_t submission_ = 0;
  MessageId last_id_;
  int crowded_replies_ = 0;
};

}  // namespace toast::queue
