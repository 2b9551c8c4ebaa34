// toastctl -> queued, over run/queue.sock: what has become of a message. The peer is root or the
// owner of the instance (SO_PEERCRED). Type 20 of that socket.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ipc.h"
#include "mta/queue/trace/reader.h"

namespace toast::queue {

inline constexpr std::size_t kMaxTraceQuery = trace::kMaxAddressText;
// The shortest event takes 20 bytes.
inline constexpr std::size_t kMaxTraceEvents = trace::kMaxAnswerBytes / 16;

struct TraceQuery {
  static constexpr std::uint16_t kType = 20;
  struct Reply {
    trace::Answer answer;
    std::uint64_t capacity_bytes = 0;  // 0: the server keeps no events
    void encode(Encoder& e) const {
      e.list(answer.events,
             [](Encoder& to, const trace::Event& event) { trace::encode(to, event); });
      e.boolean(answer.cut);
      e.boolean(answer.oldest.has_value());
      e.i64(unix_microseconds(answer.oldest.value_or(WallTime{})));
      e.u64(capacity_bytes);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.answer.events = d.list(kMaxTraceEvents, trace::decode_event);
      r.answer.cut = d.boolean();
      const bool has_oldest = d.boolean();
      const WallTime oldest{std::chrono::microseconds{d.i64()}};
      if (has_oldest) r.answer.oldest = oldest;
      r.capacity_bytes = d.u64();
      return r;
    }
  };
  trace::Query query;

  void encode(Encoder& e) const {
    e.u64(query.id.value());
    e.bytes(query.text);
    e.i64(unix_microseconds(query.since));
    e.u32(query.messages);
  }
  static TraceQuery decode(Decoder& d) {
    TraceQuery m;
    m.query.id = MessageId(d.u64());
    m.query.text = d.string(kMaxTraceQuery);
    m.query.since = WallTime{std::chrono::microseconds{d.i64()}};
    m.query.messages = d.u32();
    if (m.query.messages == 0 || m.query.messages > trace::kMaxMessages) d.fail("limit");
    return m;
  }
};

}  // namespace toast::queue
