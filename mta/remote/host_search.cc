#include "mta/remote/host_search.h"

#include <algorithm>

#include "mta/message/ascii.h"

namespace toast::remote {
namespace {

constexpr std::size_t kMaxReason = 200;  // parts of it were written by other people's servers

// Nobody's own address: "this network", multicast, reserved, broadcast (RFC 6890).
bool is_no_host(const IpAddress& address) {
  const auto& bytes = address.bytes();
  if (address.is_v4()) return bytes[0] == 0 || bytes[0] >= 224;
  return bytes[0] == 0xff || address == IpAddress::v6({});
}

}  // namespace

tl::unexpected<Error> cannot_tell_now(const std::string& name, std::string detail) {
  std::string reason = detail.substr(0, kMaxReason);
  std::replace_if(
      reason.begin(), reason.end(), [](char c) { return !ascii::is_printable(c); }, '?');
  return transient(std::move(detail), "4.4.3 the DNS does not tell now where mail for " + name +
                                          " goes (" + reason + ")");
}

tl::unexpected<Error> comes_back_to_us(const std::string& name) {
  return permanent(name + ": its best mail host is this one",
                   "5.4.6 mail for " + name +
                       " would come back here: its MX records point to this host, which does not "
                       "take mail for it");
}

std::vector<IpAddress> in_order(const AddressAnswer& answer, bool prefer_ipv6) {
  std::vector<IpAddress> ordered;
  if (!prefer_ipv6) {
    ordered = answer.v4;
    ordered.insert(ordered.end(), answer.v6.begin(), answer.v6.end());
    return ordered;
  }
  for (std::size_t i = 0; i < std::max(answer.v4.size(), answer.v6.size()); ++i) {
    if (i < answer.v6.size()) ordered.push_back(answer.v6[i]);
    if (i < answer.v4.size()) ordered.push_back(answer.v4[i]);
  }
  return ordered;
}

void HostSearch::add(const MxRecord& host, const Result<AddressAnswer>& answer) {
  if (!answer) {
    if (!unknown_) unknown_ = Unknown{host.preference, answer.error().detail};
    return;
  }
  std::vector<IpAddress> addresses = in_order(*answer, prefer_ipv6_);
  const auto is_ours = [this](const IpAddress& address) {
    return own_ != nullptr && own_->has_endpoint({address, port_});
  };
  if (!own_preference_ && std::any_of(addresses.begin(), addresses.end(), is_ours))
    own_preference_ = host.preference;
  if (own_ != nullptr) std::erase_if(addresses, is_no_host);
  if (!addresses.empty()) located_.push_back({host, std::move(addresses)});
}

bool HostSearch::is_usable(const MxRecord& host) const {
  return !own_preference_ || host.preference < *own_preference_;
}

bool HostSearch::is_full() const {
  std::size_t count = 0;
  for (const Located& located : located_)
    count += std::min(located.addresses.size(), kMaxAddressesPerHost);
  return count >= kMaxCandidates;
}

Result<std::vector<Candidate>> HostSearch::candidates(bool complete) const {
  const auto hosts = std::count_if(located_.begin(), located_.end(),
                                   [this](const Located& l) { return is_usable(l.host); });
  const std::size_t per_host = hosts > 1 ? kMaxAddressesPerHost : kMaxCandidates;
  std::vector<Candidate> candidates;
  for (const Located& located : located_) {
    if (!is_usable(located.host)) continue;
    std::size_t taken = 0;
    for (const IpAddress& address : located.addresses) {
      if (taken == per_host || candidates.size() == kMaxCandidates) break;
      const Endpoint endpoint{address, port_};
      const bool known = std::any_of(candidates.begin(), candidates.end(),
                                     [&](const Candidate& c) { return c.endpoint == endpoint; });
      if (known) continue;  // two names for one host
      candidates.push_back({located.host.host, endpoint});
      ++taken;
    }
  }
  if (candidates.empty()) return nothing_to_try(complete);
  return candidates;
}

tl::unexpected<Error> HostSearch::nothing_to_try(bool complete) const {
  if (unknown_ && (!own_preference_ || unknown_->preference < *own_preference_))
    return cannot_tell_now(name_, unknown_->detail);
  if (own_preference_) return comes_back_to_us(name_);
  if (!complete)
    return transient(
        name_ + ": of its many mail hosts the first have no address",
        "4.4.3 " + name_ + ": none of the mail hosts that were looked up has an address");
  return permanent(name_ + ": no mail host has an address",
                   "5.4.4 " + name_ + ": no mail host has an address");
}

}  // namespace toast::remote
