// A queue on a simulated disk for tests that tell one story each.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "mta/queue/journal/frame.h"
#include "mta/queue/journal/journal.h"
#include "mta/queue/journal/segment.h"
#include "tests/crash/journal/model.h"
#include "tests/crash/journal/sim_disk.h"

namespace toast::queue::sim {

class QueueTest : public testing::Test {
 protected:
  QueueTest() {
    options.segment_bytes = 16 * kPage;
    options.max_inline_body = 8 * 1024;
    options.max_write = 8 * kPage;
    options.spare_segments = 2;
    options.low_water_bytes = 0;
    options.checkpoint_segments = 1;
    options.maintain_slice = 64 * 1024;
  }

  // Without a crash: what was written is there, synced or not.
  void open() {
    journal.reset();
    Result<Journal::Opened> opened = Journal::open(disk, clock, salts, options);
    ASSERT_TRUE(opened) << opened.error().detail;
    journal = std::move(opened->journal);
    live = std::move(opened->live);
    report = std::move(opened->report);
  }
  void wipe() {  // another queue begins
    journal.reset();
    for (const std::string& name : disk.names()) (void)disk.unlink(name);
  }
  void crash_and_open() {
    journal.reset();
    disk.power_cycle();
    open();
  }

  static Accepted message(std::uint64_t id, std::string body) {
    Accepted accepted;
    accepted.id = MessageId(id);
    Envelope envelope;
    envelope.reverse_path = "bob@example.net";
    envelope.recipients.push_back({"ann@example.org", "ann@example.org", "", 0});
    accepted.envelope = envelope;
    accepted.body = InlineBody{std::move(body)};
    return accepted;
  }
  template <class... R>
  Result<void> commit(R... records) {
    const std::vector<Record> batch{Record(std::move(records))...};
    return journal->commit(batch);
  }
  // One commit each, so that each record begins at a page.
  void accept(std::uint64_t first, std::uint64_t last, std::size_t size = 500) {
    for (std::uint64_t id = first; id <= last; ++id)
      ASSERT_TRUE(commit(message(id, body_of(id, size))));
  }
  static std::string body_of(std::uint64_t id, std::size_t size) {
    std::string body(size, static_cast<char>('a' + id % 26));
    if (!body.empty()) body.back() = '\n';
    return body;
  }
  std::set<std::uint64_t> live_ids() const {
    std::set<std::uint64_t> ids;
    for (const MessageState& state : live) ids.insert(state.id.value());
    return ids;
  }
  static std::set<std::uint64_t> ids(std::uint64_t first, std::uint64_t last,
                                     std::set<std::uint64_t> without = {}) {
    std::set<std::uint64_t> all;
    for (std::uint64_t id = first; id <= last; ++id)
      if (!without.contains(id)) all.insert(id);
    return all;
  }
  std::string content(std::uint64_t id) {
    Result<StoredBody> stored = journal->read_body(MessageId(id));
    if (!stored) return "error: " + stored.error().detail;
    const Result<std::string> all = content_of(std::move(*stored));
    return all ? *all : "error: " + all.error().detail;
  }
  void keep_house() {
    for (int i = 0; i < 1'000 && journal->maintain(); ++i) clock.advance(std::chrono::seconds{6});
    clock.advance(std::chrono::seconds{6});
  }
  // Mail comes and goes until `count` more checkpoints are on disk.
  void pass_checkpoints(std::uint64_t count) {
    const std::uint64_t until = journal->status().checkpoint_number + count;
    for (std::uint64_t id = 900'000 + until * 1'000; journal->status().checkpoint_number < until;
         ++id) {
      ASSERT_TRUE(commit(message(id, body_of(id, 4'000)), Finished{MessageId(id)}));
      keep_house();
    }
  }
  std::string active_segment() const { return segment_name(journal->status().log_segment); }
  std::vector<std::string> files(const std::string& prefix) const {
    std::vector<std::string> found;
    for (const std::string& name : disk.names())
      if (name.starts_with(prefix)) found.push_back(name);
    return found;
  }

  std::mt19937_64 random{42};
  SimDisk disk{random};
  FakeClock clock;
  SeededRandom salts{42};
  JournalOptions options;
  std::unique_ptr<Journal> journal;
  std::vector<MessageState> live;
  RecoveryReport report;
};

}  // namespace toast::queue::sim
