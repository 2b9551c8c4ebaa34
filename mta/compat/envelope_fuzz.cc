// An envelope of any bytes: the same outcome wherever the blocks end, and what was understood is
// understood again when it is written.
#include <cstdint>
#include <cstdlib>

#include "mta/compat/envelope.h"

namespace {

using namespace toast::compat;

struct Outcome {
  int code = 0;
  bool complete = false;
  std::string written;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(std::string_view bytes, std::size_t block) {
  EnvelopeReader reader;
  Outcome outcome;
  for (std::size_t at = 0; at < bytes.size() && outcome.code == 0; at += block) {
    const Taken<void> taken = reader.feed(bytes.substr(at, block));
    if (!taken) outcome.code = taken.error().code;
  }
  outcome.complete = outcome.code == 0 && reader.is_complete();
  if (outcome.complete) outcome.written = write_envelope(reader.take());
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  const Outcome whole = read(bytes, bytes.size() + 1);
  if (!(read(bytes, 1 + data[0]) == whole)) std::abort();
  if (!whole.complete) return 0;
  if (!bytes.starts_with(whole.written)) std::abort();
  return 0;
}
