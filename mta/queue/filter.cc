#include "mta/queue/filter.h"

namespace toast::queue {

Task<Result<filter::Judge::Reply>> FilterLink::judge(filter::Judge question) {
  Result<filter::Judge::Reply> reply = co_await link_.call(std::move(question), kVerdictTimeout);
  if (!reply)  // whatever it says, a filter that fails has not refused the message
    co_return transient("filter: " + reply.error().detail, "4.7.1 the filter does not answer now");
  co_return std::move(reply);
}

}  // namespace toast::queue
