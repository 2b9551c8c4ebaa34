#include "mta/queue/pauses.h"

#include <sstream>

#include "mta/message/next_hop.h"
#include "mta/queue/small_file.h"

namespace toast::queue {
namespace {

constexpr std::size_t kMaxFile = kMaxPausedDestinations * (kMaxNextHop + 16);
constexpr std::string_view kDestination = "destination ";

}  // namespace

Result<Pauses> Pauses::load(Disk& disk) {
  Pauses pauses;
  pauses.disk_ = &disk;
  const std::string name(kPausesFile);
  Result<std::optional<std::string>> text = read_small_file(disk, name, kMaxFile);
  if (!text) return pass(text);
  if (!*text) return pauses;
  std::istringstream lines(**text);
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
  return replace_small_file(*disk_, std::string(kPausesFile), text);
}

}  // namespace toast::queue
