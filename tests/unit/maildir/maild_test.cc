// maild over its real channels: queued and two POP3 front ends on the other side.
#include "vdomain/maildir/maild.h"

#include "tests/unit/auth/run_task.h"
#include "tests/unit/maildir/maildir_fixture.h"
#include "vdomain/maildir/listing.h"
#include "vdomain/maildir/quota_warning.h"

namespace toast::maildir {
namespace {

class MaildTest : public MaildirTest {
 protected:
  MaildTest() {
    MaildOptions options;
    options.host_name = "mx.example.org";
    options.quota_warnings = {50, 100};
    options.delivery_threads = 4;
    options.maildrop_threads = 2;
    options.open_maildirs = 8;
    options.ticket_key = ticket_key();
    maild_.emplace(
        io_.get_executor(), std::move(options),
        std::move(*open_file(root.path(), O_RDONLY | O_DIRECTORY)), files, clock, log_, metrics_,
        [this](vdomain::UsageReport report) {
          constexpr std::string_view kStates[] = {" has room", " short of room", " full"};
          usage_.push_back(report.mailbox.str() +
                           std::string(kStates[static_cast<std::size_t>(report.state)]));
        });
    queued_ = connect("toast-queued.0");
    pop3d_ = connect("toast-pop3d.0");
    clock.advance(std::chrono::seconds(1));
    issuer_.emplace(ticket_key(), clock);
  }
  ~MaildTest() override {
    for (const auto& channel : channels_) channel->close("test over");
    run_ready(io_);
    run_task(io_, maild_->drain());
    maild_.reset();
  }
  static Secret ticket_key() { return Secret(std::string(auth::kTicketKeyBytes, 'k')); }

  std::shared_ptr<ipc::Channel> connect(const std::string& peer) {
    SocketPair sockets = make_socket_pair().value();
    auto theirs = ipc::Channel::open(io_.get_executor(), std::move(sockets.left), "toast-maild");
    auto ours = ipc::Channel::open(io_.get_executor(), std::move(sockets.right), peer);
    theirs->start(nullptr, [](const Error&) {});
    ours->start(maild_->dispatcher_for(peer), [](const Error&) {});
    channels_.push_back(theirs);
    return theirs;
  }
  Deliver delivery(std::uint64_t message, std::string_view body = kBody) {
    return {"0123456789abcdef",
            MessageId(message << 13U),
            0,
            0,
            1'700'000'000,
            {*Address::parse("ann@example.org"), "example.org/ann/Maildir", {}},
            *Address::parse("bob@example.net"),
            *Address::parse("ann@example.org"),
            std::string(body),
            body.size(),
            Fd()};
  }
  Result<Deliver::Reply> deliver(Deliver request) {
    return run_task(io_, queued_->call(std::move(request)));
  }
  std::string ticket(const std::string& connection, const std::string& front_end = "toast-pop3d.0",
                     auth::Service service = auth::Service::pop3) {
    auth::Grant grant;
    grant.mailbox = "ann@example.org";
    grant.maildir = "example.org/ann/Maildir";
    grant.service = service;
    return *issuer_->issue(grant, {front_end, connection});
  }
  Result<OpenMaildrop::Reply> open(const std::string& ticket, const std::string& connection) {
    return run_task(io_, pop3d_->call(OpenMaildrop{ticket, connection}));
  }

  asio::io_context io_;
  SilentLogger log_;
  Metrics metrics_;
  std::vector<std::string> usage_;
  std::vector<std::shared_ptr<ipc::Channel>> channels_;
  std::optional<Maild> maild_;
  std::optional<auth::TicketIssuer> issuer_;
  std::shared_ptr<ipc::Channel> queued_;
  std::shared_ptr<ipc::Channel> pop3d_;
};

// The letters of a name that stand for the host: behind the dot that ends the delivery's own.
std::string host_letters(const std::string& file_name) {
  const std::size_t end = file_name.find(',');
  return file_name.substr(end - 6, 6);
}

TEST_F(MaildTest, AnotherHostNameIsInTheNamesThatFollow) {
  const Result<Deliver::Reply> before = deliver(delivery(1));
  ASSERT_TRUE(before) << before.error().detail;
  maild_->set_host_name("mx2.example.org");
  const Result<Deliver::Reply> after = deliver(delivery(2));
  ASSERT_TRUE(after) << after.error().detail;
  EXPECT_NE(host_letters(before->file_name), host_letters(after->file_name));
  maild_->set_host_name("mx.example.org");
  const Result<Deliver::Reply> again = deliver(delivery(3));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(host_letters(before->file_name), host_letters(again->file_name));
}

TEST_F(MaildTest, FromQueueToClient) {
  const Result<Deliver::Reply> delivered = deliver(delivery(1));
  ASSERT_TRUE(delivered) << delivered.error().detail;
  EXPECT_FALSE(delivered->already_there);

  Result<OpenMaildrop::Reply> opened = open(ticket("c1"), "c1");
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ(opened->messages, 1U);
  EXPECT_EQ(opened->octets, delivered_content().size() + 6);
  EXPECT_EQ(maild_->sessions(), 1U);
  const Result<Listing> listing = Listing::open(std::move(opened->descriptor));
  ASSERT_TRUE(listing);
  const std::string name(listing->page(0, 1)->name(0));
  EXPECT_EQ(name, delivered->file_name);

  Result<FetchMessage::Reply> fetched =
      run_task(io_, pop3d_->call(FetchMessage{opened->session, name}));
  ASSERT_TRUE(fetched);
  EXPECT_EQ(fetched->file_bytes, delivered_content().size());
  EXPECT_EQ(*read_all(fetched->descriptor, 1 << 20, name), delivered_content());

  const Result<DeleteMessages::Reply> deleted =
      run_task(io_, pop3d_->call(DeleteMessages{opened->session, {name}}));
  ASSERT_TRUE(deleted);
  EXPECT_EQ(deleted->removed, 1U);
  EXPECT_EQ(names("new").size(), 0U);
  pop3d_->notify(CloseMaildrop{opened->session});
  EXPECT_FALSE(run_task(io_, pop3d_->call(FetchMessage{opened->session, name})));
  EXPECT_EQ(maild_->sessions(), 0U);
}

TEST_F(MaildTest, BlobTravelsAsADescriptor) {
  const std::string body = "Subject: x\n\n" + std::string(400'000, 'x') + "\n";
  put_file(root.path() + "/blob", body);
  Deliver request = delivery(1, "");
  request.descriptor = std::move(*open_file(root.path() + "/blob", O_RDONLY));
  request.body_bytes = body.size();
  const Result<Deliver::Reply> delivered = deliver(std::move(request));
  ASSERT_TRUE(delivered) << delivered.error().detail;
  EXPECT_TRUE(content_of(maildir + "/new/" + delivered->file_name) == delivered_content(body));
}

TEST_F(MaildTest, AskedAgainItSaysSo) {
  ASSERT_TRUE(deliver(delivery(1)));
  const Result<Deliver::Reply> again = deliver(delivery(1));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->already_there);
  EXPECT_EQ(metrics_.counter("maild.deliveries.repeated").value(), 1U);
}

TEST_F(MaildTest, ErrorsKeepTheirKind) {
  Deliver loop = delivery(1, "Delivered-To: ann@example.org\n\n");
  const Result<Deliver::Reply> looped = deliver(std::move(loop));
  ASSERT_FALSE(looped);
  EXPECT_EQ(looped.error().failure, Failure::permanent);
  EXPECT_TRUE(looped.error().reply.starts_with("5.4.6"));

  ASSERT_TRUE(deliver(delivery(2)));
  files.fail("write", ENOSPC);
  const Result<Deliver::Reply> full = deliver(delivery(3));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().failure, Failure::transient);
  EXPECT_TRUE(full.error().reply.starts_with("4.3.1"));
}

TEST_F(MaildTest, MalformedDeliveriesTouchNothing) {
  Deliver bad_path = delivery(1);
  bad_path.target.maildir = "../outside";
  Deliver bad_instance = delivery(2);
  bad_instance.queue_instance = "short";
  Deliver bad_size = delivery(3);
  bad_size.body_bytes += 1;
  for (Deliver* request : {&bad_path, &bad_instance, &bad_size})
    EXPECT_EQ(deliver(std::move(*request)).error().failure, Failure::transient);
  EXPECT_EQ(names_in(root.path()).size(), 0U);
}

TEST_F(MaildTest, FullMailboxIsReported) {
  Deliver request = delivery(1);
  request.target.quota.bytes = delivered_content().size();
  ASSERT_TRUE(deliver(std::move(request)));
  run_ready(io_);
  EXPECT_EQ(usage_,
            (std::vector<std::string>{"ann@example.org short of room", "ann@example.org full"}));
}

// A mailbox opens for a ticket: real, fresh, unused, this connection's, this service's.
TEST_F(MaildTest, TicketsAreChecked) {
  ASSERT_TRUE(deliver(delivery(1)));
  const std::string good = ticket("c1");
  EXPECT_FALSE(open("", "c1"));
  std::string forged = good;
  forged.back() = static_cast<char>(forged.back() ^ 1);
  EXPECT_FALSE(open(forged, "c1"));
  EXPECT_FALSE(open(good, "c2"));
  EXPECT_FALSE(open(ticket("c1", "toast-pop3d.1"), "c1")) << "of another front end";
  EXPECT_FALSE(open(ticket("c1", "toast-pop3d.0", auth::Service::imap), "c1"));
  const std::string fresh = ticket("c3");
  ASSERT_TRUE(open(fresh, "c3"));
  EXPECT_FALSE(open(fresh, "c3")) << "used";
  const std::string old = ticket("c4");
  clock.advance(auth::kTicketLifetime + std::chrono::seconds(1));
  EXPECT_FALSE(open(old, "c4"));
}

TEST_F(MaildTest, TicketsEndWithTheProcessThatIssuedThem) {
  ASSERT_TRUE(deliver(delivery(1)));
  const std::string of_the_dead = ticket("c1");
  clock.advance(std::chrono::seconds(1));
  maild_->issuer_ended(clock.steady());
  EXPECT_FALSE(open(of_the_dead, "c1"));
  EXPECT_TRUE(open(ticket("c2"), "c2"));
}

TEST_F(MaildTest, SessionsBelongToTheirChannelAndGoWithIt) {
  ASSERT_TRUE(deliver(delivery(1)));
  const Result<OpenMaildrop::Reply> opened = open(ticket("c1"), "c1");
  ASSERT_TRUE(opened);
  const std::shared_ptr<ipc::Channel> other = connect("toast-pop3d.1");
  const std::string name = names("new").front();
  EXPECT_FALSE(run_task(io_, other->call(FetchMessage{opened->session, name})));
  EXPECT_FALSE(run_task(io_, other->call(DeleteMessages{opened->session, {name}})));
  EXPECT_TRUE(run_task(io_, pop3d_->call(FetchMessage{opened->session, name})));
  pop3d_->close("crashed");
  for (int turn = 0; turn < 1000 && maild_->sessions() > 0; ++turn) run_ready(io_);
  EXPECT_EQ(maild_->sessions(), 0U);
}

TEST_F(MaildTest, WhoMayAskWhat) {
  EXPECT_EQ(maild_->dispatcher_for("toast-smtpd.0"), nullptr);
  EXPECT_EQ(maild_->dispatcher_for("toast-queuedx"), nullptr);
  // A front end that tries to deliver is cut off.
  EXPECT_FALSE(run_task(io_, pop3d_->call(delivery(1))));
  EXPECT_FALSE(pop3d_->is_open());
  EXPECT_EQ(names_in(root.path()).size(), 0U);
}

// 5000 idle clients: some hundred bytes each, and not one descriptor.
TEST_F(MaildTest, IdleSessionsHoldNoDescriptors) {
  ASSERT_TRUE(deliver(delivery(1)));
  ASSERT_TRUE(open(ticket("warm"), "warm"));
  const std::size_t before = names_in("/proc/self/fd").size();
  for (int n = 0; n < 200; ++n) {
    const std::string connection = "c" + std::to_string(n);
    ASSERT_TRUE(open(ticket(connection), connection));
  }
  EXPECT_EQ(maild_->sessions(), 201U);
  EXPECT_LE(names_in("/proc/self/fd").size(), before);
}

// A message into the mailbox itself, once a day for each share of the quota.
TEST_F(MaildTest, AFillingMailboxIsToldSo) {
  std::uint64_t next = 1;
  const auto fill = [&](std::uint64_t messages) {
    Deliver request = delivery(next++);
    request.target.quota = {0, messages};
    return deliver(std::move(request));
  };
  const auto warnings = [&](std::string_view subject) {
    std::size_t count = 0;
    for (const std::string& name : names("new"))
      count += content_of(maildir + "/new/" + name).find(subject) == std::string::npos ? 0 : 1;
    return count;
  };
  const auto settle = [&] { run_task(io_, maild_->drain()); };
  ASSERT_TRUE(fill(4));
  settle();
  EXPECT_EQ(warnings("Your mailbox"), 0U);
  ASSERT_TRUE(fill(4));
  settle();
  EXPECT_EQ(warnings("Subject: Your mailbox is 50 % full\n"), 1U);
  for (const std::string& name : names("new")) {
    const std::string content = content_of(maildir + "/new/" + name);
    if (content.find("50 %") == std::string::npos) continue;
    EXPECT_TRUE(content.starts_with("Return-Path: <>\nDelivered-To: ann@example.org\n")) << content;
    EXPECT_NE(content.find("From: Mail system <MAILER-DAEMON@mx.example.org>\n"),
              std::string::npos);
    EXPECT_NE(content.find("Auto-Submitted: auto-generated\n"), std::string::npos);
    EXPECT_NE(content.find("    2 of 4 messages are there\n"), std::string::npos) << content;
    EXPECT_LE(content.size(), kQuotaWarningMargin);
  }
  // It counts: 3 of 4. One more fits, then there is no room, which is said once.
  ASSERT_TRUE(fill(4));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(fill(4));
  settle();
  EXPECT_EQ(warnings("Subject: Your mailbox is full\n"), 1U);
  EXPECT_EQ(warnings("Subject: Your mailbox is 50 % full\n"), 1U);
  // Emptied and filled again on the same day: nothing. On the next: once more.
  for (const bool next_day : {false, true}) {
    for (const std::string& name : names("new")) std::filesystem::remove(maildir + "/new/" + name);
    std::filesystem::remove(maildir + "/maildirsize");
    if (next_day) clock.advance(kQuotaWarningInterval);
    ASSERT_TRUE(fill(4));
    ASSERT_TRUE(fill(4));
    settle();
    EXPECT_EQ(warnings("Subject: Your mailbox is 50 % full\n"), next_day ? 1U : 0U);
  }
}

TEST(QuotaPercentages, AsTheSettingSays) {
  EXPECT_EQ(parse_percentages("80 95 100"), (std::vector<unsigned>{80, 95, 100}));
  EXPECT_EQ(parse_percentages("7"), std::vector<unsigned>{7});
  EXPECT_TRUE(parse_percentages("off").empty());
}

// The directory of a domain with a quota and two mailboxes.
class FakeQuotaDirectory final : public QuotaDirectory {
 public:
  Task<Result<vdomain::FindQuotaDomains::Reply>> domains(vdomain::FindQuotaDomains) override {
    if (away) co_return transient("away");
    vdomain::FindQuotaDomains::Reply reply;
    if (quota.limited()) reply.domains.push_back({*Domain::parse("example.org"), quota});
    co_return reply;
  }
  Task<Result<vdomain::FindQuotaHolders::Reply>> holders(vdomain::FindQuotaHolders) override {
    ++asked_for_holders;
    if (away) co_return transient("away");
    vdomain::FindQuotaHolders::Reply reply;
    for (const std::string name : {"ann", "ben", "never"})
      reply.holders.push_back({name, "example.org/" + name + "/Maildir", quota});
    co_return reply;
  }
  Task<Result<vdomain::Resolve::Reply>> resolve(vdomain::Resolve) override {
    vdomain::Resolve::Reply reply;
    reply.status = vdomain::Resolve::Status::resolved;
    reply.instructions.emplace_back(
        vdomain::DeliverMaildir{*Address::parse("ben@example.org"), "example.org/ben/Maildir", {}});
    co_return reply;
  }
  void report(vdomain::DomainUsageReport report) override {
    if (report.state == vdomain::RoomState::full) ++said_full;
  }
  vdomain::Quota quota;
  bool away = false;
  int asked_for_holders = 0;
  int said_full = 0;
};

class MaildDomainTest : public MaildTest {
 protected:
  void measure(vdomain::Quota quota) {
    directory_->quota = quota;
    maild_->measure_domains(directory_);
    run_ready(io_);
  }
  Result<Deliver::Reply> deliver_to(const std::string& name, std::uint64_t message) {
    Deliver request = delivery(message);
    request.target = {*Address::parse(name + "@example.org"), "example.org/" + name + "/Maildir",
                      directory_->quota};
    return deliver(std::move(request));
  }
  std::size_t messages_of(const std::string& name) const {
    return names_in(root.path() + "/example.org/" + name + "/Maildir/new").size();
  }
  std::shared_ptr<FakeQuotaDirectory> directory_ = std::make_shared<FakeQuotaDirectory>();
};

TEST_F(MaildDomainTest, AFullDomainTakesNoMailForAnyOfItsMailboxes) {
  const std::uint64_t size = delivered_content().size();
  measure({3 * size, 0});
  ASSERT_TRUE(deliver_to("ann", 1));
  ASSERT_TRUE(deliver_to("ben", 2));
  ASSERT_TRUE(deliver_to("ann", 3));
  const Result<Deliver::Reply> fourth = deliver_to("ben", 4);
  ASSERT_FALSE(fourth);
  EXPECT_EQ(fourth.error().failure, Failure::transient);
  EXPECT_EQ(fourth.error().reply, "4.2.2 the domain is over quota");
  EXPECT_EQ(messages_of("ann"), 2U);
  EXPECT_EQ(directory_->asked_for_holders, 1) << "one sum, kept up to date";
  run_task(io_, maild_->drain());
  EXPECT_GE(directory_->said_full, 1);
  // Half of it was crossed by the second, and the fourth was refused: two warnings to the
  // postmaster, no matter how often.
  EXPECT_FALSE(deliver_to("ann", 5));
  run_task(io_, maild_->drain());
  EXPECT_EQ(messages_of("ben"), 3U);
  EXPECT_TRUE(std::filesystem::exists(root.path() + "/example.org/ben/Maildir/quotawarn-domain"));
}

TEST_F(MaildDomainTest, WhatWasThereBeforeIsCounted) {
  const std::uint64_t size = delivered_content().size();
  ASSERT_TRUE(deliver_to("ann", 1));
  ASSERT_TRUE(deliver_to("ben", 2));
  measure({2 * size, 0});
  EXPECT_FALSE(deliver_to("ann", 3));
}

TEST_F(MaildDomainTest, WithoutTheDirectoryMailIsDeliveredUnmeasured) {
  const std::uint64_t size = delivered_content().size();
  measure({2 * size, 0});
  directory_->away = true;
  directory_->quota = {20 * size, 0};  // of each mailbox
  ASSERT_TRUE(deliver_to("ann", 1));
  ASSERT_TRUE(deliver_to("ben", 2));
  EXPECT_TRUE(deliver_to("ann", 3)) << "there is room in the mailbox, and the domain is not known";
}

TEST_F(MaildDomainTest, OtherDomainsAreNotMeasured) {
  measure({});
  ASSERT_TRUE(deliver_to("ann", 1));
  EXPECT_EQ(directory_->asked_for_holders, 0);
}

}  // namespace
}  // namespace toast::maildir
