#include "tests/crash/journal/history.h"

#include <algorithm>

#include "base/clock.h"
#include "base/random.h"
#include "mta/queue/journal/frame.h"
#include "mta/queue/journal/journal.h"
#include "mta/queue/journal/segment.h"
#include "tests/crash/journal/model.h"
#include "tests/crash/journal/workload.h"

namespace toast::queue::sim {
namespace {

// Random but for salts, which are the only thing of this size that is drawn after the queue is
// made.
class NoSalt final : public Random {
 public:
  explicit NoSalt(Random& real) : real_(real) {}
  void fill(std::span<unsigned char> out) override {
    real_.fill(out);
    if (out.size() == kIdBytes) std::ranges::fill(out, 0);
  }

 private:
  Random& real_;
};

JournalOptions tiny(const PlantedBugs& bugs) {
  JournalOptions options;
  options.segment_bytes = 8 * 4096;
  options.max_inline_body = 4096;
  options.max_write = 3 * 4096;
  options.spare_segments = 2;
  options.low_water_bytes = 0;
  options.checkpoint_segments = 1;
  options.compact_fraction = 2;
  options.maintain_slice = 4096;
  if (bugs.recycles_too_early) options.recycle_after_checkpoints = 0;
  return options;
}

class History {
 public:
  History(std::uint64_t seed, const Plan& plan, Tally& tally)
      : plan_(plan),
        tally_(tally),
        random_(seed),
        disk_(random_),
        salts_(seed),
        workload_(random_, clock_),
        options_(tiny(plan.bugs)) {
    disk_.lies = plan.bugs.disk;
    workload_.forge_records(plan.forged_records);
  }

  std::optional<std::string> run() {
    open_queue();
    for (unsigned step = 0; step < plan_.steps && !wrong_; ++step) {
      try {
        if (!armed_) arm();
        take_step();
      } catch (const Crash&) {
        ++tally_.crashes;
        restart();
      }
    }
    if (!wrong_) restart();
    tally_.faults += disk_.failures;
    return wrong_;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  void fail(std::string what) {
    if (!wrong_) wrong_ = std::move(what);
  }

  // What will happen to the disk from here to the next crash.
  void arm() {
    armed_ = true;
    disk_.crash_after(static_cast<unsigned>(1 + below(below(2) == 0 ? 40 : 300)));
    disk_.write_short(below(3) == 0);
    const bool flaky = plan_.faults && below(4) == 0;
    disk_.fail_one_of(flaky ? static_cast<unsigned>(5 + below(40)) : 0);
    const bool full = plan_.faults && below(8) == 0;
    disk_.set_capacity(full ? 200'000 + below(200'000) : ~std::uint64_t{0});
  }
  void calm() {
    armed_ = false;
    disk_.crash_after(0);
    disk_.write_short(false);
    disk_.fail_one_of(0);
    disk_.set_capacity(~std::uint64_t{0});
  }

  void take_step() {
    clock_.advance(std::chrono::milliseconds{below(4'000)});
    const std::uint64_t dice = below(10);
    if (dice < 5) return commit(workload_.batch(model_, blobs_));
    if (dice < 9) return keep_house();
    accept_blob();
  }

  void keep_house() {
    for (std::uint64_t pieces = 1 + below(12); pieces > 0; --pieces) {
      const bool more = journal_->maintain();
      const std::uint64_t newest = journal_->status().checkpoint_number;
      if (newest != newest_checkpoint_) enough_ = std::max(enough_, newest_checkpoint_);
      newest_checkpoint_ = newest;
      if (!more) break;
    }
  }

  void commit(std::vector<Record> batch) {
    in_hand_ = std::move(batch);
    const JournalStatus before = journal_->status();
    const Result<void> done = journal_->commit(in_hand_);  // a Crash leaves in_hand_ as it is
    const JournalStatus after = journal_->status();
    workload_.log_is_at(after.log_segment, after.log_offset);
    tally_.abandoned_segments += after.abandoned_segments - before.abandoned_segments;
    if (!done) {
      ++tally_.failed_commits;
      if (done.error().failure == Failure::permanent) fail("refused: " + done.error().detail);
      throw Crash{};  // the journal has failed: the daemon goes down and comes up again
    }
    ++tally_.commits;
    tally_.records += in_hand_.size();
    for (const Record& record : in_hand_) model_.apply(record, blobs_);
    in_hand_.clear();
    read_some_body();
  }

  void accept_blob() {
    const std::string content = workload_.body(5'000 + below(8'000));
    Accepted accepted = workload_.large_message(content.size());
    Result<BlobWriter> writer = journal_->create_blob(accepted.id);
    if (!writer) return;
    if (!writer->append(std::string_view(content).substr(0, 4'000))) return;
    if (!writer->append(std::string_view(content).substr(4'000))) return;
    if (!writer->finish()) return;
    ++tally_.blobs;
    blobs_[accepted.id] = content;
    std::vector<Record> batch;
    batch.emplace_back(std::move(accepted));
    commit(std::move(batch));
  }

  void read_some_body() {
    if (model_.live().empty()) return;
    auto chosen = model_.live().begin();
    std::advance(chosen, below(model_.live().size()));
    check_body(chosen->first, chosen->second.content);
  }

  void check_body(MessageId id, const std::string& expected) {
    Result<StoredBody> stored = journal_->read_body(id);
    if (!stored) return fail("body of " + id.str() + ": " + stored.error().detail);
    const Result<std::string> content = content_of(std::move(*stored));
    if (!content) return fail("body of " + id.str() + ": " + content.error().detail);
    if (*content != expected) fail("body of " + id.str() + " is another one");
  }

  // Power off and on, again and again, until a recovery comes through.
  void restart() {
    if (journal_) {
      tally_.recycled += journal_->status().recycled_segments;
      tally_.moved += journal_->status().moved_bodies;
    }
    journal_.reset();
    go_down();
    calm();
    if (plan_.damaged_checkpoints) damage_newest_checkpoint();
    for (std::uint64_t interruptions = below(4); interruptions > 0; --interruptions) {
      try {
        disk_.crash_after(static_cast<unsigned>(1 + below(14)));
        open_queue();
        break;
      } catch (const Crash&) {
        ++tally_.crashes_in_recovery;
        journal_.reset();
        go_down();
      }
    }
    calm();
    if (!journal_) open_queue();
  }

  // One in three is a kill -9, after which the page cache still shows what is not durable.
  void go_down() {
    if (below(3) == 0) {
      disk_.process_dies();
    } else {
      disk_.power_cycle();
    }
  }

  // Only if the one before is among the two last published: an older one, whose unlink was lost,
  // promises nothing.
  void damage_newest_checkpoint() {
    std::vector<std::string> checkpoints;
    for (const std::string& name : disk_.names())
      if (name.starts_with("checkpoint.") && !name.ends_with(".tmp")) checkpoints.push_back(name);
    if (checkpoints.size() < 2 || below(2) == 0) return;
    if (number_in_name(checkpoints[checkpoints.size() - 2], "checkpoint.") < enough_) return;
    disk_.damage(checkpoints.back(), below(disk_.content(checkpoints.back()).size()), 1);
    passed_over_ = true;
  }

  void open_queue() {
    Random& salts = plan_.bugs.salt_left_out ? static_cast<Random&>(no_salt_) : salts_;
    Result<Journal::Opened> opened = Journal::open(disk_, clock_, salts, options_);
    if (disk_.is_down()) throw Crash{};
    if (!opened) return fail("does not open: " + opened.error().detail);
    ++tally_.recoveries;
    for (const std::string& line : opened->report.damage)
      if (!passed_over_ || line.find("passed over") == std::string::npos)
        return fail("damage: " + line);
    passed_over_ = false;
    journal_ = std::move(opened->journal);
    const JournalStatus status = journal_->status();
    workload_.log_is_at(status.log_segment, status.log_offset);
    tally_.checkpoints = std::max(tally_.checkpoints, status.checkpoint_number);
    tally_.segments_used = std::max(tally_.segments_used, status.log_segment);
    settle(opened->live);
    for (const auto& [id, message] : model_.live())
      if (!wrong_) check_body(id, message.content);
    if (!wrong_) check_blobs();
  }

  // The batch in hand at the crash may have made it up to any record, in order.
  void settle(std::span<const MessageState> recovered) {
    Model possible = model_;
    bool found = possible.matches(recovered);
    for (std::size_t i = 0; i < in_hand_.size() && !found; ++i) {
      possible.apply(in_hand_[i], blobs_);
      found = possible.matches(recovered);
    }
    in_hand_.clear();
    if (!found)
      return fail("recovered " + std::to_string(recovered.size()) + " messages, not the " +
                  std::to_string(model_.live().size()) + " that were acknowledged");
    model_ = std::move(possible);
  }

  void check_blobs() {
    std::size_t on_disk = 0;
    for (const std::string& name : disk_.names())
      if (name.starts_with("blob.")) ++on_disk;
    std::map<std::string, int> needed;
    for (const auto& [id, content] : blobs_)
      for (const auto& [live, message] : model_.live())
        if (message.content.ends_with(content)) needed[blob_name(id)] = 1;
    if (on_disk != needed.size()) fail("orphan blobs after recovery, or too few");
  }

  const Plan& plan_;
  Tally& tally_;
  std::mt19937_64 random_;
  SimDisk disk_;
  FakeClock clock_;
  SeededRandom salts_;
  NoSalt no_salt_{salts_};
  Workload workload_;
  JournalOptions options_;
  std::unique_ptr<Journal> journal_;
  Model model_;
  std::map<MessageId, std::string> blobs_;
  std::vector<Record> in_hand_;
  bool armed_ = false;
  std::uint64_t newest_checkpoint_ = 0;
  std::uint64_t enough_ = 0;  // the number of the last but one
  bool passed_over_ = false;  // a checkpoint was damaged, so that the report says so
  std::optional<std::string> wrong_;
};

}  // namespace

std::optional<std::string> run_history(std::uint64_t seed, const Plan& plan, Tally& tally) {
  Tally one;
  std::optional<std::string> wrong = History(seed, plan, one).run();
  ++tally.histories;
  for (auto member :
       {&Tally::crashes, &Tally::recoveries, &Tally::crashes_in_recovery, &Tally::commits,
        &Tally::failed_commits, &Tally::records, &Tally::checkpoints, &Tally::segments_used,
        &Tally::faults, &Tally::abandoned_segments, &Tally::blobs, &Tally::recycled, &Tally::moved})
    tally.*member += one.*member;
  return wrong;
}

}  // namespace toast::queue::sim
