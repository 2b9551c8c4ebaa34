// Whatever the bytes, each line that is kept can be written back so that it reads the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "vdomain/dotqmail.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace toast::vdomain;
  const DotQmail file = parse_dot_qmail({reinterpret_cast<const char*>(data), size});
  if (file.empty != (size == 0)) std::abort();
  for (const DotQmailLine& line : file.lines) {
    std::string written = line.text;
    if (line.kind == DotQmailLine::Kind::program) written.insert(0, "|");
    if (line.kind == DotQmailLine::Kind::forward) written.insert(0, "&");
    if (line.forbidden) written.insert(0, "+list\n");
    const DotQmail again = parse_dot_qmail(written);
    if (again.lines.size() != 1) std::abort();
    DotQmailLine expected = line;
    expected.number = line.forbidden ? 2 : 1;
    if (!(again.lines.front() == expected)) std::abort();
  }
  return 0;
}
