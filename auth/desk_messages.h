// toastctl -> authd, over run/auth.sock: what became of logins, who is kept out, bans, and the end
// of an account's sessions. The peer is root or the owner of the instance (SO_PEERCRED).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auth/foreign_senders.h"
#include "auth/login_history.h"
#include "auth/login_messages.h"
#include "base/codec.h"
#include "base/ipc.h"

namespace toast::auth {

inline constexpr std::string_view kAuthSocket = "auth.sock";  // in run/
inline constexpr std::uint32_t kMaxListedLogins = 500;        // in one page
inline constexpr std::uint32_t kMaxListedBans = 4096;
inline constexpr std::uint32_t kMaxListedHindered = 1000;
inline constexpr std::size_t kMaxNetworkText = 64;
inline constexpr std::size_t kMaxDeskText = 512;

inline void put_login_event(Encoder& e, const LoginEvent& event) {
  e.u64(event.serial);
  e.i64(unix_seconds(event.first));
  e.i64(unix_seconds(event.last));
  e.u64(event.count);
  e.enumeration(event.result);
  e.enumeration(event.service);
  for (const std::string* text :
       {&event.peer, &event.login, &event.account, &event.reason, &event.app_password})
    e.bytes(*text);
}
// The range of times that WallTime can hold, by far.
inline WallTime take_seconds(Decoder& d) {
  const std::int64_t seconds = d.i64();
  constexpr std::int64_t kMax = 1LL << 40U;
  if (seconds < -kMax || seconds > kMax) {
    d.fail("time out of range");
    return {};
  }
  return WallTime{std::chrono::seconds{seconds}};
}
inline LoginEvent take_login_event(Decoder& d) {
  LoginEvent event;
  event.serial = d.u64();
  event.first = take_seconds(d);
  event.last = take_seconds(d);
  event.count = d.u64();
  event.result = d.enumeration(kLastLoginResult);
  event.service = d.enumeration(kLastService);
  event.peer = d.string(kMaxPeerAddress);
  event.login = d.string(kMaxLoginName);
  event.account = d.string(kMaxLoginName);
  event.reason = d.string(kMaxLoginReason);
  event.app_password = d.string(kMaxDeskText);
  return event;
}

struct ListLogins {
  static constexpr std::uint16_t kType = 60;
  struct Reply {
    std::vector<LoginEvent> events;    // newest first; fewer than asked for: there are no more
    std::int64_t reaches_back_to = 0;  // Unix time of the oldest that is kept; 0: none is
    void encode(Encoder& e) const {
      e.list(events, put_login_event);
      e.i64(reaches_back_to);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.events = d.list(kMaxListedLogins, take_login_event);
      r.reaches_back_to = d.i64();
      return r;
    }
  };
  std::string account;     // or what was typed; empty: any
  std::string network;     // of the client; empty: any
  std::int64_t since = 0;  // Unix time
  bool failed_only = false;
  std::uint64_t before = 0;  // the serial of the last one of the page before; 0: from the newest
  std::uint32_t limit = kMaxListedLogins;

  void encode(Encoder& e) const {
    e.bytes(account);
    e.bytes(network);
    e.i64(since);
    e.boolean(failed_only);
    e.u64(before);
    e.u32(limit);
  }
  static ListLogins decode(Decoder& d) {
    ListLogins m;
    m.account = d.string(kMaxLoginName);
    m.network = d.string(kMaxNetworkText);
    m.since = d.i64();
    m.failed_only = d.boolean();
    m.before = d.u64();
    m.limit = d.u32();
    if (m.limit == 0 || m.limit > kMaxListedLogins) d.fail("page size");
    if (m.since < 0 || m.since > 1LL << 40U) d.fail("time out of range");
    return m;
  }
};

// An error: permanent, and says what is wrong with it.
struct BanNetwork {
  static constexpr std::uint16_t kType = 61;
  using Reply = ipc::Done;
  std::string network;
  std::uint64_t seconds = 0;  // 0: for good
  std::string reason;
  bool force = false;    // also what looks like a mistake
  bool dry_run = false;  // only look whether it could be done
  void encode(Encoder& e) const {
    e.bytes(network);
    e.u64(seconds);
    e.bytes(reason);
    e.boolean(force);
    e.boolean(dry_run);
  }
  static BanNetwork decode(Decoder& d) {
    BanNetwork m;
    m.network = d.string(kMaxNetworkText);
    m.seconds = d.u64();
    m.reason = d.string(kMaxDeskText);
    m.force = d.boolean();
    m.dry_run = d.boolean();
    if (m.seconds > 1ULL << 36U) d.fail("time out of range");
    return m;
  }
};

// Lifts a ban, and the throttle of that address or account.
struct LetIn {
  static constexpr std::uint16_t kType = 62;
  struct Reply {
    bool was_banned = false;
    bool was_hindered = false;
    void encode(Encoder& e) const {
      e.boolean(was_banned);
      e.boolean(was_hindered);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.was_banned = d.boolean();
      r.was_hindered = d.boolean();
      return r;
    }
  };
  std::string who;  // a network, an address or an account
  bool dry_run = false;
  void encode(Encoder& e) const {
    e.bytes(who);
    e.boolean(dry_run);
  }
  static LetIn decode(Decoder& d) {
    LetIn m;
    m.who = d.string(kMaxLoginName);
    m.dry_run = d.boolean();
    return m;
  }
};

// The account was locked, in the store: its sessions end, and logins that began before get nowhere.
struct EndAccountSessions {
  static constexpr std::uint16_t kType = 64;
  using Reply = ipc::Done;
  std::string mailbox;
  void encode(Encoder& e) const { e.bytes(mailbox); }
  static EndAccountSessions decode(Decoder& d) { return {d.string(kMaxLoginName)}; }
};

inline constexpr std::uint32_t kMaxListedSenders = 1000;

inline void put_foreign_sender(Encoder& e, const ForeignSender& sender) {
  e.bytes(sender.login);
  e.enumeration(sender.place);
  e.bytes(sender.address);
  e.u64(sender.count);
  e.boolean(sender.refused);
  e.i64(unix_seconds(sender.first));
  e.i64(unix_seconds(sender.last));
}
inline ForeignSender take_foreign_sender(Decoder& d) {
  ForeignSender sender;
  sender.login = d.string(kMaxLoginName);
  sender.place = d.enumeration(kLastSenderPlace);
  sender.address = d.string(kMaxLoginName);
  sender.count = d.u64();
  sender.refused = d.boolean();
  sender.first = take_seconds(d);
  sender.last = take_seconds(d);
  return sender;
}

// Who sends as somebody else, by login. Fewer than a page: there are no more.
struct ListForeignSenders {
  static constexpr std::uint16_t kType = 65;
  struct Reply {
    std::vector<ForeignSender> senders;
    void encode(Encoder& e) const { e.list(senders, put_foreign_sender); }
    static Reply decode(Decoder& d) { return {d.list(kMaxListedSenders, take_foreign_sender)}; }
  };
  ForeignSender after;  // the last one of the page before; without a login: from the first
  void encode(Encoder& e) const { put_foreign_sender(e, after); }
  static ListForeignSenders decode(Decoder& d) { return {take_foreign_sender(d)}; }
};

struct ListBans {
  static constexpr std::uint16_t kType = 63;
  struct BanRow {
    std::string network;
    std::int64_t made = 0;
    std::int64_t until = 0;  // 0: for good
    std::string reason;
  };
  struct HinderedRow {
    std::string who;
    std::string limit;  // name_of() the counter
    std::string peer;
    std::int64_t until = 0;
    std::uint64_t attempts = 0;
  };
  struct Reply {
    std::vector<BanRow> bans;
    std::vector<HinderedRow> hindered;
    void encode(Encoder& e) const {
      e.list(bans, [](Encoder& to, const BanRow& row) {
        to.bytes(row.network);
        to.i64(row.made);
        to.i64(row.until);
        to.bytes(row.reason);
      });
      e.list(hindered, [](Encoder& to, const HinderedRow& row) {
        for (const std::string* text : {&row.who, &row.limit, &row.peer}) to.bytes(*text);
        to.i64(row.until);
        to.u64(row.attempts);
      });
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.bans = d.list(kMaxListedBans, [](Decoder& from) {
        BanRow row;
        row.network = from.string(kMaxNetworkText);
        row.made = from.i64();
        row.until = from.i64();
        row.reason = from.string(kMaxDeskText);
        return row;
      });
      r.hindered = d.list(kMaxListedHindered, [](Decoder& from) {
        HinderedRow row;
        row.who = from.string(kMaxDeskText);
        row.limit = from.string(kMaxDeskText);
        row.peer = from.string(kMaxPeerAddress);
        row.until = from.i64();
        row.attempts = from.u64();
        return row;
      });
      return r;
    }
  };
  void encode(Encoder&) const {}
  static ListBans decode(Decoder&) { return {}; }
};

}  // namespace toast::auth
