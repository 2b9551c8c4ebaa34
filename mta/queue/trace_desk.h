// Answers toastctl trace (trace_messages.h) out of the event store.
#pragma once

#include "base/async.h"
#include "base/ipc.h"
#include "mta/queue/options.h"
#include "mta/queue/trace/writer.h"
#include "mta/queue/trace_messages.h"

namespace toast::queue {

// Searches at a time: one reads the whole store, on the threads that deliveries read bodies with.
inline constexpr unsigned kMaxSearches = 2;

class TraceDesk {
 public:
  TraceDesk(asio::thread_pool& pool, trace::Writer& writer, const Options& options)
      : pool_(pool), writer_(writer), capacity_(options.trace_bytes) {}

  void serve(ipc::Dispatcher& dispatcher);
  void set_options(const Options& options) { capacity_ = options.trace_bytes; }

 private:
  Task<Result<TraceQuery::Reply>> answer(TraceQuery question);

  asio::thread_pool& pool_;
  trace::Writer& writer_;
  std::uint64_t capacity_;
  unsigned searches_ = 0;
};

}  // namespace toast::queue
