// Time as an interface, so that tests own it. Wall time is for what people and other hosts see and
// for what survives a restart; steady time is for deadlines inside one process.
#pragma once

#include <chrono>

namespace toast {

using WallTime = std::chrono::sys_time<std::chrono::microseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual SteadyTime steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime wall() const override {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
  }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

// Moves only when told to.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(WallTime start = WallTime{std::chrono::seconds{1'800'000'000}})
      : wall_(start) {}
  WallTime wall() const override { return wall_; }
  SteadyTime steady() const override { return steady_; }
  void advance(std::chrono::microseconds by) {
    wall_ += by;
    steady_ += by;
  }
  void set_wall(WallTime now) { wall_ = now; }  // an administrator, or ntpd, moved the clock

 private:
  WallTime wall_;
  SteadyTime steady_{std::chrono::hours{1}};
};

inline std::int64_t unix_seconds(WallTime t) {
  return std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
}
inline std::int64_t unix_microseconds(WallTime t) { return t.time_since_epoch().count(); }

}  // namespace toast
