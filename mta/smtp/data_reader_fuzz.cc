// The end of a message is where a plain search for it says, the content is the same wherever the
// blocks end, and it agrees with a second reader that is written to be obvious, not fast.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "mta/smtp/data_reader.h"

namespace {

using toast::smtp::BareNewline;
using toast::smtp::DataReader;

struct Outcome {
  bool ended = false;
  bool bare = false;
  bool too_large = false;
  std::string content;
  std::string rest;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(std::string_view text, std::size_t block, std::uint64_t max_bytes,
             BareNewline policy) {
  Outcome outcome;
  DataReader reader(max_bytes, policy);
  for (std::size_t at = 0; at < text.size() && !outcome.ended; at += block) {
    std::string_view input = text.substr(at, block);
    outcome.ended = reader.feed(input, outcome.content);
    if (outcome.ended) outcome.rest = text.substr(std::min(at + block, text.size()) - input.size());
  }
  outcome.bare = reader.bare_newline();
  outcome.too_large = reader.too_large();
  if (outcome.bare || outcome.too_large) outcome.content.clear();
  return outcome;
}

Outcome read_obviously(std::string_view text) {
  Outcome outcome;
  const std::string_view end_mark = "\r\n.\r\n";
  const std::string framed = "\r\n" + std::string(text);
  const std::size_t end = framed.find(end_mark);
  if (end == std::string::npos) return outcome;
  outcome.ended = true;
  outcome.rest = framed.substr(end + end_mark.size());
  std::string body = framed.substr(0, end + 2);
  for (std::size_t at = body.find("\r\n."); at != std::string::npos;
       at = body.find("\r\n.", at + 2))
    body.erase(at + 2, 1);
  body.erase(0, 2);
  for (std::size_t at = 0; at < body.size(); ++at) {
    const bool cr = body[at] == '\r' && body.substr(at, 2) == "\r\n";
    if (!cr && (body[at] == '\r' || body[at] == '\n')) outcome.bare = true;
    if (cr) ++at;
    outcome.content.push_back(cr ? '\n' : body[at]);
  }
  if (outcome.bare) outcome.content.clear();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::size_t block = 1 + data[0];
  const std::uint64_t max_bytes = data[1];
  const std::string_view text{reinterpret_cast<const char*>(data) + 2, size - 2};
  for (const BareNewline policy : {BareNewline::refuse, BareNewline::normalise}) {
    const Outcome whole = read(text, text.size(), max_bytes, policy);
    if (!(read(text, block, max_bytes, policy) == whole)) std::abort();
    if (whole.content.find('\r') != std::string::npos) std::abort();
  }
  const Outcome wanted = read_obviously(text);
  const Outcome got = read(text, text.size(), 0, BareNewline::refuse);
  if (got.ended != wanted.ended) std::abort();
  if (got.ended && !(got == wanted)) std::abort();
  return 0;
}
