// The process that delivers is killed right after its first system call, its second, its third...
// until it comes through. After every death the Maildir is looked at, and the delivery is asked for
// again, as queued does: there must be exactly one message, whole, and never a part of one in new/.
#include <sys/wait.h>

#include "tests/unit/maildir/maildir_fixture.h"

namespace toast::maildir {
namespace {

constexpr int kCameThrough = 0;
constexpr int kKilled = 77;
constexpr int kFailed = 1;

// Ends the process without a word after step `last`, or in the middle of it: half the bytes of a
// write are there, the rest is not.
class DyingFileSystem final : public RecordingFileSystem {
 public:
  DyingFileSystem(int last, bool half_written) : left_(last), half_written_(half_written) {}
  int write_all(int file, std::span<iovec> pieces) override {
    if (half_written_ && left_ == 1) {
      pieces.front().iov_len /= 2;
      FileSystem::write_all(file, pieces.first(1));
      ::_exit(kKilled);
    }
    return RecordingFileSystem::write_all(file, pieces);
  }

 protected:
  void after(const std::string&) override {
    if (--left_ == 0) ::_exit(kKilled);
  }

 private:
  int left_;
  bool half_written_;
};

class DeliveryCrashTest : public MaildirTest {
 protected:
  using Jobs = std::function<std::vector<DeliveryJob>()>;

  // Runs the batch in a process of its own.
  int deliver_and_die(const Jobs& jobs, int after_steps, bool half_written) {
    const pid_t child = ::fork();
    if (child == 0) {
      DyingFileSystem dying(after_steps, half_written);
      Keeper doomed(root.path(), dying, clock);
      for (const Keeper::Outcome& outcome : doomed.deliver(jobs()))
        if (outcome.failed) ::_exit(kFailed);
      ::_exit(kCameThrough);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::size_t count_whole(const std::vector<std::string>& contents) {
    std::size_t count = 0;
    for (const char* part : {"new", "cur"}) {
      for (const std::string& name : names(part)) {
        const std::string content = content_of(maildir + "/" + part + "/" + name);
        EXPECT_NE(std::find(contents.begin(), contents.end(), content), contents.end())
            << "not a whole message: " << part << "/" << name;
        ++count;
      }
    }
    return count;
  }

  void kill_at_every_step(const Jobs& jobs, const std::vector<std::string>& contents,
                          bool half_written, const std::function<void()>& meanwhile = nullptr,
                          const std::function<void()>& afterwards = nullptr) {
    int deaths = 0;
    for (int step = 1;; ++step) {
      SCOPED_TRACE("killed after step " + std::to_string(step));
      std::filesystem::remove_all(root.path() + "/example.org");
      const int ended = deliver_and_die(jobs, step, half_written);
      ASSERT_TRUE(ended == kKilled || ended == kCameThrough) << ended;
      EXPECT_LE(count_whole(contents), contents.size());
      if (meanwhile) meanwhile();
      restart();
      for (const Keeper::Outcome& outcome : keeper->deliver(jobs()))
        EXPECT_FALSE(outcome.failed) << outcome.failed->detail;
      EXPECT_EQ(count_whole(contents), contents.size());
      for (const std::string& name : names("tmp"))  // of the ledger's remains; swept in time
        EXPECT_TRUE(name.starts_with("maildirsize.")) << name;
      if (afterwards) afterwards();
      if (ended == kCameThrough) break;
      ++deaths;
    }
    EXPECT_GE(deaths, 10) << "the test killed nobody";
  }

  // As a POP3 or IMAP program does between the crash and the next attempt.
  void move_to_cur() {
    for (const std::string& name : names("new"))
      std::filesystem::rename(maildir + "/new/" + name, maildir + "/cur/" + name + ":2,S");
  }
};

std::vector<DeliveryJob> one() {
  std::vector<DeliveryJob> jobs;
  jobs.push_back(make_job(1));
  return jobs;
}
std::vector<DeliveryJob> batch_of_four() {
  std::vector<DeliveryJob> jobs;
  for (std::uint64_t n = 1; n <= 4; ++n)
    jobs.push_back(make_job(n, "Subject: " + std::to_string(n) + "\n\n" + std::string(9000, 'x')));
  return jobs;
}
std::vector<std::string> contents_of_four() {
  std::vector<std::string> contents;
  for (const DeliveryJob& job : batch_of_four()) contents.push_back(delivered_content(job.body));
  return contents;
}

TEST_F(DeliveryCrashTest, One) { kill_at_every_step(one, {delivered_content()}, false); }

TEST_F(DeliveryCrashTest, OneInTheMiddleOfAWrite) {
  kill_at_every_step(one, {delivered_content()}, true);
}

TEST_F(DeliveryCrashTest, OneThatAReaderMovesMeanwhile) {
  kill_at_every_step(one, {delivered_content()}, false, [this] { move_to_cur(); });
}

TEST_F(DeliveryCrashTest, Batch) { kill_at_every_step(batch_of_four, contents_of_four(), false); }

TEST_F(DeliveryCrashTest, BatchThatAReaderMovesMeanwhile) {
  kill_at_every_step(batch_of_four, contents_of_four(), true, [this] { move_to_cur(); });
}

TEST_F(DeliveryCrashTest, WithAQuotaTheLedgerEndsRight) {
  const Jobs jobs = [] {
    std::vector<DeliveryJob> made = one();
    made.front().quota = {100'000, 0};
    return made;
  };
  const auto check_ledger = [this] {
    Ledger ledger(files, clock);
    const Fd top = std::move(*open_file(maildir, O_RDONLY | O_DIRECTORY));
    EXPECT_EQ(ledger.read(top, {100'000, 0})->usage,
              (Usage{static_cast<std::int64_t>(delivered_content().size()), 1}));
  };
  kill_at_every_step(jobs, {delivered_content()}, false, nullptr, check_ledger);
}

// Power lost: what was not synced is gone. Replays the recorded steps of a delivery up to each
// point and asks what the disk must hold: a name in new/ only of a file that was synced before, a
// report only after the directory was synced behind the rename.
TEST_F(DeliveryCrashTest, NothingIsPromisedThatWasNotSynced) {
  keeper->deliver(batch_of_four());
  restart();
  files.forget();
  std::vector<std::unique_ptr<Delivery>> batch;
  std::size_t steps_at_report = 0;
  for (std::uint64_t n = 11; n <= 13; ++n) {
    batch.push_back(std::make_unique<Delivery>(make_job(n)));
    batch.back()->report = [&](std::unique_ptr<Delivery>) {
      steps_at_report = files.steps().size();
    };
  }
  keeper->deliverer.deliver(batch);
  int synced = 0;
  int published = 0;
  int durable = 0;
  const std::vector<std::string> steps = files.steps();
  for (const std::string& step : steps) {
    if (step == "sync file in tmp") ++synced;
    if (step == "publish tmp to new") {
      ++published;
      EXPECT_GE(synced, published);
    }
    if (step == "sync directory new") durable = published;
  }
  EXPECT_EQ(durable, 3);
  EXPECT_EQ(steps_at_report, steps.size()) << "nothing was left to do at the report";
}

}  // namespace
}  // namespace toast::maildir
