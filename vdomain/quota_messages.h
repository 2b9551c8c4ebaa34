// maild -> vdomaind: which domains have a quota over all their mailboxes, and which mailboxes those
// are. Asked now and then, by pages; an error reply is always transient.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "mta/message/address_codec.h"
#include "vdomain/directory_store.h"
#include "vdomain/instruction.h"

namespace toast::vdomain {

inline constexpr std::size_t kQuotaPage = 500;

inline void put_quota(Encoder& e, const Quota& quota) {
  e.u64(quota.bytes);
  e.u64(quota.messages);
}
inline Quota take_quota(Decoder& d) {
  const std::uint64_t bytes = d.u64();
  return {bytes, d.u64()};
}

struct FindQuotaDomains {
  static constexpr std::uint16_t kType = 40;
  struct Reply {
    std::vector<DomainQuota> domains;  // in order; kQuotaPage of them: there may be more
    void encode(Encoder& e) const {
      e.list(domains, [](Encoder& to, const DomainQuota& one) {
        put_domain(to, one.name);
        put_quota(to, one.quota);
      });
    }
    static Reply decode(Decoder& d) {
      return {d.list(kQuotaPage, [](Decoder& from) {
        Domain name = take_domain(from);
        return DomainQuota{std::move(name), take_quota(from)};
      })};
    }
  };
  std::string after;  // the name to begin behind

  void encode(Encoder& e) const { e.bytes(after); }
  static FindQuotaDomains decode(Decoder& d) { return {d.string(kMaxDomain)}; }
};

struct FindQuotaHolders {
  static constexpr std::uint16_t kType = 41;
  struct Holder {
    std::string local_part;
    std::string maildir;
    Quota quota;  // effective_quota()
  };
  struct Reply {
    std::vector<Holder> holders;  // in order; kQuotaPage of them: there may be more
    void encode(Encoder& e) const {
      e.list(holders, [](Encoder& to, const Holder& one) {
        to.bytes(one.local_part);
        to.bytes(one.maildir);
        put_quota(to, one.quota);
      });
    }
    static Reply decode(Decoder& d) {
      return {d.list(kQuotaPage, [](Decoder& from) {
        Holder one;
        one.local_part = from.string(kMaxLocalPart);
        one.maildir = from.string(kMaxMaildirPath);
        one.quota = take_quota(from);
        return one;
      })};
    }
  };
  Domain domain;
  std::string after;  // the local part to begin behind

  void encode(Encoder& e) const {
    put_domain(e, domain);
    e.bytes(after);
  }
  static FindQuotaHolders decode(Decoder& d) {
    Domain domain = take_domain(d);
    return {std::move(domain), d.string(kMaxLocalPart)};
  }
};

}  // namespace toast::vdomain
