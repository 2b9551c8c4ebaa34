// Writes down for toastctl trace what becomes of each message.
#pragma once

#include "base/clock.h"
#include "mta/queue/observer.h"
#include "mta/queue/store.h"
#include "mta/queue/trace/writer.h"

namespace toast::queue {

class TraceSink final : public Observer {
 public:
  struct Services {
    asio::any_io_executor loop;
    asio::thread_pool& pool;
    const Store& store;
    const Clock& clock;
    trace::Writer& writer;
  };
  explicit TraceSink(Services services) : services_(std::move(services)) {}

  void accepted(const QueuedMessage& message, const NewBody& body) override;
  void started(const QueuedMessage&, const Work&) override {}
  void attempted(const QueuedMessage& message, const Work& work, const Attempt& attempt) override;
  void changed(const QueuedMessage& message, OperatorChange change, std::string_view recipient,
               std::string_view text) override;
  void bounce_discarded(const QueuedMessage& message) override;
  void ended(const QueuedMessage& message) override;

 private:
  trace::Event event_of(const QueuedMessage& message, trace::Kind kind) const;
  void record_with_front(trace::Event event);

  Services services_;
  // What a pool thread was asked for may come back when this is gone.
  std::shared_ptr<TraceSink*> self_ = std::make_shared<TraceSink*>(this);
};

}  // namespace toast::queue
