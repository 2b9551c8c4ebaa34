// The verdict step: what may be said about a message before it is accepted. No filter configured
// means accept, and costs nothing.
#pragma once

#include <chrono>

#include "base/async.h"
#include "base/ipc.h"
#include "mta/filter/verdict_messages.h"

namespace toast::queue {

// A scanner that takes longer is as good as down: the client would give up first.
inline constexpr std::chrono::seconds kVerdictTimeout{60};

class Filter {
 public:
  virtual ~Filter() = default;
  // An error is always transient: the filter cannot be asked, so nothing is accepted unjudged.
  virtual Task<Result<filter::Judge::Reply>> judge(filter::Judge question) = 0;
};

// toast-filterd behind its link.
class FilterLink final : public Filter {
 public:
  explicit FilterLink(ipc::Link& link) : link_(link) {}
  Task<Result<filter::Judge::Reply>> judge(filter::Judge question) override;

 private:
  ipc::Link& link_;
};

}  // namespace toast::queue
