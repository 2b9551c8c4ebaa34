// queued -> filterd: judge a message before it is accepted. No filter configured means accept.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/fd.h"
#include "mta/message/address_codec.h"
#include "mta/message/message_id.h"

namespace toast::filter {

inline constexpr std::size_t kMaxVerdictText = 512;
inline constexpr std::size_t kMaxJudgedRecipients = 10000;
inline constexpr std::size_t kMaxInlineBody = 256 * 1024;

struct Judge {
  static constexpr std::uint16_t kType = 1;
  enum class Verdict : std::uint8_t { accept, refuse, try_later, hold };
  struct Reply {
    Verdict verdict = Verdict::accept;
    std::string text;  // enhanced status and words for the peer; unused for accept
    void encode(Encoder& e) const {
      e.enumeration(verdict);
      e.bytes(text);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.verdict = d.enumeration(Verdict::hold);
      r.text = d.string(kMaxVerdictText);
      return r;
    }
  };
  MessageId id;
  ReversePath reverse_path;
  std::vector<Address> recipients;
  std::string peer;
  std::string body;  // when there is no descriptor
  Fd descriptor;     // the blob of a large message, read-only

  void encode(Encoder& e) const {
    e.u64(id.value());
    put_reverse_path(e, reverse_path);
    e.list(recipients, put_address);
    e.bytes(peer);
    e.bytes(body);
  }
  static Judge decode(Decoder& d) {
    Judge m;
    m.id = MessageId(d.u64());
    m.reverse_path = take_reverse_path(d);
    m.recipients = d.list(kMaxJudgedRecipients, take_address);
    m.peer = d.string(256);
    m.body = d.string(kMaxInlineBody);
    return m;
  }
};

}  // namespace toast::filter
