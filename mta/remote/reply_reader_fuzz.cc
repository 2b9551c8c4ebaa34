// Bytes as a host's replies: read whole or in pieces they mean the same, what is told of them is
// one line of printable text, and nothing grows without bound.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "mta/message/ascii.h"
#include "mta/remote/capabilities.h"
#include "mta/remote/outcome.h"
#include "mta/remote/reply_reader.h"

namespace {

using namespace toast::remote;
using Event = ReplyReader::Event;

std::string check(const RemoteReply& reply) {
  if (reply.code < 200 || reply.code > 599 || reply.text.size() > kMaxReplyBytes) std::abort();
  (void)Capabilities::parse(reply.text);
  const Outcome outcome = outcome_of(reply);
  if (outcome.text.size() > kMaxReportText) std::abort();
  for (const char c : outcome.text)
    if (!toast::ascii::is_printable(c)) std::abort();
  const char expected = reply.is_positive() ? '2' : reply.is_permanent() ? '5' : '4';
  if (outcome.text.front() != expected) std::abort();
  return outcome.text + "\n" + reply.text;
}

std::string read(std::string_view bytes, std::size_t block) {
  ReplyReader reader;
  std::string transcript;
  while (!bytes.empty()) {
    std::string_view input = bytes.substr(0, block);
    bytes.remove_prefix(input.size());
    while (!input.empty()) {
      const Event event = reader.next(input);
      if (event == Event::reply) transcript += check(reader.take()) + "\n--\n";
      if (event == Event::malformed) return transcript + "malformed";
      if (event == Event::too_large) return transcript + "too large";
    }
  }
  return transcript;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = read(bytes, size);
  if (read(bytes, 1 + data[0] % 7) != whole) std::abort();
  return 0;
}
