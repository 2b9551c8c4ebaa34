#include "mta/message/date.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace toast {
namespace {
// Spelled here: strftime() would ask the locale.
constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// "22 Nov 2026 14:00:00", the day with at least `digits` digits
std::string day_and_time(WallTime time, int digits) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(time) - day};
  return fmt::format("{:0{}} {} {:04} {:02}:{:02}:{:02}", static_cast<unsigned>(date.day()), digits,
                     kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

}  // namespace

std::string format_date(WallTime time) {
  const std::chrono::weekday weekday{std::chrono::floor<std::chrono::days>(time)};
  return fmt::format("{}, {} +0000", kDays[weekday.c_encoding()], day_and_time(time, 2));
}

std::string format_qmail_date(WallTime time) { return day_and_time(time, 1) + " -0000"; }

}  // namespace toast
