#include "base/metrics.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace toast {
namespace {

constexpr std::uint64_t kMagic = 0x31736372'74736d74;  // "tmstrcs1"
constexpr std::uint64_t kUnused = 0;
constexpr std::uint64_t kCounter = 1;
constexpr std::uint64_t kGauge = 2;

struct Slot {
  char name[kMaxMetricName + 1];
  MetricValue kind;  // set last, so that a reader sees a name or no slot
  MetricValue value;
};
struct Page {
  MetricValue magic;
  MetricValue unreported;  // shared by names that found no slot
  char reserved[48];
  Slot slots[kMetricSlots];
};
static_assert(sizeof(Slot) == 64);
static_assert(sizeof(Page) == kMetricsPageBytes);
static_assert(MetricValue::is_always_lock_free);

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool is_metric_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxMetricName &&
         std::all_of(name.begin(), name.end(), is_name_byte);
}

std::string_view slot_name(const char* name) { return {name, ::strnlen(name, kMaxMetricName + 1)}; }

void* map_memory(int fd) {
  const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  return ::mmap(nullptr, kMetricsPageBytes, PROT_READ | PROT_WRITE, flags, fd, 0);
}

}  // namespace

Metrics::Metrics() : Metrics(map_memory(-1)) {}

Metrics::Metrics(void* mapped) : page_(mapped) {
  if (page_ == MAP_FAILED) std::abort();  // no memory for one page at start
  Page& page = *static_cast<Page*>(page_);
  if (page.magic.load() != kMagic) {
    std::memset(page_, 0, kMetricsPageBytes);
    page.magic.store(kMagic);
  }
  for (Slot& slot : page.slots)
    if (slot.kind.load() == kGauge) slot.value.store(0);
}

Result<std::unique_ptr<Metrics>> Metrics::map(const Fd& page) {
  struct stat status {};
  if (::fstat(page.get(), &status) != 0) return system_error("stat", "metrics page");
  if (status.st_size != static_cast<off_t>(kMetricsPageBytes))
    return permanent("metrics page has a wrong size");
  void* mapped = map_memory(page.get());
  if (mapped == MAP_FAILED) return system_error("map", "metrics page");
  return std::unique_ptr<Metrics>(new Metrics(mapped));
}

Metrics::~Metrics() { ::munmap(page_, kMetricsPageBytes); }

Counter Metrics::counter(std::string_view name) { return Counter(slot(name, kCounter)); }
Gauge Metrics::gauge(std::string_view name) { return Gauge(slot(name, kGauge)); }

MetricValue* Metrics::slot(std::string_view name, std::uint64_t kind) {
  if (!is_metric_name(name)) std::abort();  // names are literals of ours
  Page& page = *static_cast<Page*>(page_);
  for (Slot& slot : page.slots) {
    const std::uint64_t used = slot.kind.load();
    if (used == kUnused) {
      std::memcpy(slot.name, name.data(), name.size());
      slot.kind.store(kind, std::memory_order_release);
      return &slot.value;
    }
    if (used == kind && slot_name(slot.name) == name) return &slot.value;
  }
  return &page.unreported;
}

Result<Fd> create_metrics_page(const std::string& path) {
  // Never truncated: an older process may still have the page mapped.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("unlink", path);
  Result<Fd> fd = open_file(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
  if (!fd) return fd;
  if (::ftruncate(fd->get(), kMetricsPageBytes) != 0) return system_error("ftruncate", path);
  return fd;
}

Result<ProcessMetrics> read_metrics_page(const std::string& path) {
  Result<std::string> bytes = read_file(path, kMetricsPageBytes);
  if (!bytes) return pass(bytes);
  ProcessMetrics result{std::filesystem::path(path).filename().string(), {}};
  if (bytes->size() != kMetricsPageBytes) return permanent(path + " is not a metrics page");
  const auto number_at = [&](std::size_t offset) {
    std::uint64_t number = 0;
    std::memcpy(&number, bytes->data() + offset, sizeof number);
    return number;
  };
  if (number_at(0) != kMagic) return result;  // its process has not started yet
  for (std::size_t i = 0; i < kMetricSlots; ++i) {
    const std::size_t offset = offsetof(Page, slots) + i * sizeof(Slot);
    const std::uint64_t kind = number_at(offset + offsetof(Slot, kind));
    if (kind != kCounter && kind != kGauge) continue;
    const std::string_view name = slot_name(bytes->data() + offset);
    if (!is_metric_name(name)) continue;
    result.samples.push_back(
        {std::string(name), number_at(offset + offsetof(Slot, value)), kind == kGauge});
  }
  return result;
}

Result<std::vector<ProcessMetrics>> read_metrics(const std::string& directory) {
  std::error_code error;
  std::vector<ProcessMetrics> all;
  std::filesystem::directory_iterator entries(directory, error);
  if (error) return system_error("read directory", directory, error.value());
  for (const auto& entry : entries) {
    Result<ProcessMetrics> page = read_metrics_page(entry.path().string());
    if (page) all.push_back(std::move(*page));
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.process < b.process; });
  return all;
}

}  // namespace toast
