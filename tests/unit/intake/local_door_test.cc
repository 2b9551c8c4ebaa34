// Users of this machine hand in mail: who they are, what becomes of it, what bounds them.
#include "mta/queue/local_door.h"

#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

constexpr uid_t kUser = 1000;

class LocalDoorTest : public QueueTest {
 protected:
  LocalDoorTest() { options_.no_at_host = "example.org"; }
  void SetUp() override {
    QueueTest::SetUp();
    directory_.failing = true;  // mail stays in the queue
  }

  struct Visitor {
    std::shared_ptr<ipc::Channel> channel;
    std::function<void()> on_gone;
  };
  Visitor enter(uid_t uid = kUser) {
    std::optional<PeerSocket::Guest> guest = queue_->local_user(uid);
    if (!guest) return {};
    return {connect(guest->dispatcher), guest->on_gone};
  }
  static void leave(const Visitor& visitor) {
    visitor.channel->close("test");
    visitor.on_gone();
  }
  template <class Request>
  Result<typename Request::Reply> call(const Visitor& visitor, Request request) {
    auto calling = visitor.channel->call(std::move(request));
    return wait_for(std::move(calling));
  }
  Result<ipc::Done> send(const Visitor& visitor, std::vector<LocalRecipient> to, LocalEnd end) {
    if (auto opened = call(visitor, LocalOpen{end.submission}); !opened) return pass(opened);
    if (auto added = call(visitor, LocalRecipients{end.submission, std::move(to)}); !added)
      return pass(added);
    return call(visitor, std::move(end));
  }
  MessageState only_message() {
    const std::vector<MessageState> live = store_.live();
    EXPECT_EQ(live.size(), 1U);
    return live.empty() ? MessageState{} : live.front();
  }
  std::string content(MessageId id) { return store_.read_body(id)->bytes; }
};

TEST_F(LocalDoorTest, WhoItWasIsInTheEnvelopeAndInTheReceivedField) {
  const Visitor user = enter();
  const Result<ipc::Done> done = send(
      user,
      {{"ann@example.org", kNotifyNever, {}}, {"bob", 0, "rfc822;b"}, {"bob@example.org", 0, {}}},
      {7, "me@example.org", DsnReturn::headers, "QQ", "Subject: x\n\n\xe4 no line end"});
  ASSERT_TRUE(done) << done.error().detail;
  const MessageState message = only_message();
  EXPECT_EQ(message.origin, Origin::local);
  Envelope wanted;
  wanted.reverse_path = "me@example.org";
  wanted.recipients = {{"ann@example.org", {}, {}, kNotifyNever},
                       {"bob@example.org", {}, "rfc822;b", 0}};
  wanted.eight_bit_mime = true;
  wanted.ret = DsnReturn::headers;
  wanted.envid = "QQ";
  wanted.peer = "uid 1000";
  EXPECT_EQ(message.envelope.unpack(), wanted);
  EXPECT_EQ(content(message.id), format_local_received(message.id, kUser, clock_.wall()) +
                                     "Subject: x\n\n\xe4 no line end\n");
  EXPECT_EQ(format_local_received(MessageId(0), 5, WallTime{std::chrono::seconds{86400}}),
            "Received: (toast-queue 0000000000000 invoked by uid 5); 2 Jan 1970 00:00:00 -0000\n");
}

TEST_F(LocalDoorTest, SpecialSenders) {
  const std::pair<std::string, bool> senders[] = {
      {"list-@example.org-@[]", true}, {"#@[]", false}, {"", false}};
  for (const auto& [sender, verp] : senders) {
    const Visitor user = enter();
    ASSERT_TRUE(send(user, {{"ann@example.org", 0, {}}}, {1, sender, {}, {}, {}}));
    const std::vector<MessageState> live = store_.live();
    const auto found = std::find_if(live.begin(), live.end(), [&sender = sender](const auto& m) {
      return m.envelope.reverse_path() == sender;
    });
    ASSERT_NE(found, live.end()) << sender;
    EXPECT_EQ(found->envelope.verp(), verp);
    leave(user);
  }
}

TEST_F(LocalDoorTest, ToNobodyIsTakenAndForgotten) {
  EXPECT_TRUE(send(enter(), {}, {1, "me@example.org", {}, {}, "x\n"}));
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(LocalDoorTest, WhatIsRefused) {
  const Visitor user = enter();
  const auto refused =
      send(user, {{"ann@example.org", 0, {}}, {"a\nb@c.test", 0, {}}}, {1, "", {}, {}, {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::permanent);
  EXPECT_EQ(refused.error().reply.substr(0, 5), "5.1.3");
  EXPECT_FALSE(call(user, LocalEnd{1, "", {}, {}, {}}));  // it is over with that
  EXPECT_FALSE(send(user, {{"ann@example.org", 0, {}}}, {2, "bad@", {}, {}, {}}));
  EXPECT_FALSE(call(user, SubmitChunk{9, "x"}));  // never begun
  EXPECT_TRUE(store_.live().empty());
  EXPECT_EQ(log_.events["queue.local.refused"], 2);
}

TEST_F(LocalDoorTest, NoRoomIsTransient) {
  store_.has_room = false;
  const auto refused = call(enter(), LocalOpen{1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::transient);
  EXPECT_EQ(refused.error().reply.substr(0, 5), "4.3.1");
}

TEST_F(LocalDoorTest, ConnectionsOfOneUserAreBounded) {
  std::vector<Visitor> users;
  for (std::size_t i = 0; i < kMaxUserConnections; ++i) users.push_back(enter());
  EXPECT_FALSE(queue_->local_user(kUser));
  EXPECT_TRUE(queue_->local_user(kUser + 1));  // others are not concerned
  leave(users.back());
  EXPECT_TRUE(queue_->local_user(kUser));
}

TEST_F(LocalDoorTest, ManyUsersTogetherAreBoundedToo) {
  std::vector<std::optional<PeerSocket::Guest>> guests;
  for (std::size_t i = 0; i < kMaxLocalConnections; ++i)
    guests.push_back(queue_->local_user(static_cast<uid_t>(kUser + i / kMaxUserConnections)));
  EXPECT_TRUE(guests.back());
  EXPECT_FALSE(queue_->local_user(99));
  EXPECT_TRUE(queue_->local_user(0));  // root's mail gets off
}

TEST_F(LocalDoorTest, OpenMessagesOfOneUserAreBounded) {
  const Visitor user = enter();
  const Visitor same_user = enter();
  for (std::uint32_t i = 0; i < kMaxUserSubmissions; ++i) ASSERT_TRUE(call(user, LocalOpen{i}));
  const auto refused = call(same_user, LocalOpen{1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::transient);
  user.channel->notify(SubmitAbort{0});
  ASSERT_FALSE(call(user, LocalOpen{1}));  // open already; and the abort has been read
  EXPECT_TRUE(call(same_user, LocalOpen{1}));
  leave(user);
  for (std::uint32_t i = 2; i < kMaxUserSubmissions; ++i)
    ASSERT_TRUE(call(same_user, LocalOpen{i}));
}

}  // namespace
}  // namespace toast::queue
