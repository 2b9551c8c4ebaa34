// Properties of sending a message: what a client decodes is the message with CRLF line ends; the
// size announced is the size sent; how the message is cut into blocks changes nothing; TOP is a
// prefix.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "pop3d/wire_encoder.h"

namespace {

using namespace toast::pop3;

void require(bool truth) {
  if (!truth) std::abort();
}

std::string encode(std::string_view stored, std::size_t step, std::uint64_t body_lines) {
  WireEncoder encoder(body_lines);
  std::string out;
  for (std::size_t at = 0; at < stored.size(); at += step)
    if (!encoder.feed(stored.substr(at, step), out)) break;
  encoder.finish(out);
  return out;
}

// What RFC 1939 section 3 tells a client to do.
std::string decode(std::string_view wire) {
  std::string message;
  while (true) {
    const std::size_t end = wire.find("\r\n");
    require(end != std::string_view::npos);
    std::string_view line = wire.substr(0, end);
    wire.remove_prefix(end + 2);
    if (line == ".") break;
    if (line.starts_with('.')) line.remove_prefix(1);
    message.append(line).append("\r\n");
  }
  require(wire.empty());
  return message;
}

std::string to_crlf(std::string_view stored) {
  std::string out;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (stored[i] == '\n' && (i == 0 || stored[i - 1] != '\r')) out.push_back('\r');
    out.push_back(stored[i]);
  }
  if (!stored.empty() && stored.back() != '\n') out.append("\r\n");
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = data[0] % 16U + 1U;
  const std::uint64_t body_lines = data[1] % 8U;
  const std::string_view stored(reinterpret_cast<const char*>(data) + 2, size - 2);

  const std::string wire = encode(stored, stored.size() + 1, WireEncoder::kWholeMessage);
  require(decode(wire) == to_crlf(stored));
  require(encode(stored, step, WireEncoder::kWholeMessage) == wire);

  WireSize octets;
  for (std::size_t at = 0; at < stored.size(); at += step) octets.feed(stored.substr(at, step));
  require(octets.total() == decode(wire).size());

  const std::string top = encode(stored, stored.size() + 1, body_lines);
  require(encode(stored, step, body_lines) == top);
  const std::string top_message = decode(top);
  require(to_crlf(stored).starts_with(top_message));
  return 0;
}
