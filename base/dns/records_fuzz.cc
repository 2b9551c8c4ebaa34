// Record data as anybody may write it: what comes out are host names and bounded numbers.
#include <cstdint>
#include <cstdlib>

#include "base/dns/records.h"

namespace toast::dns {
namespace {

// Each byte that is 0xff ends one record.
Records records_in(std::string_view input) {
  Records records{.status = DnsStatus::found, .data = {}};
  while (!input.empty()) {
    const std::size_t end = input.find('\xff');
    records.data.emplace_back(input.substr(0, end));
    input = end == std::string_view::npos ? std::string_view() : input.substr(end + 1);
  }
  return records;
}

void fuzz(std::string_view input) {
  const Records records = records_in(input);
  const MxAnswer mx = mx_answer(records);
  if (mx.records.size() > kMaxMxRecords) std::abort();
  if (mx.records.size() + mx.dropped != records.data.size()) std::abort();
  for (const MxRecord& record : mx.records)
    if (!record.host.empty() && host_name(record.host) != record.host) std::abort();
  const Result<AddressAnswer> addresses = address_answer(records, records);
  if (!addresses || addresses->v4.size() > kMaxAddressRecords) std::abort();
}

}  // namespace
}  // namespace toast::dns

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  toast::dns::fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
