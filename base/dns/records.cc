#include "base/dns/records.h"

#include <algorithm>

namespace toast::dns {
namespace {

constexpr std::size_t kMaxLabel = 63;  // RFC 1035 section 2.3.4

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel &&
         std::all_of(label.begin(), label.end(), is_host_char);
}

std::optional<MxRecord> mx_record(std::string_view rdata) {
  constexpr std::size_t kPreferenceBytes = 2;
  if (rdata.size() <= kPreferenceBytes) return std::nullopt;
  std::optional<std::string> host = host_name_from_wire(rdata.substr(kPreferenceBytes));
  if (!host) return std::nullopt;
  const auto high = static_cast<unsigned char>(rdata[0]);
  const auto low = static_cast<unsigned char>(rdata[1]);
  return MxRecord{static_cast<std::uint16_t>(high << 8U | low), std::move(*host)};
}

template <std::size_t Bytes>
std::vector<IpAddress> addresses_in(const Records& records,
                                    IpAddress (*make)(std::array<std::uint8_t, Bytes>)) {
  std::vector<IpAddress> out;
  for (const std::string& rdata : records.data) {
    if (rdata.size() != Bytes) continue;
    if (out.size() == kMaxAddressRecords) break;
    std::array<std::uint8_t, Bytes> bytes{};
    std::copy(rdata.begin(), rdata.end(), bytes.begin());
    out.push_back(make(bytes));
  }
  return out;
}

}  // namespace

std::optional<std::string> host_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > kMaxDnsName) return std::nullopt;
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(), lower);
  for (std::string_view rest = name;;) {
    const std::size_t dot = rest.find('.');
    if (!is_label(rest.substr(0, dot))) return std::nullopt;
    if (dot == std::string_view::npos) return name;
    rest.remove_prefix(dot + 1);
  }
}

std::optional<std::string> host_name_from_wire(std::string_view wire) {
  std::string text;
  while (!wire.empty()) {
    const std::size_t length = static_cast<unsigned char>(wire.front());
    wire.remove_prefix(1);
    if (length == 0) {
      if (!wire.empty()) return std::nullopt;
      return text.empty() ? text : host_name(text);
    }
    if (length > kMaxLabel || length > wire.size()) return std::nullopt;
    const std::string_view label = wire.substr(0, length);
    if (label.find('.') != std::string_view::npos) return std::nullopt;  // one label, not two
    text.append(label).append(1, '.');
    wire.remove_prefix(length);
  }
  return std::nullopt;  // the root's empty label is missing
}

MxAnswer mx_answer(const Records& records) {
  MxAnswer answer{.status = records.status, .secure = records.secure};
  for (const std::string& rdata : records.data) {
    if (std::optional<MxRecord> record = mx_record(rdata))
      answer.records.push_back(std::move(*record));
  }
  const auto worse = [](const MxRecord& a, const MxRecord& b) {
    return a.preference < b.preference;
  };
  std::stable_sort(answer.records.begin(), answer.records.end(), worse);
  if (answer.records.size() > kMaxMxRecords) answer.records.resize(kMaxMxRecords);
  answer.dropped = records.data.size() - answer.records.size();
  return answer;
}

Result<AddressAnswer> address_answer(Result<Records> a, Result<Records> aaaa) {
  AddressAnswer answer;
  if (a) answer.v4 = addresses_in<4>(*a, &IpAddress::v4);
  if (aaaa) answer.v6 = addresses_in<16>(*aaaa, &IpAddress::v6);
  answer.secure = a && aaaa && a->secure && aaaa->secure;
  if (!answer.v4.empty() || !answer.v6.empty()) {
    answer.status = DnsStatus::found;
    return answer;
  }
  if (!a) return pass(a);
  if (!aaaa) return pass(aaaa);
  // Some servers deny the name when they only lack the type; then the other question tells.
  const bool none = a->status == DnsStatus::no_name && aaaa->status == DnsStatus::no_name;
  answer.status = none ? DnsStatus::no_name : DnsStatus::no_data;
  return answer;
}

}  // namespace toast::dns
