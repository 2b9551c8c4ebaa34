// Counters and gauges that every process reports: a page of fixed slots in run/metrics/, one file
// per process, made by toastd and handed to the child as a descriptor. Adding is one relaxed atomic
// add on mapped memory; reading costs the process nothing.
//
// Who trusts whom: a page is written by its process alone. Readers take it as hostile bytes: they
// read(2) it with a limit (mapped, a truncated file would be a SIGBUS) and check names.
//
//   Counter accepted = metrics.counter("smtp.messages.accepted");   // once, at start
//   accepted.add();
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace toast {

inline constexpr std::size_t kMaxMetricName = 47;  // with its NUL a slot of 64 bytes
inline constexpr std::size_t kMetricSlots = 255;
inline constexpr std::size_t kMetricsPageBytes = 64 * (kMetricSlots + 1);

using MetricValue = std::atomic<std::uint64_t>;

// Counts events since toastd started; goes on where a restarted process had stopped.
class Counter {
 public:
  explicit Counter(MetricValue* value) : value_(value) {}
  void add(std::uint64_t n = 1) { value_->fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_->load(std::memory_order_relaxed); }

 private:
  MetricValue* value_;
};

// A level: connections, messages in the queue. 0 after a restart.
class Gauge {
 public:
  explicit Gauge(MetricValue* value) : value_(value) {}
  void set(std::uint64_t v) { value_->store(v, std::memory_order_relaxed); }
  void add(std::uint64_t n = 1) { value_->fetch_add(n, std::memory_order_relaxed); }
  void subtract(std::uint64_t n = 1) { value_->fetch_sub(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_->load(std::memory_order_relaxed); }

 private:
  MetricValue* value_;
};

class Metrics {
 public:
  Metrics();  // in private memory: for tests and for a process without a page
  // Maps the page that toastd handed over. A page that is no page of ours begins anew.
  [[nodiscard]] static Result<std::unique_ptr<Metrics>> map(const Fd& page);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name gives the same slot. Names are dotted words of at most kMaxMetricName bytes. Past
  // kMetricSlots names every further one shares a slot that is not reported. Handles must not
  // outlive this object. Call from one thread; the handles are safe from any.
  Counter counter(std::string_view name);
  Gauge gauge(std::string_view name);

 private:
  explicit Metrics(void* mapped);
  MetricValue* slot(std::string_view name, std::uint64_t kind);
  void* page_;
};

struct MetricSample {
  std::string name;
  std::uint64_t value = 0;
  bool is_gauge = false;
};
struct ProcessMetrics {
  std::string process;  // "toast-smtpd.1", the file's name
  std::vector<MetricSample> samples;
};

// Makes a new page for one process in place of an older one; toastd does, before it starts the
// process.
[[nodiscard]] Result<Fd> create_metrics_page(const std::string& path);
[[nodiscard]] Result<ProcessMetrics> read_metrics_page(const std::string& path);
// All pages below run/metrics/, sorted by process; unreadable ones are left out.
[[nodiscard]] Result<std::vector<ProcessMetrics>> read_metrics(const std::string& directory);

}  // namespace toast
