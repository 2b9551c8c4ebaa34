// queued -> remoted: hand one message to one destination, for some of its recipients. Which of a
// destination's hosts, over which connection, new or kept from before, is remoted's business; how
// many such requests a destination has at a time is queued's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/fd.h"
#include "mta/message/address_codec.h"
#include "mta/message/message_id.h"
#include "mta/message/next_hop.h"
#include "mta/smtp/dsn.h"

namespace toast::remote {

// In one request: what every server must take in one transaction (RFC 5321 section 4.5.3.1.8).
inline constexpr std::size_t kMaxTransactionRecipients = 100;
inline constexpr std::size_t kMaxInlineBody = 256 * 1024;  // as the journal's; more comes as a blob
inline constexpr std::size_t kMaxAddedHeader = 16 * 1024;  // in front of it, for a forward
inline constexpr std::size_t kMaxReportText = 2048;        // of a remote's reply; the rest is cut
inline constexpr std::size_t kMaxRemoteName = 512;
inline constexpr std::size_t kMaxReversePath = 512;
inline constexpr std::size_t kMaxDsnText = 500;  // ORCPT, RFC 3461 section 4.2

using smtp::DsnReturn;

struct RemoteRecipient {
  Address address;
  std::uint8_t notify = 0;  // the bits of mta/smtp/dsn.h; 0: not said
  std::string orcpt;        // as the client gave it; empty: none
};

struct DeliverRemote {
  static constexpr std::uint16_t kType = 1;

  struct Outcome {
    enum class Kind : std::uint8_t { delivered, failed, deferred };
    Kind kind = Kind::deferred;
    // "2.1.5 ok", "5.1.1 no such user": an enhanced status, then the words of whoever decided.
    std::string text;
    bool passed_dsn = false;  // the next host took over the reports that were asked for
  };
  struct Reply {
    // Unreachable: no host of the destination let us begin this transaction. All outcomes are the
    // same then and say why; the destination, not this message, is in trouble.
    bool reached = false;
    std::string remote;             // "mx1.example.org[192.0.2.1]:25", or empty
    std::vector<Outcome> outcomes;  // as many as recipients, same order
    void encode(Encoder& e) const {
      e.boolean(reached);
      e.bytes(remote);
      e.list(outcomes, [](Encoder& to, const Outcome& o) {
        to.enumeration(o.kind);
        to.bytes(o.text);
        to.boolean(o.passed_dsn);
      });
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.reached = d.boolean();
      r.remote = d.string(kMaxRemoteName);
      r.outcomes = d.list(kMaxTransactionRecipients, [](Decoder& from) {
        Outcome o;
        o.kind = from.enumeration(Outcome::Kind::deferred);
        o.text = from.string(kMaxReportText);
        o.passed_dsn = from.boolean();
        return o;
      });
      return r;
    }
  };

  MessageId message;
  NextHop next_hop;
  std::string reverse_path;  // empty: the null sender
  bool verp = false;  // each recipient gets a transaction of its own and a reverse path of its own
  std::vector<RemoteRecipient> recipients;  // 1 to kMaxTransactionRecipients
  bool eight_bit_mime = false;
  bool smtputf8 = false;
  DsnReturn ret = DsnReturn::unset;
  std::string envid;
  std::string body;  // LF line ends, ends in LF or is empty; when there is no descriptor
  std::uint64_t body_bytes = 0;
  Fd descriptor;  // read-only blob; empty for an inline body

  void encode(Encoder& e) const {
    e.u64(message.value());
    e.bytes(next_hop.str());
    e.bytes(reverse_path);
    e.boolean(verp);
    e.list(recipients, [](Encoder& to, const RemoteRecipient& r) {
      put_address(to, r.address);
      to.u8(r.notify);
      to.bytes(r.orcpt);
    });
    e.boolean(eight_bit_mime);
    e.boolean(smtputf8);
    e.enumeration(ret);
    e.bytes(envid);
    e.bytes(body);
    e.u64(body_bytes);
  }
  static DeliverRemote decode(Decoder& d) {
    DeliverRemote m;
    m.message = MessageId(d.u64());
    Result<NextHop> hop = NextHop::parse(d.bytes(kMaxNextHop));
    if (hop)
      m.next_hop = std::move(*hop);
    else
      d.fail("next hop");
    m.reverse_path = d.string(kMaxReversePath);
    m.verp = d.boolean();
    m.recipients = d.list(kMaxTransactionRecipients, [](Decoder& from) {
      RemoteRecipient r{take_address(from), 0, {}};
      r.notify = from.u8();
      r.orcpt = from.string(kMaxDsnText);
      return r;
    });
    if (m.recipients.empty()) d.fail("no recipient");
    m.eight_bit_mime = d.boolean();
    m.smtputf8 = d.boolean();
    m.ret = d.enumeration(DsnReturn::full);
    m.envid = d.string(kMaxDsnText);
    m.body = d.string(kMaxInlineBody + kMaxAddedHeader);
    m.body_bytes = d.u64();
    return m;
  }
};

}  // namespace toast::remote
