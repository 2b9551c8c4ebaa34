// Takes events from the loop and has a pool thread write them: at 64 KiB, or a second after the
// first. It never blocks and never fails anybody: when the disk does not take events, that is said
// once in the log, and they are gone. Loop thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/async.h"
#include "base/log.h"
#include "mta/queue/trace/event.h"
#include "mta/queue/trace/ring.h"

namespace toast::queue::trace {

inline constexpr std::size_t kWriteAt = std::size_t{64} * 1024;
inline constexpr std::chrono::seconds kWriteAfter{1};
// Events in memory while the disk is slow; those beyond it are dropped.
inline constexpr std::size_t kMaxUnwrittenBytes = std::size_t{4} * 1024 * 1024;

class Writer {
 public:
  // `directory` need not exist. `capacity`: bytes of all files; 0: nothing is kept. `open_folder`:
  // in place of the directory as it is.
  Writer(asio::any_io_executor loop, asio::thread_pool& pool, Logger& log, std::string directory,
         std::uint64_t capacity, OpenFolder open_folder = {});
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  void record(const Event& event);
  void set_capacity(std::uint64_t capacity);
  bool is_on() const;
  // All that was recorded so far is in the files, or is given up.
  Task<> flush();
  const std::string& directory() const;

 private:
  struct State;  // outlives the writer until the pool is done with it
  static void write(const std::shared_ptr<State>& state);
  static void written(const std::shared_ptr<State>& state, const Result<void>& result,
                      std::uint64_t events);
  static void arm(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace toast::queue::trace
