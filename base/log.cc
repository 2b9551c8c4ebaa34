#include "base/log.h"

#include <fmt/format.h>
#include <unistd.h>

namespace toast {
namespace {

constexpr std::size_t kMaxLogValue = 1024;  // a peer may send megabytes; an operator reads a line

bool is_plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

std::string_view severity_word(Severity severity) {
  switch (severity) {
    case Severity::debug:
      return "debug";
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "error";
}

}  // namespace

std::string escape_log_value(std::string_view value) {
  const bool cut = value.size() > kMaxLogValue;
  if (cut) value = value.substr(0, kMaxLogValue);
  if (!cut && is_plain(value)) return std::string(value);
  std::string out = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte > 0x7e) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out.push_back(c);
    }
  }
  if (cut) out += "...";
  out.push_back('"');
  return out;
}

std::string format_log_line(WallTime now, std::string_view program, Severity severity,
                            std::string_view event, std::initializer_list<Field> fields) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{now - day};
  std::string line = fmt::format(
      "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z {} {} {}", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
      time.minutes().count(), time.seconds().count(), time.subseconds().count(), program,
      severity_word(severity), event);
  for (const Field& field : fields) {
    line.append(" ").append(field.name).append("=").append(escape_log_value(field.value));
  }
  line.push_back('\n');
  return line;
}

void StderrLogger::write(Severity severity, std::string_view event,
                         std::initializer_list<Field> fields) {
  if (severity < least_) return;
  const std::string line = format_log_line(clock_.wall(), program_, severity, event, fields);
  // One write per line keeps lines whole between processes; a full log pipe must not stop mail.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace toast
