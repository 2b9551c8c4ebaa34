// toastctl -> queued, over run/queue.sock: may a login send. Types 20 to 29 of that socket.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/ipc.h"
#include "mta/queue/stopped_senders.h"

namespace toast::queue {

inline constexpr std::size_t kMaxSenderLogin = 320;
inline constexpr std::size_t kMaxSenderText = 512;

struct StopSender {
  static constexpr std::uint16_t kType = 23;
  struct Reply {
    bool changed = false;        // it was not so already
    std::uint64_t messages = 0;  // held now, or released
    void encode(Encoder& e) const {
      e.boolean(changed);
      e.u64(messages);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.changed = d.boolean();
      r.messages = d.u64();
      return r;
    }
  };
  std::string login;  // canonical
  Stop stop = Stop::locked;
  bool stopped = true;  // false: that it is not any more
  std::string reason;
  bool dry_run = false;

  void encode(Encoder& e) const {
    e.bytes(login);
    e.enumeration(stop);
    e.boolean(stopped);
    e.bytes(reason);
    e.boolean(dry_run);
  }
  static StopSender decode(Decoder& d) {
    StopSender m;
    m.login = d.string(kMaxSenderLogin);
    m.stop = d.enumeration(kLastStop);
    m.stopped = d.boolean();
    m.reason = d.string(kMaxSenderText);
    m.dry_run = d.boolean();
    // It is a word of a line in a file.
    if (m.login.empty() || m.login.find_first_of(" \n\r\t") != std::string::npos) d.fail("login");
    return m;
  }
};

struct StopRow {
  std::string login;
  Stop stop = Stop::locked;
  std::int64_t since = 0;
  std::string reason;
};
inline void put_stop_row(Encoder& e, const StopRow& row) {
  e.bytes(row.login);
  e.enumeration(row.stop);
  e.i64(row.since);
  e.bytes(row.reason);
}
inline StopRow take_stop_row(Decoder& d) {
  StopRow row;
  row.login = d.string(kMaxSenderLogin);
  row.stop = d.enumeration(kLastStop);
  row.since = d.i64();
  row.reason = d.string(kMaxSenderText);
  return row;
}

// How much a login has sent to other hosts, and what keeps it from sending.
struct ShowSender {
  static constexpr std::uint16_t kType = 24;
  struct Reply {
    std::uint64_t sent_hour = 0;
    std::uint64_t sent_day = 0;
    std::uint64_t limit_hour = 0;  // 0: none
    std::uint64_t limit_day = 0;
    std::uint64_t put_off_hour = 0;  // times that it was, at its limit
    std::uint64_t suspended_at = 0;  // so many; 0: never
    std::vector<StopRow> stops;
    void encode(Encoder& e) const {
      for (const std::uint64_t v :
           {sent_hour, sent_day, limit_hour, limit_day, put_off_hour, suspended_at})
        e.u64(v);
      e.list(stops, put_stop_row);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      for (std::uint64_t* v : {&r.sent_hour, &r.sent_day, &r.limit_hour, &r.limit_day,
                               &r.put_off_hour, &r.suspended_at})
        *v = d.u64();
      r.stops = d.list(2, take_stop_row);
      return r;
    }
  };
  std::string login;
  void encode(Encoder& e) const { e.bytes(login); }
  static ShowSender decode(Decoder& d) { return {d.string(kMaxSenderLogin)}; }
};

// Everybody who may not send, by login.
struct ListStopped {
  static constexpr std::uint16_t kType = 25;
  static constexpr std::size_t kMaxRows = 1000;
  struct Reply {
    std::vector<StopRow> rows;
    bool more = false;  // ask again after the last one's login
    void encode(Encoder& e) const {
      e.list(rows, put_stop_row);
      e.boolean(more);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.rows = d.list(kMaxRows, take_stop_row);
      r.more = d.boolean();
      return r;
    }
  };
  std::string after;
  void encode(Encoder& e) const { e.bytes(after); }
  static ListStopped decode(Decoder& d) { return {d.string(kMaxSenderLogin)}; }
};

}  // namespace toast::queue
