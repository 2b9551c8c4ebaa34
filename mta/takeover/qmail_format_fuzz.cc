// The files of a qmail queue: any bytes either fail or give records that hold no NUL and are no
// longer than the input.
#include <cstdint>
#include <cstdlib>

#include "mta/takeover/qmail_format.h"

namespace {

void check(const std::vector<std::string>& texts, std::size_t size) {
  std::size_t sum = 0;
  for (const std::string& text : texts) {
    if (text.find('\0') != std::string::npos) std::abort();
    sum += text.size();
  }
  if (sum > size) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace toast::takeover;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  if (auto envelope = parse_qmail_todo(bytes)) {
    envelope->recipients.push_back(envelope->sender);
    check(envelope->recipients, size);
  }
  if (auto sender = parse_qmail_info(bytes)) check({*sender}, size);
  if (auto left = parse_qmail_recipients(bytes)) check(*left, size);
  if (auto failures = parse_qmail_bounce(bytes)) {
    std::size_t sum = 0;
    for (const QmailFailure& failure : *failures)
      sum += failure.address.size() + failure.text.size();
    if (sum > size) std::abort();
  }
  return 0;
}
