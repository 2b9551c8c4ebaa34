#include "mta/remote/dns_host_finder.h"

#include <algorithm>

#include "base/gather.h"
#include "mta/remote/host_search.h"

namespace toast::remote {
namespace {

std::vector<Candidate> one_address(const NextHop& hop, const IpAddress& address) {
  return {Candidate{hop.name, Endpoint{address, hop.port}}};
}

// Hosts of equal preference share the mail (RFC 5321 section 5.1): each run in random order.
void shuffle_equals(std::vector<MxRecord>& hosts, Random& random) {
  for (std::size_t begin = 0; begin < hosts.size();) {
    std::size_t end = begin;
    while (end < hosts.size() && hosts[end].preference == hosts[begin].preference) ++end;
    for (std::size_t left = end - begin; left > 1; --left) {
      const std::size_t chosen = begin + left - 1;
      std::swap(hosts[chosen], hosts[begin + random.u64() % left]);
    }
    begin = end;
  }
}

}  // namespace

Task<Result<std::vector<Candidate>>> DnsHostFinder::find(NextHop hop) {
  if (hop.is_socket()) co_return permanent(hop.str() + " has no address", "5.3.5 bad next hop");
  if (hop.kind == NextHop::Kind::mx) co_return co_await find_mx(std::move(hop));
  if (const Result<IpAddress> address = IpAddress::parse(hop.name))
    co_return one_address(hop, *address);
  co_return co_await find_named_host(std::move(hop));
}

// The administrator's own word: what it lacks is a mistake to be repaired, while the mail waits.
Task<DnsHostFinder::Found> DnsHostFinder::find_named_host(NextHop hop) {
  std::string name = hop.name;
  Result<AddressAnswer> answer = co_await dns_.addresses(std::move(name));
  if (answer && answer->v4.empty() && answer->v6.empty())
    co_return transient("relay " + hop.name + " has no address; see control/smtproutes",
                        "4.4.4 the relay " + hop.name + " has no address");
  HostSearch search(hop.name, hop.port, options_.prefer_ipv6, nullptr);
  search.add(MxRecord{0, hop.name}, answer);
  co_return search.candidates(true);
}

// An MX record must name a host, not an address (RFC 5321 section 5.1), but some name one; what is
// meant is plain.
Task<Result<AddressAnswer>> DnsHostFinder::locate(std::string host) {
  if (const Result<IpAddress> address = IpAddress::parse(host)) {
    AddressAnswer answer{.status = DnsStatus::found, .v6 = {}, .v4 = {*address}, .secure = false};
    co_return answer;
  }
  co_return co_await dns_.addresses(std::move(host));
}

// The hosts to look up, best first. Not empty on success.
Result<std::vector<MxRecord>> DnsHostFinder::mail_hosts(const std::string& domain,
                                                        MxAnswer answer) {
  if (answer.status == DnsStatus::no_name)
    return permanent(domain + " does not exist", "5.1.2 " + domain + " does not exist");
  std::vector<MxRecord> hosts = std::move(answer.records);
  if (answer.status == DnsStatus::no_data) hosts = {MxRecord{0, domain}};
  const auto is_root = [](const MxRecord& record) { return record.host.empty(); };
  const bool any_root = std::any_of(hosts.begin(), hosts.end(), is_root);
  std::erase_if(hosts, is_root);
  if (hosts.empty() && any_root && answer.dropped == 0)  // RFC 7505
    return permanent(domain + " takes no mail", "5.1.10 " + domain + " takes no mail");
  if (hosts.empty())
    return permanent(domain + ": its MX records name no host",
                     "5.4.4 " + domain + ": its MX records name no host");
  const auto ours = std::find_if(hosts.begin(), hosts.end(), [this](const MxRecord& record) {
    return options_.own.has_name(record.host);
  });
  if (ours != hosts.end()) {
    const std::uint16_t own_preference = ours->preference;
    std::erase_if(hosts, [&](const MxRecord& r) { return r.preference >= own_preference; });
  }
  if (hosts.empty()) return comes_back_to_us(domain);
  shuffle_equals(hosts, random_);
  return hosts;
}

Task<DnsHostFinder::Found> DnsHostFinder::find_mx(NextHop hop) {
  std::string name = hop.name;
  Result<MxAnswer> answer = co_await dns_.mx(std::move(name));
  if (!answer) co_return cannot_tell_now(hop.name, std::move(answer.error().detail));
  Result<std::vector<MxRecord>> hosts = mail_hosts(hop.name, std::move(*answer));
  if (!hosts) co_return pass(hosts);
  HostSearch search(hop.name, hop.port, options_.prefer_ipv6, &options_.own);
  const std::size_t limit = std::min(hosts->size(), kMaxHostLookups);
  std::size_t next = 0;
  while (next < limit) {
    const std::size_t begin = next;
    std::vector<Task<Result<AddressAnswer>>> lookups;
    for (; next < std::min(begin + kHostsAtATime, limit); ++next)
      lookups.push_back(locate((*hosts)[next].host));
    const std::vector<Result<AddressAnswer>> answers = co_await gather(std::move(lookups));
    for (std::size_t i = 0; i < answers.size(); ++i) search.add((*hosts)[begin + i], answers[i]);
    const bool between_preferences =
        next == hosts->size() || (*hosts)[next].preference != (*hosts)[next - 1].preference;
    if (search.found_ourselves() || (between_preferences && search.is_full())) break;
  }
  co_return search.candidates(next == hosts->size());
}

}  // namespace toast::remote
