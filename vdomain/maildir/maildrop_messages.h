// pop3d -> maild: a mailbox opened with a ticket, its listing, its messages as read-only
// descriptors, deletion at QUIT. pop3d never names a path: only a session, and base names it read
// in the listing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/fd.h"
#include "base/ipc.h"

namespace toast::maildir {

inline constexpr std::size_t kMaxTicket = 2048;
inline constexpr std::size_t kMaxConnectionId = 64;
inline constexpr std::size_t kMaxFileName = 255;  // NAME_MAX
inline constexpr std::size_t kMaxNamesPerDelete = 1000;

struct OpenMaildrop {
  static constexpr std::uint16_t kType = 1;
  struct Reply {
    std::uint64_t session = 0;
    std::uint32_t messages = 0;
    std::uint64_t octets = 0;  // on the wire, all messages
    Fd descriptor;             // the listing (vdomain/maildir/listing.h), read-only, never changing
    void encode(Encoder& e) const {
      e.u64(session);
      e.u32(messages);
      e.u64(octets);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.session = d.u64();
      r.messages = d.u32();
      r.octets = d.u64();
      return r;
    }
  };
  std::string ticket;      // sealed by authd, opaque to pop3d
  std::string connection;  // what pop3d called this connection when it asked authd
  void encode(Encoder& e) const {
    e.bytes(ticket);
    e.bytes(connection);
  }
  static OpenMaildrop decode(Decoder& d) {
    OpenMaildrop m;
    m.ticket = d.string(kMaxTicket);
    m.connection = d.string(kMaxConnectionId);
    return m;
  }
};

struct FetchMessage {
  static constexpr std::uint16_t kType = 2;
  struct Reply {
    std::uint64_t file_bytes = 0;
    Fd descriptor;  // read-only
    void encode(Encoder& e) const { e.u64(file_bytes); }
    static Reply decode(Decoder& d) {
      Reply r;
      r.file_bytes = d.u64();
      return r;
    }
  };
  // Error: transient; reply begins "4.2.0 gone" when another reader has removed it.
  std::uint64_t session = 0;
  std::string name;  // as in the listing: base name, flags as they were then
  void encode(Encoder& e) const {
    e.u64(session);
    e.bytes(name);
  }
  static FetchMessage decode(Decoder& d) {
    FetchMessage m;
    m.session = d.u64();
    m.name = d.string(kMaxFileName);
    return m;
  }
};

struct DeleteMessages {
  static constexpr std::uint16_t kType = 3;
  struct Reply {
    std::uint32_t removed = 0;  // gone already counts as removed
    std::uint32_t failed = 0;
    void encode(Encoder& e) const {
      e.u32(removed);
      e.u32(failed);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.removed = d.u32();
      r.failed = d.u32();
      return r;
    }
  };
  std::uint64_t session = 0;
  std::vector<std::string> names;
  void encode(Encoder& e) const {
    e.u64(session);
    e.list(names, [](Encoder& out, const std::string& name) { out.bytes(name); });
  }
  static DeleteMessages decode(Decoder& d) {
    DeleteMessages m;
    m.session = d.u64();
    m.names = d.list(kMaxNamesPerDelete, [](Decoder& in) { return in.string(kMaxFileName); });
    return m;
  }
};

struct CloseMaildrop {  // a notice
  static constexpr std::uint16_t kType = 4;
  std::uint64_t session = 0;
  void encode(Encoder& e) const { e.u64(session); }
  static CloseMaildrop decode(Decoder& d) { return {d.u64()}; }
};

}  // namespace toast::maildir
