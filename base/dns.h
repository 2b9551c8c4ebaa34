// What programs ask the DNS, as an interface: tests answer from a table, programs with base/dns/.
// The answers keep apart what mail must keep apart: a name that does not exist (bounce), a name
// without such records, and not knowing now (an Error, always transient: retry). Nothing here is
// trusted for being in the DNS: names are checked, numbers of records are bounded.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/ip_address.h"
#include "base/result.h"

namespace toast {

// One answer may have thousands of records (64 KiB over TCP); more than these help nobody.
inline constexpr std::size_t kMaxMxRecords = 128;      // those of the best preference
inline constexpr std::size_t kMaxAddressRecords = 32;  // of each family
inline constexpr std::size_t kMaxDnsName = 253;  // as text without the final dot, RFC 1035 2.3.4

enum class DnsStatus : std::uint8_t {
  found,    // there are such records (perhaps none of them usable)
  no_data,  // the name exists, but has no such records
  no_name,  // NXDOMAIN: the name does not exist, nor any below it (RFC 8020)
};

struct MxRecord {
  std::uint16_t preference = 0;
  std::string
      host;  // a host name in lower case, or empty: the root, which says "no mail" (RFC 7505)
  friend auto operator<=>(const MxRecord&, const MxRecord&) = default;
};

struct MxAnswer {
  DnsStatus status = DnsStatus::no_data;
  std::vector<MxRecord> records;  // best preference first
  std::size_t dropped = 0;        // records whose host can be none, or beyond kMaxMxRecords
  bool secure = false;            // DNSSEC proved it (also that there is nothing)
};

struct AddressAnswer {
  DnsStatus status = DnsStatus::no_data;
  std::vector<IpAddress> v6;
  std::vector<IpAddress> v4;
  bool secure = false;
};

class Dns {
 public:
  virtual ~Dns() = default;
  // Names are absolute, with or without the final dot; aliases (CNAME) are followed. A name that
  // the DNS cannot hold does not exist. Errors are transient: no answer in time, SERVFAIL, a
  // signature that does not hold.
  virtual Task<Result<MxAnswer>> mx(std::string name) = 0;
  // A and AAAA side by side. If one of them fails and the other has addresses, those are the
  // answer; if it has none, the failure is.
  virtual Task<Result<AddressAnswer>> addresses(std::string host) = 0;
};

}  // namespace toast
