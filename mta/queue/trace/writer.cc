#include "mta/queue/trace/writer.h"

#include <utility>

#include "mta/queue/trace/event_file.h"

namespace toast::queue::trace {

struct Writer::State {
  State(asio::any_io_executor executor, asio::thread_pool& threads, Logger& logger,
        std::string files, std::uint64_t most, OpenFolder open_folder)
      : loop(std::move(executor)),
        pool(threads),
        log(logger),
        directory(std::move(files)),
        ring(open_folder ? std::move(open_folder) : real_folder(directory)),
        capacity(most),
        timer(loop) {}

  asio::any_io_executor loop;
  asio::thread_pool& pool;
  Logger& log;
  std::string directory;
  Ring ring;  // the pool's while `writing`
  std::uint64_t capacity;
  asio::steady_timer timer;
  std::string waiting;        // frames
  std::uint64_t events = 0;   // of these
  std::uint64_t dropped = 0;  // since the last good write
  bool must_look = true;      // there may be files to remove, with nothing to write
  bool armed = false;
  bool writing = false;
  bool failed = false;  // and that was said
  bool gone = false;    // the writer is
};

Writer::Writer(asio::any_io_executor loop, asio::thread_pool& pool, Logger& log,
               std::string directory, std::uint64_t capacity, OpenFolder open_folder)
    : state_(std::make_shared<State>(std::move(loop), pool, log, std::move(directory), capacity,
                                     std::move(open_folder))) {
  write(state_);
}

// NOLINTNEXTLINE(bugprone-exception-escape): to cancel a timer does not fail
Writer::~Writer() {
  state_->gone = true;
  state_->timer.cancel();
}

bool Writer::is_on() const { return state_->capacity > 0 && !state_->directory.empty(); }
const std::string& Writer::directory() const { return state_->directory; }

void Writer::record(const Event& event) {
  if (!is_on()) return;
  State& state = *state_;
  if (state.waiting.size() >= kMaxUnwrittenBytes) {
    ++state.dropped;
    return;
  }
  state.waiting += frame(event);
  ++state.events;
  if (state.waiting.size() >= kWriteAt)
    write(state_);
  else
    arm(state_);
}

void Writer::arm(const std::shared_ptr<State>& state) {
  if (std::exchange(state->armed, true)) return;
  state->timer.expires_after(kWriteAfter);
  state->timer.async_wait([state](const asio::error_code& error) {
    state->armed = false;
    if (!error && !state->gone) write(state);
  });
}

void Writer::set_capacity(std::uint64_t capacity) {
  if (std::exchange(state_->capacity, capacity) == capacity) return;
  state_->must_look = true;
  write(state_);
}

void Writer::write(const std::shared_ptr<State>& state) {
  if (state->writing || state->directory.empty()) return;  // written() comes here again
  if (state->waiting.empty() && !state->must_look) return;
  state->writing = true;
  state->must_look = false;
  auto frames = std::make_shared<const std::string>(std::exchange(state->waiting, {}));
  const std::uint64_t events = std::exchange(state->events, 0);
  asio::post(state->pool, [state, frames, events, capacity = state->capacity] {
    auto result = std::make_shared<const Result<void>>(state->ring.write(*frames, capacity));
    asio::post(state->loop, [state, result, events] { written(state, *result, events); });
  });
}

void Writer::written(const std::shared_ptr<State>& state, const Result<void>& result,
                     std::uint64_t events) {
  state->writing = false;
  if (state->gone) return;
  if (!result) {
    state->dropped += events;
    if (!std::exchange(state->failed, true))
      state->log.warning("queue.trace.failed",
                         {{"reason", result.error().detail},
                          {"effect", "toastctl trace will not know of these events"}});
  } else if (events > 0 && (std::exchange(state->failed, false) || state->dropped > 0)) {
    state->log.info("queue.trace.resumed", {{"dropped", std::exchange(state->dropped, 0)}});
  }
  if (state->waiting.size() >= kWriteAt || state->must_look)
    write(state);
  else if (!state->waiting.empty())
    arm(state);
}

Task<> Writer::flush() {
  const std::shared_ptr<State> state = state_;
  write(state);
  while (!state->gone && (state->writing || !state->waiting.empty())) {
    asio::steady_timer tick(state->loop, std::chrono::milliseconds(2));
    auto [ignored] = co_await tick.async_wait(no_throw);
    (void)ignored;
    write(state);
  }
}

}  // namespace toast::queue::trace
