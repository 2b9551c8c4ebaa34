// Counters: shared between a process and its readers, hostile pages.
#include "base/metrics.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace toast {
namespace {

class MetricsPage : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/toast_metrics_XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    directory_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string page_path() const { return directory_ + "/toast-smtpd.0"; }
  std::string directory_;
};

TEST(Metrics, SameNameIsTheSameSlot) {
  Metrics metrics;
  Counter a = metrics.counter("smtp.messages.accepted");
  Counter b = metrics.counter("smtp.messages.accepted");
  Counter other = metrics.counter("smtp.messages.refused");
  a.add();
  b.add(2);
  EXPECT_EQ(a.value(), 3U);
  EXPECT_EQ(other.value(), 0U);
}

TEST(Metrics, PastTheLastSlotNothingBreaks) {
  Metrics metrics;
  for (std::size_t i = 0; i < kMetricSlots; ++i) metrics.counter("n" + std::to_string(i));
  Counter over = metrics.counter("one.too.many");
  over.add();
  EXPECT_EQ(metrics.counter("n0").value(), 0U);
}

TEST_F(MetricsPage, AnotherProcessSeesTheCounts) {
  Result<Fd> page = create_metrics_page(page_path());
  ASSERT_TRUE(page);
  const pid_t child = ::fork();
  if (child == 0) {
    Result<std::unique_ptr<Metrics>> metrics = Metrics::map(*page);
    if (!metrics) ::_exit(1);
    Counter accepted = (*metrics)->counter("smtp.messages.accepted");
    accepted.add(41);
    accepted.add();
    (*metrics)->gauge("smtp.connections").set(7);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  Result<std::vector<ProcessMetrics>> all = read_metrics(directory_);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().process, "toast-smtpd.0");
  ASSERT_EQ(all->front().samples.size(), 2U);
  EXPECT_EQ(all->front().samples[0].name, "smtp.messages.accepted");
  EXPECT_EQ(all->front().samples[0].value, 42U);
  EXPECT_TRUE(all->front().samples[1].is_gauge);
}

TEST_F(MetricsPage, RestartKeepsCountersAndClearsGauges) {
  Result<Fd> page = create_metrics_page(page_path());
  ASSERT_TRUE(page);
  {
    auto metrics = std::move(*Metrics::map(*page));
    metrics->counter("a").add(5);
    metrics->gauge("b").set(5);
  }
  auto metrics = std::move(*Metrics::map(*page));
  EXPECT_EQ(metrics->counter("a").value(), 5U);
  EXPECT_EQ(metrics->gauge("b").value(), 0U);
}

TEST_F(MetricsPage, HostilePages) {
  // A process that was taken over may write anything into its page, or cut it short.
  std::ofstream(directory_ + "/short") << "x";
  std::ofstream(directory_ + "/huge") << std::string(kMetricsPageBytes + 1, 'x');
  std::ofstream(directory_ + "/noise") << std::string(kMetricsPageBytes, '\xff');
  ASSERT_TRUE(create_metrics_page(directory_ + "/fresh"));
  EXPECT_FALSE(read_metrics_page(directory_ + "/short"));
  EXPECT_FALSE(read_metrics_page(directory_ + "/huge"));
  EXPECT_TRUE(read_metrics_page(directory_ + "/noise")->samples.empty());
  // A good header with slots whose names would forge lines on a terminal.
  Result<Fd> page = create_metrics_page(page_path());
  (*Metrics::map(*page))->counter("good").add();
  std::fstream file(page_path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(64);
  file << "ev\nil";
  file.close();
  EXPECT_TRUE(read_metrics_page(page_path())->samples.empty());
  EXPECT_EQ(read_metrics(directory_)->size(), 3U);  // fresh, noise, toast-smtpd.0
  auto metrics = std::move(*Metrics::map(*open_file(directory_ + "/noise", O_RDWR)));
  metrics->counter("a").add();
  EXPECT_EQ(read_metrics_page(directory_ + "/noise")->samples.size(), 1U);
}

}  // namespace
}  // namespace toast
