// Any bytes as a stored message: on the wire CRLF is the only line end, CRLF "." CRLF stands at the
// end and nowhere else, and a receiver that undoes the dots has what BDAT would have sent.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "mta/remote/data_encoder.h"

namespace {

using namespace toast::remote;

std::string encode(DataEncoder::Form form, std::string_view stored, std::size_t block) {
  DataEncoder encoder(form);
  std::string out;
  for (; !stored.empty(); stored.remove_prefix(std::min(block, stored.size())))
    encoder.feed(stored.substr(0, block), out);
  encoder.finish(out);
  return out;
}

void expect(bool holds) {
  if (!holds) std::abort();
}

void check_line_ends(std::string_view wire) {
  for (std::size_t i = 0; i < wire.size(); ++i) {
    if (wire[i] == '\r') expect(i + 1 < wire.size() && wire[i + 1] == '\n');
    if (wire[i] == '\n') expect(i > 0 && wire[i - 1] == '\r');
  }
}

// What a receiver makes of it (RFC 5321 section 4.5.2), up to the first end it sees.
std::string receive(std::string_view wire) {
  std::string content;
  while (true) {
    const std::size_t end = wire.find("\r\n");
    expect(end != std::string_view::npos);
    std::string_view line = wire.substr(0, end);
    wire.remove_prefix(end + 2);
    if (line == ".") break;
    if (line.starts_with('.')) line.remove_prefix(1);
    content.append(line).append("\r\n");
  }
  expect(wire.empty());  // nothing behind the end could be taken for commands
  return content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stored(reinterpret_cast<const char*>(data), size);
  const std::size_t block = 1 + data[0] % 7;
  const std::string wire = encode(DataEncoder::Form::data, stored, size);
  const std::string chunk = encode(DataEncoder::Form::bdat, stored, size);
  expect(wire == encode(DataEncoder::Form::data, stored, block));
  expect(chunk == encode(DataEncoder::Form::bdat, stored, block));
  check_line_ends(wire);
  check_line_ends(chunk);
  expect(receive(wire) == chunk);
  ContentScanner scanner;
  for (std::string_view rest = stored; !rest.empty();
       rest.remove_prefix(std::min(block, rest.size())))
    scanner.feed(rest.substr(0, block));
  expect(scanner.finish().wire_bytes == chunk.size());
  return 0;
}
