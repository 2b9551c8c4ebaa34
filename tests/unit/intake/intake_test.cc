// What a submission says arrives in the queue, whole.
#include "mta/queue/logins.h"
#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

class IntakeTest : public QueueTest {
 protected:
  // Submits and returns what the store holds then.
  std::optional<Envelope> keep(SubmitBegin begin) {
    begin.peer = "192.0.2.7";
    directory_.failing = true;  // it stays in the queue
    begin.submission = ++submission_;
    begin.id = next_id();
    smtpd_->notify(std::move(begin));
    EXPECT_TRUE(finish(submission_, "x\n"));
    for (const MessageState& message : store_.live()) return message.envelope.unpack();
    return std::nullopt;
  }
  std::string ticket(const std::string& connection, const std::string& mailbox,
                     auth::Service service = auth::Service::smtp) {
    auth::Grant grant;
    grant.mailbox = mailbox;
    grant.maildir = "maildir/" + mailbox;
    grant.service = service;
    return *issuer_.issue(grant, {"toast-smtpd.0", connection});
  }
  bool redeem(std::string ticket, std::string connection) {
    RedeemTicket message{std::move(ticket), std::move(connection)};
    return wait_for(smtpd_->call(std::move(message))).has_value();
  }
  void log_in(const std::string& connection, const std::string& mailbox) {
    EXPECT_TRUE(redeem(ticket(connection, mailbox), connection));
  }
  bool may_begin(const std::string& connection) {
    CheckSpace question{0, connection};
    return wait_for(smtpd_->call(std::move(question))).has_value();
  }
  // The answer to a message to these, from this peer and connection: "" or the reply.
  std::string send(const std::string& peer, const std::string& connection,
                   std::vector<std::string> to) {
    SubmitBegin begin;
    begin.submission = ++submission_;
    begin.id = next_id();
    for (const std::string& recipient : to) begin.recipients.emplace_back(address(recipient));
    begin.peer = peer;
    begin.connection = connection;
    smtpd_->notify(std::move(begin));
    Result<ipc::Done> done = wait_for(send_body(submission_, "x\n"));
    return done ? "" : done.error().reply;
  }
  auth::TicketIssuer issuer_{Secret(std::string(auth::kTicketKeyBytes, 'k')), clock_};
  bool finish(std::uint32_t number, std::string content) {
    std::optional<bool> stored;
    asio::co_spawn(io_, send_body(number, std::move(content)),
                   [&stored](std::exception_ptr, Result<ipc::Done> r) { stored = r.has_value(); });
    return run_until([&stored] { return stored.has_value(); }) && *stored;
  }
};

TEST_F(IntakeTest, EverythingOfTheEnvelopeIsKept) {
  SubmitBegin begin;
  begin.reverse_path = address("list-@client.test");
  begin.verp = true;
  begin.recipients = {{address("ann@example.org"), kNotifySuccess | kNotifyDelay, "rfc822;a+2Bb"},
                      {address("bob@example.org"), kNotifyNever, {}}};
  begin.body_type = BodyType::eight_bit_mime;
  begin.smtputf8 = true;
  begin.ret = DsnReturn::headers;
  begin.envid = "QQ 314159";
  begin.peer = "192.0.2.7";
  begin.helo = "client.test";
  begin.connection = "c1";
  log_in("c1", "carl@example.org");
  EXPECT_TRUE(may_begin("c1"));  // the sending limits are known while the directory is there
  Envelope wanted;
  wanted.reverse_path = "list-@client.test-@[]";  // as qmail writes it
  wanted.recipients = {
      {"ann@example.org", {}, "rfc822;a+2Bb", std::uint8_t{kNotifySuccess | kNotifyDelay}},
      {"bob@example.org", {}, {}, kNotifyNever}};
  wanted.eight_bit_mime = wanted.smtputf8 = wanted.verp = true;
  wanted.ret = DsnReturn::headers;
  wanted.envid = "QQ 314159";
  wanted.peer = "192.0.2.7";
  wanted.helo = "client.test";
  wanted.authenticated = "carl@example.org";
  const std::optional<Envelope> kept = keep(std::move(begin));
  ASSERT_TRUE(kept);
  EXPECT_EQ(*kept, wanted);
}

TEST_F(IntakeTest, APlainEnvelopeSaysNothingMore) {
  SubmitBegin begin;
  begin.recipients.emplace_back(address("ann@example.org"));
  const std::optional<Envelope> kept = keep(std::move(begin));
  ASSERT_TRUE(kept);
  Envelope wanted;
  wanted.recipients = {{"ann@example.org", {}, {}, 0}};
  wanted.peer = "192.0.2.7";
  EXPECT_EQ(*kept, wanted);
}

// smtpd's word is not enough: strangers get nothing relayed, and local domains are asked for.
TEST_F(IntakeTest, StrangersReachOurDomainsOnly) {
  EXPECT_EQ(send("203.0.113.5", "", {"ann@example.org"}), "");
  EXPECT_EQ(send("203.0.113.5", "", {"x@remote.test"}), "5.7.1 relaying denied");
  EXPECT_EQ(send("203.0.113.5", "", {"ann@example.org", "x@remote.test"}), "5.7.1 relaying denied");
  EXPECT_EQ(send("", "", {"x@remote.test"}), "5.7.1 relaying denied");
  EXPECT_EQ(send("192.0.2.7", "", {"x@remote.test"}), "");  // relaynetworks
  EXPECT_EQ(log_.events["queue.relay.refused"], 3);
}

// What nobody can tell now is for later. What was ours when it was last asked still is.
TEST_F(IntakeTest, AnAbsentDirectoryIsTransient) {
  directory_.failing = true;
  EXPECT_EQ(send("203.0.113.5", "", {"ann@example.org"}), "4.3.0 try again later");
  directory_.failing = false;
  EXPECT_EQ(send("203.0.113.5", "", {"ann@example.org"}), "");
  run_until_quiet();
  directory_.failing = true;
  EXPECT_EQ(send("203.0.113.5", "", {"bob@example.org"}), "");
  clock_.advance(kLocalDomainAge);
  EXPECT_EQ(send("203.0.113.5", "", {"bob@example.org"}), "");
  EXPECT_EQ(send("203.0.113.5", "", {"x@remote.test"}), "4.3.0 try again later");
  directory_.failing = false;
  directory_.table.clear();
  directory_.remote_domains.insert("example.org");  // given away
  EXPECT_EQ(send("203.0.113.5", "", {"bob@example.org"}), "5.7.1 relaying denied");
}

TEST_F(IntakeTest, ALoginMaySendFromItsConnectionOnly) {
  log_in("c1", "carl@example.org");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send("203.0.113.5", "c1", {"x@remote.test"}), "");
  EXPECT_EQ(send("203.0.113.5", "c2", {"x@remote.test"}), "4.7.0 log in again");
  EXPECT_EQ(send("203.0.113.5", "c2", {"ann@example.org"}), "4.7.0 log in again");
  smtpd_->notify(EndLogin{"c1"});
  EXPECT_EQ(send("203.0.113.5", "c1", {"x@remote.test"}), "4.7.0 log in again");
}

TEST_F(IntakeTest, LoginsDoNotLastForEver) {
  log_in("c1", "carl@example.org");
  clock_.advance(kLoginLifetime);
  EXPECT_EQ(send("203.0.113.5", "c1", {"x@remote.test"}), "4.7.0 log in again");
}

// Used before, another connection's, another smtpd's, another service's, authd's that has ended.
TEST_F(IntakeTest, TicketsThatAreNotGood) {
  const std::string once = ticket("c1", "carl@example.org");
  EXPECT_TRUE(redeem(once, "c1"));
  EXPECT_FALSE(redeem(once, "c1"));
  EXPECT_FALSE(redeem(ticket("c2", "carl@example.org"), "c3"));
  EXPECT_FALSE(redeem(ticket("c4", "carl@example.org", auth::Service::pop3), "c4"));
  EXPECT_FALSE(redeem("forged", "c5"));
  const std::string late = ticket("c6", "carl@example.org");
  const auto other = connect(queue_->client("toast-smtpd.1"));
  RedeemTicket stolen{late, "c6"};
  EXPECT_FALSE(wait_for(other->call(std::move(stolen))));
  other->close("test");
  clock_.advance(auth::kTicketLifetime);
  EXPECT_FALSE(redeem(late, "c6"));
  EXPECT_EQ(log_.events["queue.login.refused"], 6);
  EXPECT_EQ(send("203.0.113.5", "c1", {"x@remote.test"}), "");  // the good one still is
}

// Recipients at other hosts are counted for the login and for its domain; what stays here is not.
TEST_F(IntakeTest, ALoginHasItsLimits) {
  options_.login_limit = {3, 0};
  options_.domain_limit = {5, 0};
  queue_->set_options(options_);
  const std::string over = "4.7.1 sending limit reached, try again later";
  log_in("c1", "carl@example.org");
  log_in("c2", "dora@example.org");
  EXPECT_EQ(send("203.0.113.5", "c1", {"x@remote.test", "y@remote.test", "ann@example.org"}), "");
  EXPECT_EQ(send("203.0.113.5", "c1", {"x@remote.test", "y@remote.test"}), over);
  EXPECT_EQ(send("203.0.113.5", "c1", {"ann@example.org", "bob@example.org"}), "");
  EXPECT_TRUE(may_begin("c1"));
  EXPECT_EQ(send("203.0.113.5", "c1", {"x@remote.test"}), "");
  EXPECT_FALSE(may_begin("c1"));
  EXPECT_TRUE(may_begin("c2"));
  EXPECT_EQ(send("203.0.113.5", "c2", {"x@remote.test", "y@remote.test"}), "");
  EXPECT_FALSE(may_begin("c2"));  // the domain's
  EXPECT_EQ(send("203.0.113.5", "", {"ann@example.org"}), "");
  EXPECT_EQ(send("192.0.2.7", "", {"x@remote.test"}), "");  // relaynetworks
  clock_.advance(std::chrono::hours{2});
  EXPECT_TRUE(may_begin("c1"));
  EXPECT_EQ(log_.events["queue.sender.limited"], 1);
}

// All domains of an owner together; the directory's limits stand in place of the settings.
TEST_F(IntakeTest, AnOwnerHasItsLimits) {
  options_.owner_limit = {3, 0};
  options_.domain_limit = {1, 0};
  queue_->set_options(options_);
  directory_.sending["example.org"] = {{0, std::nullopt}, "kate@owner.test", {}};
  directory_.sending["other.test"] = {{4, std::nullopt}, "kate@owner.test", {}};
  directory_.sending["alone.test"] = {{0, std::nullopt}, "", {}};
  directory_.mailbox("kate@owner.test");
  log_in("c1", "carl@example.org");
  log_in("c2", "dora@other.test");
  log_in("c3", "eve@alone.test");
  EXPECT_EQ(send("203.0.113.5", "c1", {"x@remote.test", "y@remote.test"}), "")
      << "the domain's setting is lifted for it";
  EXPECT_EQ(send("203.0.113.5", "c2", {"x@remote.test"}), "");
  EXPECT_FALSE(may_begin("c1"));
  EXPECT_FALSE(may_begin("c2"));
  EXPECT_TRUE(may_begin("c3"));
  EXPECT_NE(send("203.0.113.5", "c2", {"x@remote.test"}), "");
  EXPECT_NE(send("203.0.113.5", "c1", {"x@remote.test"}), "");
  run_until_quiet();
  const auto notices = maild_.in("kate@owner.test");
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_NE(notices[0].content.find("owner kate@owner.test may send to 3 recipients in an hour"),
            std::string::npos);
  // A limit of its own, seen within a minute.
  directory_.sending["example.org"].of_owner = {10, 4};
  EXPECT_FALSE(may_begin("c1"));
  clock_.advance(kSendingDomainAge);
  EXPECT_TRUE(may_begin("c1"));
  EXPECT_EQ(send("203.0.113.5", "c1", {"x@remote.test"}), "");
  EXPECT_FALSE(may_begin("c1")) << "of the day";
}

// The last word counts while the directory is away; without one mail waits.
TEST_F(IntakeTest, SendingLimitsWhileTheDirectoryIsAway) {
  directory_.sending["example.org"] = {{1, std::nullopt}, "", {}};
  log_in("c1", "carl@example.org");
  log_in("c2", "dora@other.test");
  EXPECT_TRUE(may_begin("c1"));
  EXPECT_TRUE(may_begin("c1"));
  EXPECT_EQ(directory_.asked_for_limits, 1) << "remembered";
  directory_.failing = true;
  clock_.advance(kSendingDomainAge);
  EXPECT_TRUE(may_begin("c1"));
  EXPECT_FALSE(may_begin("c2"));
  directory_.failing = false;
  EXPECT_EQ(send("203.0.113.5", "c1", {"x@remote.test"}), "");
  directory_.failing = true;
  EXPECT_FALSE(may_begin("c1")) << "its limit is reached, as far as is known";
}

// Whoever looks after the domain and the host hears of it, once a day.
TEST_F(IntakeTest, ALimitThatIsReachedIsReported) {
  options_.login_limit = {0, 1};
  queue_->set_options(options_);
  directory_.remote_domains.insert("far.test");
  directory_.mailbox("postmaster@remote.test");
  log_in("c1", "carl@remote.test");
  for (int i = 0; i < 3; ++i)
    EXPECT_NE(send("203.0.113.5", "c1", {"x@far.test", "y@far.test"}), "");
  const auto notices = [this](const char* mailbox) {
    run_until_quiet();
    return maild_.in(mailbox);
  };
  const auto far = notices("postmaster@remote.test");
  ASSERT_EQ(far.size(), 1U);
  EXPECT_EQ(far[0].reverse_path, "");
  EXPECT_NE(far[0].content.find("\nSubject: Sending limit reached: login carl@remote.test\n"),
            std::string::npos);
  EXPECT_NE(far[0].content.find("login carl@remote.test may send to 1 recipients in a day"),
            std::string::npos);
  EXPECT_NE(far[0].content.find("toastctl account lock carl@remote.test\n"), std::string::npos);
  EXPECT_EQ(notices("postmaster@example.org").size(), 1U);  // doublebounceto
  clock_.advance(std::chrono::hours{24});
  log_in("c2", "carl@remote.test");
  EXPECT_NE(send("203.0.113.5", "c2", {"x@far.test", "y@far.test"}), "");
  EXPECT_EQ(notices("postmaster@example.org").size(), 2U);
}

// A login that does not stop at its limit: it may send nothing more, to nobody, until an operator
// lets it; what waits of it is held, and whoever looks after the domain is told once.
TEST_F(IntakeTest, ARunawayIsSuspended) {
  options_.login_limit = {1, 0};
  options_.suspend_after = 5;
  queue_->set_options(options_);
  directory_.mailbox("postmaster@remote.test");
  const std::string over = "4.7.1 sending limit reached, try again later";
  const std::string stopped = "5.7.1 this account may not send mail, ask your administrator";
  log_in("c1", "carl@remote.test");
  log_in("c2", "dora@remote.test");
  directory_.remote_domains.insert("far.test");
  EXPECT_EQ(send("203.0.113.5", "c1", {"x@far.test"}), "");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send("203.0.113.5", "c1", {"x@far.test"}), over);
  EXPECT_FALSE(may_begin("c1"));
  EXPECT_EQ(log_.events["queue.sender.suspended"], 0);
  EXPECT_FALSE(may_begin("c1"));  // the fifth time
  EXPECT_EQ(log_.events["queue.sender.suspended"], 1);
  EXPECT_EQ(send("203.0.113.5", "c1", {"ann@example.org"}), stopped);
  EXPECT_FALSE(may_begin("c1"));
  EXPECT_TRUE(may_begin("c2"));
  clock_.advance(std::chrono::hours{5});  // time alone does not restore it
  log_in("c3", "carl@remote.test");
  EXPECT_EQ(send("203.0.113.5", "c3", {"x@far.test"}), stopped);
  run_until_quiet();
  std::size_t notices = 0;
  for (const auto& message : maild_.in("postmaster@remote.test"))
    if (message.content.find("Subject: Sending suspended: carl@remote.test\n") != std::string::npos)
      ++notices;
  EXPECT_EQ(notices, 1U);
}

// A limit of the whole domain is not the fault of the one who meets it.
TEST_F(IntakeTest, NobodyIsSuspendedForTheLimitOfADomain) {
  options_.domain_limit = {1, 0};
  options_.suspend_after = 2;
  queue_->set_options(options_);
  log_in("c1", "carl@example.org");
  EXPECT_EQ(send("203.0.113.5", "c1", {"x@remote.test"}), "");
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(may_begin("c1"));
  EXPECT_EQ(log_.events["queue.sender.suspended"], 0);
}

// What was not taken into the queue does not count.
TEST_F(IntakeTest, AFailureCountsForNothing) {
  options_.login_limit = {1, 0};
  options_.max_message = 1;
  queue_->set_options(options_);
  log_in("c1", "carl@example.org");
  for (int i = 0; i < 3; ++i) {
    SubmitBegin begin;
    begin.submission = ++submission_;
    begin.id = next_id();
    begin.recipients.emplace_back(address("x@remote.test"));
    begin.connection = "c1";
    smtpd_->notify(std::move(begin));
    EXPECT_FALSE(finish(submission_, std::string(10'000, 'x')));
  }
  EXPECT_EQ(send("203.0.113.5", "c1", {"x@remote.test"}), "");
}

}  // namespace
}  // namespace toast::queue
