#include "mta/queue/pauses.h"

#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "base/fd.h"
#include "mta/message/next_hop.h"

namespace toast::queue {
namespace {

constexpr std::size_t kMaxFile = kMaxPausedDestinations * (kMaxNextHop + 16);
constexpr std::string_view kDestination = "destination ";

std::string path_in(const std::string& directory) {
  return directory + "/" + std::string(kPausesFile);
}

}  // namespace

Result<Pauses> Pauses::load(std::string directory) {
  Pauses pauses;
  pauses.directory_ = std::move(directory);
  if (pauses.directory_.empty()) return pauses;
  const std::string path = path_in(pauses.directory_);
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return pauses;
  Result<std::string> text = read_file(path, kMaxFile);
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
      return permanent(path + ": a line that is not ours: remove the file to pause nothing");
    }
  }
  return pauses;
}

Result<void> Pauses::save() const {
  if (directory_.empty()) return {};
  std::string text;
  if (inbound) text += "inbound\n";
  if (outbound) text += "outbound\n";
  for (const std::string& name : destinations) text += std::string(kDestination) + name + "\n";
  return replace_file(path_in(directory_), text, 0600);
}

}  // namespace toast::queue
