// A stream of command bytes: the same lines wherever the blocks end, each line gives a command or a
// well-formed refusal, and no line holds what could be two commands to anybody.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "mta/smtp/command.h"
#include "mta/smtp/line_reader.h"

namespace {

using toast::smtp::LineEvent;

struct Seen {
  LineEvent event;
  std::string line;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::vector<Seen> read_lines(std::string_view text, std::size_t block) {
  std::vector<Seen> seen;
  toast::smtp::LineReader reader;
  for (std::size_t at = 0; at < text.size(); at += block) {
    std::string_view input = text.substr(at, block);
    while (true) {
      const LineEvent event = reader.next(input);
      if (event == LineEvent::need_more) break;
      seen.push_back({event, event == LineEvent::line ? std::string(reader.line()) : ""});
    }
  }
  return seen;
}

void check_line(const std::string& line) {
  const bool auth = toast::smtp::is_auth_line(line);
  if (line.size() + 2 > (auth ? toast::smtp::kMaxAuthLine : toast::smtp::kMaxCommandLine))
    std::abort();
  if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) std::abort();
  const auto command = toast::smtp::parse_command(line);
  if (command) return;
  std::string wire;
  append_reply(wire, command.error());
  if (wire.size() > toast::smtp::kMaxReplyLine || wire.front() != '5') std::abort();
  if (wire.find_first_of("\r\n") != wire.size() - 2) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  const auto whole = read_lines(text, text.size() + 1);
  if (read_lines(text, 1 + data[0]) != whole) std::abort();
  for (const Seen& seen : whole)
    if (seen.event == LineEvent::line) check_line(seen.line);
  return 0;
}
