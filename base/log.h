// Structured logging: one event per line on standard error, one write(2) each.
//   2026-11-22T14:00:00.123456Z smtpd.1 info smtp.rcpt.refused session=3f2a peer=192.0.2.7
//   code="550 5.1.1"
// Peer text is escaped: no value can start a new line or forge a field. Never log a secret or a
// body.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace toast {

enum class Severity : unsigned char { debug, info, warning, error };

struct Field {
  std::string_view name;
  std::string value;
  Field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(v) {}
  Field(std::string_view n, std::uint64_t v) : name(n), value(std::to_string(v)) {}
  Field(std::string_view n, std::int64_t v) : name(n), value(std::to_string(v)) {}
  Field(std::string_view n, int v) : name(n), value(std::to_string(v)) {}
  Field(std::string_view n, unsigned v) : name(n), value(std::to_string(v)) {}
};

class Logger {
 public:
  virtual ~Logger() = default;
  virtual void write(Severity severity, std::string_view event,
                     std::initializer_list<Field> fields) = 0;
  void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
    write(Severity::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<Field> fields = {}) {
    write(Severity::info, event, fields);
  }
  void warning(std::string_view event, std::initializer_list<Field> fields = {}) {
    write(Severity::warning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<Field> fields = {}) {
    write(Severity::error, event, fields);
  }
};

// Bare when it is a plain word, else quoted with \" \\ and \xHH for every byte outside 0x20-0x7e.
std::string escape_log_value(std::string_view value);
std::string format_log_line(WallTime now, std::string_view program, Severity severity,
                            std::string_view event, std::initializer_list<Field> fields);

class StderrLogger final : public Logger {
 public:
  StderrLogger(const Clock& clock, std::string program, Severity least = Severity::info)
      : clock_(clock), program_(std::move(program)), least_(least) {}
  void write(Severity severity, std::string_view event,
             std::initializer_list<Field> fields) override;

 private:
  const Clock& clock_;
  std::string program_;
  Severity least_;
};

class SilentLogger final : public Logger {
 public:
  void write(Severity, std::string_view, std::initializer_list<Field>) override {}
};

}  // namespace toast
