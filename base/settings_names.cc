// Names of settings: ours, those of qmail and its patches that we do not read, and near misses.
#include <algorithm>
#include <numeric>

#include "base/settings.h"
#include "base/settings_registry.h"

namespace toast {
namespace {

struct Foreign {
  std::string_view name;
  std::string_view why;
};

constexpr std::string_view kDomains = "domains are in the directory: toastctl domain add";
constexpr std::string_view kLogins = "logins towards other hosts are not in this version";
constexpr std::string_view kRemoteTls = "TLS towards other hosts: remotetls, for all of them alike";
constexpr std::string_view kPatch = "a setting of a qmail patch";
constexpr std::string_view kScript = "read by qmail's start scripts only";

// An imported control/ directory may hold these; they must not stop the server, nor pass in
// silence.
constexpr Foreign kForeign[] = {
    {"authsenders", kLogins},
    {"badhelo", kPatch},
    {"badmailfrom", "senders are not refused by name in this version"},
    {"badrcptto", kPatch},
    {"brtlimit", "see smtpmaxerrors"},
    {"clientcert.pem", kLogins},
    {"concurrencyincoming", "see smtpmaxconnections"},
    {"defaultdelivery", kScript},
    {"dnsbllist", kPatch},
    {"domainkeys", kPatch},
    {"localiphost", "an address literal of this host is postmaster's only"},
    {"locals", kDomains},
    {"maxrcpt", "see smtpmaxrecipients"},
    {"morercpthosts", kDomains},
    {"morercpthosts.cdb", kDomains},
    {"notlshosts", kRemoteTls},
    {"percenthack", "addresses with % are ordinary addresses"},
    {"qmqpservers", "QMQP is not spoken"},
    {"rcpthosts", "domains are in the directory (toastctl domain add), relaying in relaynetworks"},
    {"rejectnullsenders", kPatch},
    {"servercert.pem", kPatch},
    {"servercerts", kPatch},
    {"spfbehavior", kPatch},
    {"srs_domain", kPatch},
    {"tlshosts", kRemoteTls},
    {"tlsserverciphers", kPatch},
    {"validrcptto", kDomains},
    {"virtualdomains", kDomains},
};

// Levenshtein distance; names are short.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

const SettingInfo* find_setting(std::string_view name) {
  for (const SettingInfo* info : all_settings())
    if (info->name == name) return info;
  return nullptr;
}

std::string_view foreign_setting(std::string_view name) {
  for (const Foreign& foreign : kForeign)
    if (foreign.name == name) return foreign.why;
  return {};
}

std::string_view nearest_setting(std::string_view name) {
  constexpr std::size_t kNear = 2;  // a letter wrong and one missing
  if (name.size() > 64) return {};
  std::string_view nearest;
  std::size_t least = kNear + 1;
  for (const SettingInfo* info : all_settings()) {
    const std::size_t d = distance(name, info->name);
    if (d < least && d * 2 < info->name.size()) {
      least = d;
      nearest = info->name;
    }
  }
  return nearest;
}

}  // namespace toast
