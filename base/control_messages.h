// toastd -> child, on the child's descriptor 3. The only channel a child has at birth: everything
// else (listening sockets, links to keepers, channels from clients) arrives over it, at start and
// again whenever toastd has restarted somebody.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/ipc.h"

namespace toast::control {

inline constexpr int kControlDescriptor = 3;
inline constexpr std::size_t kMaxName = 64;
inline constexpr std::size_t kMaxSettings = 512;
inline constexpr std::size_t kMaxSettingBytes = 256 * 1024;
inline constexpr std::size_t kKeyBytes = 32;

// control/ as toastd read it: file name -> content. Parsed by the child with the same registry.
using Snapshot = std::map<std::string, std::string>;
void encode_snapshot(Encoder& e, const Snapshot& snapshot);
Snapshot decode_snapshot(Decoder& d);

// The first message. The child answers when it serves (its sandbox entered, its stores open).
struct Startup {
  static constexpr std::uint16_t kType = 1;
  static constexpr bool kSecret = true;  // the ticket key
  struct Reply {                         // ready
    std::string sandbox_gaps;            // what this kernel lacks, one per line; empty when nothing
    void encode(Encoder& e) const { e.bytes(sandbox_gaps); }
    static Reply decode(Decoder& d) { return {d.string(4096)}; }
  };
  std::string program;          // "toast-smtpd"
  std::uint32_t instance = 0;   // 0.. for programs that run once per core
  std::uint32_t instances = 1;  // how many of this program there are: shared caps are divided
  std::string root;
  bool unprivileged = false;
  std::string boot_id;  // random, one per start of toastd: what was written without a sync under
                        // another may have been torn by a power cut
  Secret ticket_key;    // kKeyBytes for authd, maild and queued, empty for everybody else
  std::uint32_t sockets = 0;  // how many GiveSocket follow before the child may say ready
  Snapshot settings;

  void encode(Encoder& e) const;
  static Startup decode(Decoder& d);
};

enum class SocketRole : std::uint8_t {
  listener,  // name: "smtp", "pop3", "submission"...: a bound, listening, non-blocking socket
  link,      // name: the keeper, "toast-queued": we call it
  client,    // name: the peer and its instance, "toast-smtpd.1": it calls us
  metrics,   // name empty: the shared page for counters
};

struct GiveSocket {
  static constexpr std::uint16_t kType = 2;
  using Reply = ipc::Done;
  SocketRole role = SocketRole::listener;
  std::string name;
  Fd descriptor;

  void encode(Encoder& e) const {
    e.enumeration(role);
    e.bytes(name);
  }
  static GiveSocket decode(Decoder& d) {
    GiveSocket m;
    m.role = d.enumeration(SocketRole::metrics);
    m.name = d.string(kMaxName);
    return m;
  }
};

// SIGHUP, step 1: can you work with these settings? An error reply says why not; nothing changes.
struct Prepare {
  static constexpr std::uint16_t kType = 3;
  using Reply = ipc::Done;
  Snapshot settings;
  void encode(Encoder& e) const { encode_snapshot(e, settings); }
  static Prepare decode(Decoder& d) { return {decode_snapshot(d)}; }
};

// Step 2: everybody said yes, so use them.
struct Commit {
  static constexpr std::uint16_t kType = 4;
  using Reply = ipc::Done;
  void encode(Encoder&) const {}
  static Commit decode(Decoder&) { return {}; }
};

// Finish what is in hand, take nothing new, then exit 0.
struct Drain {
  static constexpr std::uint16_t kType = 5;
  using Reply = ipc::Done;
  void encode(Encoder&) const {}
  static Drain decode(Decoder&) { return {}; }
};

// To those who hold something of another program that must not outlive its process, before that
// program is started again.
struct PeerEnded {
  static constexpr std::uint16_t kType = 6;
  std::string program;  // "toast-authd"
  SteadyTime at{};      // it was gone by then; its successor starts later
  void encode(Encoder& e) const;
  static PeerEnded decode(Decoder& d);
};

// To everybody, before the first is drained: peers that go from now on are no news.
struct Stopping {
  static constexpr std::uint16_t kType = 7;
  void encode(Encoder&) const {}
  static Stopping decode(Decoder&) { return {}; }
};

}  // namespace toast::control
