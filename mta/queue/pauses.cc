#include "mta/queue/pauses.h"

#include <algorithm>
#include <sstream>

#include "mta/message/next_hop.h"

namespace toast::queue {
namespace {

constexpr std::size_t kMaxFile = kMaxPausedDestinations * (kMaxNextHop + 16);
constexpr std::string_view kDestination = "destination ";

}  // namespace

Result<Pauses> Pauses::load(Disk& disk) {
  Pauses pauses;
  pauses.disk_ = &disk;
  const std::string name(kPausesFile);
  Result<std::vector<std::string>> names = disk.list();
  if (!names) return pass(names);
  if (std::ranges::find(*names, name) == names->end()) return pauses;
  Result<std::unique_ptr<DiskFile>> file = disk.open(name);
  if (!file) return pass(file);
  Result<std::uint64_t> size = (*file)->size();
  if (!size) return pass(size);
  if (*size > kMaxFile) return permanent(name + " is too large to be ours: remove it");
  Result<std::string> text = read_exactly(**file, 0, *size);
  if (!text) return pass(text);
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (line == "inbound") {
      pauses.inbound = true;
    } else if (line == "outbound") {
      pauses.outbound = true;
    } else if (line.starts_with(kDestination)) {
      pauses.destinations.insert(line.substr(kDestination.size()));
    } else if (!line.empty()) {
      return permanent(name + ": a line that is not ours: remove the file to pause nothing");
    }
  }
  return pauses;
}

Result<void> Pauses::save() const {
  if (disk_ == nullptr) return {};
  std::string text;
  if (inbound) text += "inbound\n";
  if (outbound) text += "outbound\n";
  for (const std::string& name : destinations) text += std::string(kDestination) + name + "\n";
  const std::string temporary = std::string(kPausesFile) + ".tmp";
  (void)disk_->unlink(temporary);  // of an attempt that failed
  Result<std::unique_ptr<DiskFile>> file = disk_->create(temporary);
  if (!file) return pass(file);
  if (Result<void> done = write_all(**file, 0, text); !done) return done;
  if (Result<void> done = (*file)->sync_data(); !done) return done;
  if (Result<void> done = disk_->rename(temporary, std::string(kPausesFile)); !done) return done;
  return disk_->sync_directory();
}

}  // namespace toast::queue
