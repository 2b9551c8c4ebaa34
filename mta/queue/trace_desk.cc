#include "mta/queue/trace_desk.h"

namespace toast::queue {

void TraceDesk::serve(ipc::Dispatcher& dispatcher) {
  dispatcher.on<TraceQuery>([this](TraceQuery question) { return answer(std::move(question)); });
}

Task<Result<TraceQuery::Reply>> TraceDesk::answer(TraceQuery question) {
  TraceQuery::Reply reply;
  reply.capacity_bytes = capacity_;
  if (!writer_.is_on()) co_return reply;
  if (searches_ >= kMaxSearches) co_return transient("other searches are under way: try again");
  ++searches_;
  co_await writer_.flush();
  auto search = [directory = writer_.directory(), query = std::move(question.query)] {
    return trace::search(directory, query);
  };
  Result<trace::Answer> found = co_await run_blocking(pool_, std::move(search));
  --searches_;
  if (!found) co_return pass(found);
  reply.answer = std::move(*found);
  co_return std::move(reply);
}

}  // namespace toast::queue
