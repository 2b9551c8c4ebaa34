#include "vdomain/maildir/delivery.h"

#include <thread>

#include "tests/unit/maildir/maildir_fixture.h"
#include "vdomain/maildir/delivery_pool.h"

namespace toast::maildir {
namespace {

using Steps = std::vector<std::string>;

class DeliveryTest : public MaildirTest {};

TEST_F(DeliveryTest, PutsTheMessageIntoNew) {
  const Keeper::Outcome outcome = keeper->deliver(make_job(1));
  ASSERT_FALSE(outcome.failed) << outcome.failed->detail;
  EXPECT_FALSE(outcome.result.already_there);
  EXPECT_EQ(names("new"), Steps{outcome.result.file_name});
  EXPECT_EQ(names("tmp"), Steps{});
  const std::string path = maildir + "/new/" + outcome.result.file_name;
  EXPECT_EQ(content_of(path), delivered_content());
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  const auto name = parse_message_name(outcome.result.file_name);
  EXPECT_EQ(name->disk, delivered_content().size());
  EXPECT_EQ(name->wire, delivered_content().size() + 6);  // six lines
}

// The order, alone and in a batch. This list is the promise of delivery.h.
TEST_F(DeliveryTest, StepsOfOne) {
  keeper->deliver(make_job(1));
  files.forget();
  keeper->deliver(make_job(2));
  EXPECT_EQ(files.steps(), (Steps{"create tmp", "write", "sync file in tmp", "publish tmp to new",
                                  "sync directory new"}));
}

TEST_F(DeliveryTest, StepsOfABatch) {
  keeper->deliver(make_job(1));
  keeper->deliver(make_job(2, kBody, "example.org/bob/Maildir"));
  files.forget();
  std::vector<DeliveryJob> jobs;
  jobs.push_back(make_job(3));
  jobs.push_back(make_job(4));
  jobs.push_back(make_job(5, kBody, "example.org/bob/Maildir"));
  for (const Keeper::Outcome& outcome : keeper->deliver(std::move(jobs)))
    EXPECT_FALSE(outcome.failed);
  EXPECT_EQ(files.steps(),
            (Steps{"create tmp", "write", "create tmp", "write", "create tmp", "write",
                   "sync file in tmp", "sync file in tmp", "sync file in tmp", "publish tmp to new",
                   "publish tmp to new", "publish tmp to new", "sync directory new",
                   "sync directory new"}));
}

TEST_F(DeliveryTest, ReportsAfterTheLastSync) {
  std::vector<std::unique_ptr<Delivery>> batch;
  Steps at_report;
  batch.push_back(std::make_unique<Delivery>(make_job(1)));
  batch.back()->report = [&](std::unique_ptr<Delivery>) { at_report = files.steps(); };
  keeper->deliverer.deliver(batch);
  ASSERT_FALSE(at_report.empty());
  EXPECT_EQ(at_report.back(), "sync directory new");
}

TEST_F(DeliveryTest, MissingMaildirIsMadeAndItsParentsSynced) {
  keeper->deliver(make_job(1));
  const Steps steps = files.steps();
  const Steps made{"mkdir example.org", "sync directory " + root.path().substr(5),
                   "mkdir ann",         "sync directory example.org",
                   "mkdir Maildir",     "sync directory ann",
                   "mkdir tmp",         "sync directory Maildir",
                   "mkdir cur",         "sync directory Maildir",
                   "mkdir new",         "sync directory Maildir"};
  ASSERT_GE(steps.size(), made.size());
  EXPECT_EQ(Steps(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(made.size())), made);
  for (const char* part : {"", "/tmp", "/new", "/cur", "/.."}) {
    struct stat status {};
    ASSERT_EQ(::stat((maildir + part).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700U) << part;
  }
}

// Whatever fails: a temporary failure, nothing in new/ that was not synced, nothing left in tmp/,
// and the next attempt succeeds.
TEST_F(DeliveryTest, FailuresAreTemporaryAndLeaveNothing) {
  keeper->deliver(make_job(1));
  struct Case {
    const char* step;
    int error;
    bool published;
  };
  const Case cases[] = {{"create", ENOSPC, false}, {"create", EDQUOT, false},
                        {"write", ENOSPC, false},  {"write", EIO, false},
                        {"sync file", EIO, false}, {"publish", ENOSPC, false},
                        {"publish", EXDEV, false}, {"sync directory", EIO, true}};
  std::uint64_t message = 1;
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.step) + " " + std::to_string(c.error));
    ++message;
    const std::size_t before = names("new").size();
    files.fail(c.step, c.error);
    const Keeper::Outcome failed = keeper->deliver(make_job(message));
    ASSERT_TRUE(failed.failed);
    EXPECT_EQ(failed.failed->failure, Failure::transient);
    EXPECT_TRUE(failed.failed->reply.starts_with("4."));
    EXPECT_EQ(names("tmp"), Steps{});
    EXPECT_EQ(names("new").size(), before + (c.published ? 1 : 0));
    const Keeper::Outcome again = keeper->deliver(make_job(message));
    EXPECT_FALSE(again.failed);
    EXPECT_EQ(again.result.already_there, c.published);
    EXPECT_EQ(names("new").size(), before + 1);
  }
}

TEST_F(DeliveryTest, OneFailureInABatchIsItsOwn) {
  keeper->deliver(make_job(1));
  files.fail("write", ENOSPC, 2);
  std::vector<DeliveryJob> jobs;
  for (std::uint64_t n = 2; n < 5; ++n) jobs.push_back(make_job(n));
  const auto outcomes = keeper->deliver(std::move(jobs));
  EXPECT_FALSE(outcomes[0].failed);
  EXPECT_TRUE(outcomes[1].failed);
  EXPECT_FALSE(outcomes[2].failed);
  EXPECT_EQ(names("new").size(), 3U);
}

TEST_F(DeliveryTest, LoopIsPermanent) {
  const Keeper::Outcome outcome =
      keeper->deliver(make_job(1, "Delivered-To: ann@example.org\n\nagain\n"));
  ASSERT_TRUE(outcome.failed);
  EXPECT_EQ(outcome.failed->failure, Failure::permanent);
  EXPECT_TRUE(outcome.failed->reply.starts_with("5.4.6"));
  EXPECT_EQ(files.steps(), Steps{}) << "nothing was touched";
}

// ---- the same delivery again

TEST_F(DeliveryTest, AgainWhileInNew) {
  const std::string name = keeper->deliver(make_job(1)).result.file_name;
  restart();
  files.forget();
  const Keeper::Outcome again = keeper->deliver(make_job(1));
  ASSERT_FALSE(again.failed);
  EXPECT_TRUE(again.result.already_there);
  EXPECT_EQ(again.result.file_name, name);
  EXPECT_EQ(names("new"), Steps{name});
  EXPECT_EQ(names("tmp"), Steps{});
  EXPECT_EQ(files.steps().back(), "sync directory new") << "the rename may not have been durable";
}

TEST_F(DeliveryTest, AgainAfterAReaderMovedIt) {
  for (const bool restarted : {false, true}) {
    SCOPED_TRACE(restarted);
    const std::uint64_t message = restarted ? 2 : 1;
    const std::string name = keeper->deliver(make_job(message)).result.file_name;
    const std::string moved = name + ":2,RS";
    ASSERT_EQ(::rename((maildir + "/new/" + name).c_str(), (maildir + "/cur/" + moved).c_str()), 0);
    if (restarted) restart();
    files.forget();
    const Keeper::Outcome again = keeper->deliver(make_job(message));
    ASSERT_FALSE(again.failed);
    EXPECT_TRUE(again.result.already_there);
    EXPECT_EQ(again.result.file_name, moved);
    EXPECT_EQ(names("new"), Steps{});
    EXPECT_EQ(files.steps(), (Steps{"sync file in cur", "sync directory cur"}));
  }
}

TEST_F(DeliveryTest, RemainsInTmpAreReplaced) {
  const std::string name = keeper->deliver(make_job(1)).result.file_name;
  ASSERT_EQ(::unlink((maildir + "/new/" + name).c_str()), 0);
  put_file(maildir + "/tmp/" + name, "half a mess");
  restart();
  const Keeper::Outcome again = keeper->deliver(make_job(1));
  ASSERT_FALSE(again.failed);
  EXPECT_EQ(content_of(maildir + "/new/" + name), delivered_content());
  EXPECT_EQ(names("tmp"), Steps{});
}

// The name is there but holds something else: never accepted, never replaced, and not lost.
TEST_F(DeliveryTest, OtherContentUnderOurName) {
  const std::string name = keeper->deliver(make_job(1)).result.file_name;
  std::string other = delivered_content();
  other[other.size() - 2] = '!';
  for (const std::string& forged : {other, std::string("short")}) {
    put_file(maildir + "/new/" + name, forged);
    restart();
    const Keeper::Outcome again = keeper->deliver(make_job(1));
    ASSERT_FALSE(again.failed);
    EXPECT_NE(again.result.file_name, name);
    EXPECT_EQ(content_of(maildir + "/new/" + name), forged);
    EXPECT_EQ(content_of(maildir + "/new/" + again.result.file_name), delivered_content());
  }
  EXPECT_EQ(names("new").size(), 2U) << "the second time it found its second name";
}

TEST_F(DeliveryTest, TheSameTwiceAtOnceIsRefused) {
  std::vector<DeliveryJob> jobs;
  jobs.push_back(make_job(1));
  jobs.push_back(make_job(1));
  const auto outcomes = keeper->deliver(std::move(jobs));
  EXPECT_FALSE(outcomes[0].failed);
  ASSERT_TRUE(outcomes[1].failed);
  EXPECT_EQ(outcomes[1].failed->failure, Failure::transient);
  EXPECT_EQ(names("new").size(), 1U);
}

// ---- large messages

Fd blob_of(const TempDir& root, const std::string& content) {
  put_file(root.path() + "/blob", content);
  return std::move(*open_file(root.path() + "/blob", O_RDONLY));
}

TEST_F(DeliveryTest, BlobIsCopiedAndRecognised) {
  std::string body = "Subject: large\n\n";
  for (int line = 0; body.size() < 3'000'000; ++line)
    body += "line " + std::to_string(line) + (line % 7 == 0 ? "\r\n" : "\n");
  const auto job = [&] {
    DeliveryJob made = make_job(1, "");
    made.blob = blob_of(root, body);
    made.blob_bytes = body.size();
    return made;
  };
  const Keeper::Outcome outcome = keeper->deliver(job());
  ASSERT_FALSE(outcome.failed) << outcome.failed->detail;
  const std::string path = maildir + "/new/" + outcome.result.file_name;
  EXPECT_TRUE(content_of(path) == delivered_content(body));
  SizeCounter counter;
  counter.add(delivered_content(body));
  EXPECT_EQ(parse_message_name(outcome.result.file_name)->wire, counter.size().wire);
  restart();
  EXPECT_TRUE(keeper->deliver(job()).result.already_there);
}

TEST_F(DeliveryTest, BlobShorterThanItSaysIsTemporary) {
  DeliveryJob job = make_job(1, "");
  job.blob = blob_of(root, "Subject: x\n\nshort\n");
  job.blob_bytes = 1000;
  const Keeper::Outcome outcome = keeper->deliver(std::move(job));
  ASSERT_TRUE(outcome.failed);
  EXPECT_EQ(outcome.failed->failure, Failure::transient);
  EXPECT_EQ(names("new"), Steps{});
}

// ---- threads

TEST_F(DeliveryTest, PoolDeliversEverythingOnce) {
  constexpr std::uint64_t kMessages = 400;
  std::mutex mutex;
  std::size_t good = 0;
  {
    DeliveryPool pool(keeper->deliverer, 8);
    for (std::uint64_t n = 0; n < kMessages; ++n) {
      const std::string box = "example.org/u" + std::to_string(n % 10) + "/Maildir";
      auto delivery = std::make_unique<Delivery>(make_job(n, kBody, box));
      delivery->report = [&](std::unique_ptr<Delivery> done) {
        const std::lock_guard lock(mutex);
        if (done->failed) ADD_FAILURE() << done->failed->detail;
        if (!done->failed && !done->result.already_there) ++good;
      };
      pool.submit(std::move(delivery));
    }
  }
  EXPECT_EQ(good, kMessages);
  for (int box = 0; box < 10; ++box)
    EXPECT_EQ(
        names_in(root.path() + "/example.org/u" + std::to_string(box) + "/Maildir/new").size(),
        kMessages / 10);
}

}  // namespace
}  // namespace toast::maildir
