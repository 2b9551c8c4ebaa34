#include "base/async.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace toast {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(RunBlocking, RunsElsewhereAndComesBackHere) {
  asio::io_context io(1);
  asio::thread_pool pool(2);
  std::thread::id worker;
  std::thread::id after;
  std::string value;
  asio::co_spawn(
      io,
      [&]() -> Task<> {
        auto work = [&worker] {
          worker = std::this_thread::get_id();
          return std::string("done");
        };
        value = co_await run_blocking(pool, std::move(work));
        after = std::this_thread::get_id();
      },
      asio::detached);
  io.run();
  EXPECT_EQ(value, "done");
  EXPECT_NE(worker, std::this_thread::get_id());
  EXPECT_EQ(after, std::this_thread::get_id());
}

TEST(Deadline, FiresOnceWhenItsTimeHasCome) {
  asio::io_context io(1);
  int fired = 0;
  Deadline deadline(io.get_executor(), steady_clock::now() + milliseconds(1), [&] { ++fired; });
  io.run();
  EXPECT_EQ(fired, 1);
}

TEST(Deadline, CanBeMovedBothWays) {
  asio::io_context io(1);
  const auto start = steady_clock::now();
  steady_clock::time_point fired_at;
  Deadline deadline(io.get_executor(), start + std::chrono::hours(1),
                    [&] { fired_at = steady_clock::now(); });
  deadline.move_to(start + milliseconds(1));   // earlier: the timer is armed anew
  deadline.move_to(start + milliseconds(30));  // later: costs nothing
  io.run_for(std::chrono::seconds(20));
  EXPECT_GE(fired_at, start + milliseconds(30));
}

TEST(Deadline, NeverFiresAfterItsDeath) {
  asio::io_context io(1);
  int fired = 0;
  {
    Deadline deadline(io.get_executor(), steady_clock::now(), [&] { ++fired; });
  }
  io.run();
  EXPECT_EQ(fired, 0);
}

}  // namespace
}  // namespace toast
