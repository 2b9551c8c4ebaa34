// Properties of reading commands: how the bytes are cut into reads changes nothing; no line is
// longer than its limit or holds a line end; a number that is read is the number that was written.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "pop3d/command_parser.h"
#include "pop3d/line_reader.h"

namespace {

using namespace toast::pop3;

void require(bool truth) {
  if (!truth) std::abort();
}

std::vector<Line> read_lines(std::string_view input, std::size_t step) {
  LineReader reader;
  std::vector<Line> lines;
  for (std::size_t at = 0; at < input.size(); at += step) {
    reader.feed(input.substr(at, step));
    while (std::optional<Line> line = reader.next()) lines.push_back(std::move(*line));
    require(reader.held_bytes() <= kMaxPassLine + 64);
  }
  return lines;
}

void check_response(std::string_view line) {
  const auto response = parse_response(line);
  if (!response || !*response) return;
  require((*response)->size() <= toast::auth::kMaxSaslMessage);
  require(toast::base64_encode((*response)->view()) == line);
}

void check_number(std::string_view line) {
  const tl::expected<Command, SyntaxError> command = parse_command(line);
  if (!command || !std::holds_alternative<Retr>(*command)) return;
  std::string_view digits = line.substr(line.find(' ') + 1);
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  const std::uint32_t value = std::get<Retr>(*command).message.value;
  if (value == MessageNumber::kBeyondAll) {
    require(digits.size() >= 10);
  } else {
    require(digits == std::to_string(value));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = data[0] % 64U + 1U;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::vector<Line> whole = read_lines(input, input.size() + 1);
  const std::vector<Line> cut = read_lines(input, step);
  require(whole.size() == cut.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    require(whole[i].too_long == cut[i].too_long && whole[i].text == cut[i].text);
    require(whole[i].text.size() < kMaxPassLine);
    require(whole[i].text.find('\n') == std::string::npos);
    check_number(whole[i].text);
    if (!whole[i].too_long) check_response(whole[i].text);
  }
  return 0;
}
