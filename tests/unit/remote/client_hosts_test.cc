// Which address we connect from, which hosts come last, which connections are kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mta/remote/connection_pool.h"
#include "mta/remote/host_troubles.h"
#include "mta/remote/outgoing.h"
#include "tests/dialogue/remote/scripted_host.h"

namespace toast::remote {
namespace {

// --- outgoingip

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

TEST(OutgoingAddresses, DomainThenAllMailThenTheKernel) {
  Result<OutgoingAddresses> parsed =
      OutgoingAddresses::parse({"192.0.2.1", "2001:db8::1 six.test",
                                "Example.ORG 192.0.2.7 out.example.org", "other.test 2001:db8::7"},
                               "mx.test");
  ASSERT_TRUE(parsed) << parsed.error().detail;
  const OutgoingAddresses& out = *parsed;
  EXPECT_EQ(out.group_of("a@EXAMPLE.org"), "example.org");
  EXPECT_EQ(out.group_of("a@sub.example.org"), "");
  EXPECT_EQ(out.group_of(""), "");
  EXPECT_EQ(out.choose("example.org", true), (Source{ip("192.0.2.7"), "out.example.org"}));
  EXPECT_EQ(out.choose("example.org", false), (Source{ip("2001:db8::1"), "six.test"}));
  EXPECT_EQ(out.choose("other.test", false), (Source{ip("2001:db8::7"), "mx.test"}));
  EXPECT_EQ(out.choose("", true), (Source{ip("192.0.2.1"), "mx.test"}));
  EXPECT_EQ(OutgoingAddresses::parse({}, "mx.test")->choose("", true),
            (Source{std::nullopt, "mx.test"}));
}

TEST(OutgoingAddresses, BadLinesAreQuoted) {
  for (const std::string line :
       {"example.org", "192.0.2.1 a b", "192.0.2.1 -x-", "1.2.3", "example.org mx.test",
        "exa_mple 192.0.2.1", "192.0.2.1 mx\x01test", "example.org 192.0.2.1 a b"}) {
    Result<OutgoingAddresses> parsed = OutgoingAddresses::parse({line}, "mx.test");
    ASSERT_FALSE(parsed) << line;
    EXPECT_THAT(parsed.error().detail, testing::HasSubstr("control/outgoingip: \"" + line));
  }
  EXPECT_FALSE(OutgoingAddresses::parse({"192.0.2.1", "192.0.2.2"}, "mx.test"));
}

// --- hosts in trouble

Candidate candidate(std::string_view address) { return {std::string(address), {ip(address), 25}}; }

TEST(HostTroubles, TroubledHostsComeLastForAMinute) {
  FakeClock clock;
  HostTroubles troubles(clock);
  const std::vector<Candidate> order = {candidate("192.0.2.1"), candidate("192.0.2.2"),
                                        candidate("192.0.2.3")};
  troubles.note(order[0].endpoint);
  std::vector<Candidate> now = order;
  troubles.put_last(now);
  EXPECT_THAT(now, testing::ElementsAre(order[1], order[2], order[0]));
  clock.advance(kTroubleTime);
  now = order;
  troubles.put_last(now);
  EXPECT_EQ(now, order);
  troubles.note(order[1].endpoint);
  troubles.forget(order[1].endpoint);
  troubles.put_last(now);
  EXPECT_EQ(now, order);
}

TEST(HostTroubles, AreBounded) {
  FakeClock clock;
  HostTroubles troubles(clock);
  const auto note_many = [&](std::uint8_t net) {
    for (std::uint32_t i = 0; i < kMaxRecentHosts + 10; ++i)
      troubles.note(
          {IpAddress::v4({net, static_cast<std::uint8_t>(i >> 16U),
                          static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)}),
           25});
  };
  note_many(10);
  EXPECT_EQ(troubles.size(), kMaxRecentHosts);
  clock.advance(kTroubleTime);
  note_many(11);  // the old ones make room
  EXPECT_EQ(troubles.size(), kMaxRecentHosts);
}

// --- kept connections

class Pool : public testing::Test {
 protected:
  // `line` is what the host does next.
  std::unique_ptr<Connection> connection(const std::string& script) {
    hosts_.push_back(
        std::make_unique<ScriptedHost>(dialogue::parse_script(script, "")->steps, clock_));
    return std::make_unique<Connection>(hosts_.back()->wire(), clock_, Connection::Setup{});
  }
  std::unique_ptr<Connection> quiet() { return connection("C: QUIT\nS: 221 bye\n"); }
  void run() {
    io_.restart();
    io_.poll();
  }
  std::size_t closed() const {
    return static_cast<std::size_t>(std::count_if(
        hosts_.begin(), hosts_.end(), [](const auto& host) { return host->complaint().empty(); }));
  }
  FakeClock clock_;
  asio::io_context io_;
  std::vector<std::unique_ptr<ScriptedHost>> hosts_;
  ConnectionPool pool_{io_.get_executor(), clock_};
};

TEST_F(Pool, GivesTheLatestFirstAndOnlyTheSameDestination) {
  std::unique_ptr<Connection> first = quiet();
  std::unique_ptr<Connection> second = quiet();
  Connection* const latest = second.get();
  pool_.give("a", std::move(first));
  pool_.give("a", std::move(second));
  EXPECT_EQ(pool_.take("b"), nullptr);
  EXPECT_EQ(pool_.take("a").get(), latest);
  EXPECT_NE(pool_.take("a"), nullptr);
  EXPECT_EQ(pool_.take("a"), nullptr);
  EXPECT_EQ(pool_.size(), 0U);
}

TEST_F(Pool, ClosedOnesAreNotGiven) {
  pool_.give("a", connection("wait 1s\nS.\n"));
  pool_.give("a", connection("S: 421 bye\n"));
  EXPECT_EQ(pool_.size(), 1U);  // the second had spoken
  EXPECT_NE(pool_.take("a"), nullptr);
}

TEST_F(Pool, IdleOnesAreClosed) {
  pool_.give("a", quiet());
  clock_.advance(kMaxIdle - std::chrono::seconds{1});
  pool_.give("a", quiet());
  pool_.close_idle();
  EXPECT_EQ(pool_.size(), 2U);
  clock_.advance(std::chrono::seconds{1});
  pool_.close_idle();
  run();
  EXPECT_EQ(pool_.size(), 1U);
  EXPECT_EQ(closed(), 1U);
}

TEST_F(Pool, TheOneIdleLongestMakesRoom) {
  pool_.give("first", quiet());
  for (std::size_t i = 0; i < kMaxKept; ++i) pool_.give("x" + std::to_string(i), quiet());
  EXPECT_EQ(pool_.size(), kMaxKept);
  EXPECT_EQ(pool_.take("first"), nullptr);
  EXPECT_NE(pool_.take("x0"), nullptr);
  EXPECT_NE(pool_.take("x" + std::to_string(kMaxKept - 1)), nullptr);
}

TEST_F(Pool, HasLimits) {
  for (std::size_t i = 0; i < kMaxKeptPerDestination + 1; ++i) pool_.give("a", quiet());
  EXPECT_EQ(pool_.size(), kMaxKeptPerDestination);
  for (std::size_t i = 0; i < kMaxKept; ++i) pool_.give("x" + std::to_string(i), quiet());
  EXPECT_EQ(pool_.size(), kMaxKept);
  run();
  EXPECT_EQ(closed(), hosts_.size() - kMaxKept);
  pool_.close_all();
  run();
  EXPECT_EQ(closed(), hosts_.size());
  pool_.give("a", quiet());
  EXPECT_EQ(pool_.size(), 0U);
}

}  // namespace
}  // namespace toast::remote
