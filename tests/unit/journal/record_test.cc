// Records: limits, folding, and that bytes give back what was put in.
#include "mta/queue/journal/record.h"

#include <gtest/gtest.h>

#include "mta/queue/journal/record_codec.h"
#include "tests/crash/journal/model.h"

namespace toast::queue {
namespace {

Envelope record_envelope(std::size_t recipients) {
  Envelope made;
  made.reverse_path = "bob@example.net";
  for (std::size_t i = 0; i < recipients; ++i)
    made.recipients.push_back({"ann@example.org", "Ann@example.org", "rfc822;ann", kNotifyDelay});
  made.eight_bit_mime = true;
  made.verp = true;
  made.ret = DsnReturn::full;
  made.envid = "QQ314159";
  made.authenticated = "bob";
  made.peer = "2001:db8::7";
  return made;
}

Accepted accepted(std::size_t recipients = 2) {
  Accepted record;
  record.id = MessageId(42);
  record.parent = MessageId(41);
  record.arrival = WallTime{std::chrono::seconds{1'800'000'000}};
  record.origin = Origin::bounce;
  record.envelope = record_envelope(recipients);
  record.prefix = "Delivered-To: ann@example.org\n";
  record.body = InlineBody{"Subject: x\n\nhello\n"};
  record.hold = "suspicious";
  return record;
}

MessageState state() { return state_of(accepted()); }

TEST(RecordCheck, Limits) {
  Accepted good = accepted();
  EXPECT_TRUE(check(good));

  Accepted bad = accepted();
  bad.id = MessageId{};
  EXPECT_FALSE(check(bad)) << "no id";
  bad = accepted();
  bad.envelope = PackedEnvelope();
  EXPECT_FALSE(check(bad)) << "no envelope";
  bad = accepted();
  bad.envelope = record_envelope(0);
  EXPECT_FALSE(check(bad)) << "no recipient";
  bad = accepted();
  bad.envelope = record_envelope(kMaxRecipients + 1);
  EXPECT_FALSE(check(bad)) << "too many recipients";
  bad = accepted();
  bad.prefix.assign(kMaxPrefixBytes + 1, 'x');
  EXPECT_FALSE(check(bad)) << "prefix";
  bad = accepted();
  bad.body = ParentBody{};
  EXPECT_FALSE(check(bad)) << "a parent's body without a compound";
  auto long_address = record_envelope(1);
  long_address.recipients[0].address.assign(kMaxAddressBytes + 1, 'a');
  bad = accepted();
  bad.envelope = long_address;
  EXPECT_FALSE(check(bad)) << "address";

  EXPECT_FALSE(check(Outcome{MessageId(1), {}, Fate::pending, ""}));
  EXPECT_TRUE(check(Outcome{MessageId(1), {}, Fate::failed, std::string(100'000, 'x')}));
  EXPECT_FALSE(check(Frozen{MessageId(1), 0, std::vector<std::string>(kMaxInstructions + 1)}));
  EXPECT_FALSE(check(Frozen{MessageId(1), 0, {std::string(kMaxInstructionBytes + 1, 'x')}}));
  // Each within its own limit, all together not.
  EXPECT_FALSE(check(
      Frozen{MessageId(1), 0,
             std::vector<std::string>(kMaxInstructions, std::string(kMaxInstructionBytes, 'x'))}));

  Compound compound;
  compound.parent = MessageId(1);
  compound.outcomes.push_back(Outcome{MessageId(2), {}, Fate::delivered, ""});
  EXPECT_FALSE(check(compound)) << "an outcome of somebody else";
  compound.outcomes.clear();
  compound.children.resize(kMaxChildren + 1, accepted());
  EXPECT_FALSE(check(compound)) << "too many children";
}

TEST(RecordApply, TwiceIsOnce) {
  MessageState once = state();
  const Frozen frozen{once.id, 1, {"./Maildir/", "&bob@example.net"}};
  const Deferral deferral{once.id, {1, 0}, WallTime{std::chrono::seconds{9}}, 3, "busy"};
  const Outcome outcome{once.id, {1, 1}, Fate::delivered, "did 1+0+0"};
  const Hold hold{once.id, "by hand"};
  EXPECT_TRUE(apply(once, frozen));
  EXPECT_TRUE(apply(once, deferral));
  EXPECT_TRUE(apply(once, outcome));
  EXPECT_TRUE(apply(once, hold));
  MessageState twice = once;
  EXPECT_TRUE(apply(twice, frozen));
  EXPECT_TRUE(apply(twice, deferral));
  EXPECT_TRUE(apply(twice, outcome));
  EXPECT_TRUE(apply(twice, hold));
  EXPECT_TRUE(sim::same(once, twice));
  EXPECT_EQ(once.recipients[1]->steps[0].progress.attempts, 3U);
  EXPECT_EQ(once.recipients[1]->steps[1].progress.fate, Fate::delivered);
  EXPECT_EQ(once.hold, "by hand");
  EXPECT_TRUE(apply(once, Release{once.id}));
  EXPECT_FALSE(once.hold);
}

TEST(RecordApply, AnOutcomeIsFinal) {
  MessageState s = state();
  apply(s, Outcome{s.id, {0, kWholeRecipient}, Fate::failed, "no such user"});
  EXPECT_TRUE(apply(s, Deferral{s.id, {0, kWholeRecipient}, {}, 1, "late"}));
  EXPECT_EQ(s.recipients[0]->whole.fate, Fate::failed);
  EXPECT_EQ(s.recipients[0]->whole.text, "no such user");
}

TEST(RecordApply, FrozenOnceForAll) {
  MessageState s = state();
  apply(s, Frozen{s.id, 0, {"first"}});
  apply(s, Frozen{s.id, 0, {"second", "third"}});
  ASSERT_EQ(s.recipients[0]->steps.size(), 1U);
  EXPECT_EQ(s.recipients[0]->steps[0].instruction, "first");
}

TEST(RecordApply, WhatIsNotThereIsIgnored) {
  MessageState s = state();
  EXPECT_FALSE(apply(s, Outcome{s.id, {2, kWholeRecipient}, Fate::failed, ""}));
  EXPECT_FALSE(apply(s, Outcome{s.id, {0, 0}, Fate::failed, ""})) << "not frozen yet";
  EXPECT_FALSE(apply(s, Frozen{s.id, 9, {}}));
  EXPECT_FALSE(apply(s, Deferral{s.id, {0, 5}, {}, 1, ""}));
  EXPECT_TRUE(sim::same(s, state()));
}

TEST(RecordApply, TextsAreCut) {
  MessageState s = state();
  apply(s, Outcome{s.id, {0, kWholeRecipient}, Fate::failed, std::string(100'000, 'x')});
  EXPECT_EQ(s.recipients[0]->whole.text.size(), kMaxText);
}

TEST(RecordCodec, AnArrivalComesBack) {
  const Accepted record = accepted();
  Encoder e;
  encode_meta(e, Arrival{state_of(record), OwnBytes{18}});
  const Result<StoredRecord> decoded = decode_record(RecordType::accepted, e.view());
  ASSERT_TRUE(decoded) << decoded.error().detail;
  const auto& arrival = std::get<Arrival>(*decoded);
  EXPECT_TRUE(sim::same(arrival.state, state_of(record)));
  EXPECT_EQ(std::get<OwnBytes>(arrival.body).size, 18U);
}

TEST(RecordCodec, ACompoundComesBack) {
  const std::vector<Outcome> outcomes{{MessageId(41), {0, 1}, Fate::delivered, "forwarded"}};
  const InlinePlace place{{3, 8192}, 700, 200, 500};
  const std::vector<Arrival> children{
      {state(), OwnBytes{18}}, {state(), place}, {state(), BlobPlace{MessageId(41), 1'000'000}}};
  Encoder e;
  encode_meta(e, MessageId(41), outcomes, children, true);
  const Result<StoredRecord> decoded = decode_record(RecordType::compound, e.view());
  ASSERT_TRUE(decoded) << decoded.error().detail;
  const auto& compound = std::get<StoredCompound>(*decoded);
  EXPECT_EQ(compound.parent, MessageId(41));
  ASSERT_EQ(compound.outcomes.size(), 1U);
  EXPECT_EQ(compound.outcomes[0].text, "forwarded");
  ASSERT_EQ(compound.children.size(), 3U);
  EXPECT_EQ(std::get<InlinePlace>(compound.children[1].body), place);
  EXPECT_EQ(std::get<BlobPlace>(compound.children[2].body).size, 1'000'000U);
  EXPECT_TRUE(compound.finishes_parent);
}

TEST(RecordCodec, ASnapshotComesBack) {
  MessageState s = state();
  apply(s, Frozen{s.id, 0, {"./Maildir/"}});
  apply(s, Deferral{s.id, {0, 0}, WallTime{std::chrono::seconds{5}}, 2, "over quota"});
  Encoder e;
  encode_snapshot(e, s, BlobPlace{MessageId(42), 9}, true);
  Decoder d(e.view());
  const Snapshot snapshot = decode_snapshot(d);
  ASSERT_TRUE(d.finish("snapshot"));
  EXPECT_TRUE(sim::same(snapshot.state, s));
  EXPECT_TRUE(snapshot.shared);
}

TEST(RecordCodec, NoPrefixOfARecordIsOne) {
  Encoder e;
  encode_meta(e, Arrival{state(), OwnBytes{18}});
  for (std::size_t size = 0; size < e.view().size(); ++size)
    EXPECT_FALSE(decode_record(RecordType::accepted, std::string_view(e.view()).substr(0, size)));
  EXPECT_FALSE(decode_record(RecordType::accepted, e.view() + "x"));
}

}  // namespace
}  // namespace toast::queue
