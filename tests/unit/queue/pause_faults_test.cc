// Every system call of writing `paused` fails in turn. What is promised: a pause, or its end, that
// could not be written is refused and not in force, and a restart finds what is in force.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "tests/unit/queue/faulty_disk.h"
#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using Scope = QueuePause::Scope;
using testing::HasSubstr;

class PauseFaultsTest : public QueueTest {
 protected:
  PauseFaultsTest() {
    char name[] = "/tmp/toast-pauses-XXXXXX";
    directory_name_ = ::mkdtemp(name);
    Result<std::unique_ptr<RealDisk>> real = RealDisk::open_directory(directory_name_);
    EXPECT_TRUE(real);
    disk_ = std::make_unique<FaultyDisk>(std::move(*real), faults_);
    directory_.remote_domains.insert("a.test");
  }
  ~PauseFaultsTest() override {
    disk_.reset();
    std::filesystem::remove_all(directory_name_);
  }
  void SetUp() override {
    pauses_ = *Pauses::load(*disk_);
    QueueTest::SetUp();
    toastctl_ = connect(queue_->admin_guest().dispatcher);
  }
  void TearDown() override {
    toastctl_->close("test");
    QueueTest::TearDown();
  }
  Result<ipc::Done> say(Scope scope, bool paused) {
    const std::string destination = scope == Scope::destination ? "a.test" : "";
    return wait_for(toastctl_->call(QueuePause{scope, destination, paused}));
  }
  // What the queue does, not what it says of itself.
  bool in_force(Scope scope) {
    if (scope == Scope::inbound) return !submit("s@client.test", {"ann@example.org"});
    const std::size_t before = remoted_.transactions.size();
    EXPECT_TRUE(submit("s@client.test", {"x@a.test"}));
    run_until_quiet();
    return remoted_.transactions.size() == before;
  }
  static bool has(const Pauses& pauses, Scope scope) {
    if (scope == Scope::inbound) return pauses.inbound;
    if (scope == Scope::outbound) return pauses.outbound;
    return pauses.destinations.contains("a.test");
  }

  std::string directory_name_;
  Faults faults_;
  std::unique_ptr<Disk> disk_;
  std::shared_ptr<ipc::Channel> toastctl_;
};

TEST_F(PauseFaultsTest, AnyCallMayFail) {
  int refused = 0;
  for (const Scope scope : {Scope::inbound, Scope::outbound, Scope::destination}) {
    for (const bool paused : {true, false}) {
      for (const Fault& fault : kFaults) {
        for (int n = 1;; ++n) {
          SCOPED_TRACE(testing::Message() << static_cast<int>(scope) << paused << ", call " << n
                                          << ": " << fault.name);
          ASSERT_LT(n, 50);
          faults_.arm(fault, n);
          const Result<ipc::Done> done = say(scope, paused);
          const bool hit = faults_.hits() > 0;
          faults_.disarm();
          if (!done) {
            ++refused;
            EXPECT_TRUE(hit);
            EXPECT_THAT(done.error().detail, HasSubstr("nothing was changed"));
            EXPECT_EQ(done.error().failure, Failure::transient);
          }
          ASSERT_EQ(in_force(scope), done ? paused : !paused);
          // With the disk gone for good the last word may have been the new content.
          const Result<Pauses> kept = Pauses::load(*disk_);
          ASSERT_TRUE(kept) << "never a part of a file";
          if (done || !fault.for_good) EXPECT_EQ(has(*kept, scope), done ? paused : !paused);
          if (done) ASSERT_TRUE(say(scope, !paused));
          ASSERT_EQ(in_force(scope), !paused) << "the disk is back";
          if (!hit) break;
        }
      }
      if (paused) ASSERT_TRUE(say(scope, true));  // it is to be ended next
    }
    ASSERT_TRUE(say(scope, false));
  }
  EXPECT_GT(refused, 100);
}

TEST_F(PauseFaultsTest, WhatCannotBeReadIsNoPause) {
  ASSERT_TRUE(say(Scope::outbound, true));
  for (const Fault& fault : kFaults) {
    for (int n = 1;; ++n) {
      ASSERT_LT(n, 50);
      faults_.arm(fault, n);
      const Result<Pauses> read = Pauses::load(*disk_);
      const bool hit = faults_.hits() > 0;
      faults_.disarm();
      EXPECT_EQ(read.has_value(), !hit) << "queued does not start, rather than send";
      if (!hit) break;
    }
  }
}

}  // namespace
}  // namespace toast::queue
