// Which messages and recipients an operator's command is about. Every condition that is given must
// hold; a selection without any is of everything. A message belongs to it when one of its open
// recipients does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "mta/message/message_id.h"

namespace toast::queue {

inline constexpr std::size_t kMaxPattern = 320;       // an address with wildcards
inline constexpr std::size_t kMaxSelectedIds = 1000;  // named one by one

struct Selection {
  std::vector<MessageId> ids;
  std::string sender;       // with * and ?; "<>" is the null sender
  std::string recipient;    // with * and ?
  std::string domain;       // of the recipient, with * and ?
  std::string destination;  // where it goes next, exactly
  std::string reason;       // occurs in the last answer, in any letter case
  std::string login;        // who submitted it, with * and ?
  std::int64_t min_age_seconds = 0;
  std::int64_t max_age_seconds = 0;  // 0: any
  bool held_only = false;

  void encode(Encoder& e) const {
    e.list(ids, [](Encoder& to, MessageId id) { to.u64(id.value()); });
    for (const std::string* text : {&sender, &recipient, &domain, &destination, &reason, &login})
      e.bytes(*text);
    e.i64(min_age_seconds);
    e.i64(max_age_seconds);
    e.boolean(held_only);
  }
  static Selection decode(Decoder& d) {
    Selection s;
    s.ids = d.list(kMaxSelectedIds, [](Decoder& from) { return MessageId(from.u64()); });
    for (std::string* text :
         {&s.sender, &s.recipient, &s.domain, &s.destination, &s.reason, &s.login})
      *text = d.string(kMaxPattern);
    s.min_age_seconds = d.i64();
    s.max_age_seconds = d.i64();
    s.held_only = d.boolean();
    return s;
  }
};

}  // namespace toast::queue
