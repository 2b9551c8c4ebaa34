// Reading large directories: in halves, by two threads, and into order.
#include "vdomain/maildir/scan.h"

#include <algorithm>

#include "tests/unit/maildir/maildir_fixture.h"
#include "vdomain/maildir/directory_reader.h"
#include "vdomain/maildir/side_by_side.h"

namespace toast::maildir {
namespace {

class ScanTest : public ::testing::Test {
 protected:
  ScanTest() { make_maildir(root.path()); }
  Fd directory(const std::string& part) const {
    return std::move(*open_file(root.path() + "/" + part, O_RDONLY | O_DIRECTORY));
  }
  std::vector<std::string> scan(asio::thread_pool* helpers) const {
    const Result<ScannedMaildir> found = scan_maildir(directory("new"), directory("cur"), helpers);
    if (!found) return {"failed: " + found.error().detail};
    std::vector<std::string> names;
    for (const ScannedMessage& m : found->messages) names.emplace_back(found->name(m));
    return names;
  }
  // Enough, and with names long enough, to be worth reading in halves.
  std::vector<std::string> fill(const std::string& part) const {
    std::vector<std::string> names;
    for (int n = 0; n < 5000; ++n)
      names.push_back(std::to_string(1'700'000'000 + n) + ".M" + std::to_string(n % 7) +
                      "P1Q1.a-host-name-of-usual-length.example,S=1,W=1");
    for (const std::string& name : names) put_file(root.path() + "/" + part + "/" + name, "");
    return names;
  }
  std::vector<std::string> read(const std::string& part, DirectoryPart which) const {
    const Fd from = directory(part);
    DirectoryReader reader(from.get(), which);
    DirectoryEntry entry;
    std::vector<std::string> names;
    while (reader.next(entry)) names.emplace_back(entry.name);
    EXPECT_EQ(reader.error(), 0);
    return names;
  }
  TempDir root;
};

TEST_F(ScanTest, WithHelpersAsWithout) {
  const std::vector<std::string> names = fill("cur");
  asio::thread_pool pool(1);
  EXPECT_EQ(scan(nullptr), names);
  EXPECT_EQ(scan(&pool), names);
}

TEST_F(ScanTest, HalvesHoldEveryName) {
  std::vector<std::string> names = fill("cur");
  put_file(root.path() + "/new/1.small", "");
  const Fd large = directory("cur");
  const Fd small = directory("new");
  for (const auto& [part, fd, want] :
       {std::tuple{"cur", &large, names},
        std::tuple{"new", &small, std::vector<std::string>{"1.small"}}}) {
    if (!has_halves(fd->get())) {  // not ext4: one piece is all there is
      EXPECT_EQ(read(part, DirectoryPart::whole).size(), want.size());
      continue;
    }
    std::vector<std::string> found = read(part, DirectoryPart::first_half);
    const std::vector<std::string> second = read(part, DirectoryPart::second_half);
    found.insert(found.end(), second.begin(), second.end());
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    EXPECT_EQ(found, want) << part;
    if (want.size() > 1) EXPECT_GT(second.size(), want.size() / 3) << "a half, not all or nothing";
  }
}

TEST_F(ScanTest, Order) {
  const std::vector<std::string> in_order = {
      "a.no-seconds",    "b.no-seconds",    "5.x",
      "2048.x",          "2049.x",          "4194304.x",
      "1700000000.M1P1", "1700000000.M1P2", "1700000000.M2P1",
      "1700000001.M0P1", "17000000000.x",   "123456789012345678.the-most-digits-that-count"};
  for (auto name = in_order.rbegin(); name != in_order.rend(); ++name)
    put_file(root.path() + "/new/" + *name, "");
  EXPECT_EQ(scan(nullptr), in_order);
}

TEST(SideBySide, AThreadOfThePoolNeverWaitsForIt) {
  asio::thread_pool pool(1);
  int done = 0;
  std::promise<void> finished;
  asio::post(pool, [&] {  // takes the only thread
    side_by_side(
        &pool, [&] { ++done; }, [&] { ++done; });
    finished.set_value();
  });
  finished.get_future().wait();
  EXPECT_EQ(done, 2);
  pool.join();
  EXPECT_EQ(done, 2) << "the offer was taken back";
}

TEST(SideBySide, AtOnceWhereAThreadIsIdle) {
  asio::thread_pool pool(1);
  std::promise<void> begun;
  // `mine` ends only when `theirs` has begun: one after the other they would wait for ever.
  side_by_side(
      &pool, [&] { begun.get_future().wait(); }, [&] { begun.set_value(); });
}

}  // namespace
}  // namespace toast::maildir
