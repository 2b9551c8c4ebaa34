#include "admin-cli/record.h"

#include <fmt/format.h>

#include <array>

namespace toast::admin {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

void new_line(std::string& out, unsigned indent) {
  out.push_back('\n');
  out.append(2UL * indent, ' ');
}

// Bytes of the UTF-8 sequence at the front of `text`, 0 if it is none (RFC 3629).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  if (byte(0) < 0x80) return 1;
  if (byte(0) >= 0xc2 && byte(0) <= 0xdf) return continues(1) ? 2 : 0;
  if ((byte(0) & 0xf0U) == 0xe0U) {
    if (!continues(1) || !continues(2)) return 0;
    const unsigned point = ((byte(0) & 0x0fU) << 12U) | ((byte(1) & 0x3fU) << 6U);
    return point >= 0x800 && (point < 0xd800 || point > 0xdfff) ? 3 : 0;
  }
  if (byte(0) >= 0xf0 && byte(0) <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    const unsigned point = ((byte(0) & 0x07U) << 18U) | ((byte(1) & 0x3fU) << 12U);
    return point >= 0x10000 && point < 0x110000 ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const char c = text.front();
    if (length == 0) {
      out += "\xef\xbf\xbd";
      text.remove_prefix(1);
      continue;
    }
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  out.push_back('"');
  return out;
}

Value::Value(Record v) : value_(std::make_shared<const Record>(std::move(v))) {}

void Value::write_json(std::string& out, unsigned indent) const {
  std::visit(Overloaded{[&](std::monostate) { out += "null"; },
                        [&](bool v) { out += v ? "true" : "false"; },
                        [&](std::int64_t v) { out += std::to_string(v); },
                        [&](std::uint64_t v) { out += std::to_string(v); },
                        [&](const std::string& v) { out += json_string(v); },
                        [&](const std::shared_ptr<const Record>& v) { v->write_json(out, indent); },
                        [&](const std::vector<Value>& list) {
                          out.push_back('[');
                          for (std::size_t i = 0; i < list.size(); ++i) {
                            if (i > 0) out.push_back(',');
                            new_line(out, indent + 1);
                            list[i].write_json(out, indent + 1);
                          }
                          if (!list.empty()) new_line(out, indent);
                          out.push_back(']');
                        }},
             value_);
}

std::string Value::text() const {
  return std::visit(
      Overloaded{[](std::monostate) { return std::string("-"); },
                 [](bool v) { return std::string(v ? "yes" : "no"); },
                 [](std::int64_t v) { return std::to_string(v); },
                 [](std::uint64_t v) { return std::to_string(v); },
                 [](const std::string& v) { return v.empty() ? std::string("-") : v; },
                 [](const std::shared_ptr<const Record>& v) {
                   std::string out;
                   for (const auto& [name, value] : v->fields())
                     out += (out.empty() ? "" : " ") + name + "=" + value.text();
                   return out;
                 },
                 [](const std::vector<Value>& list) {
                   std::string out;
                   for (const Value& item : list) out += (out.empty() ? "" : ", ") + item.text();
                   return out.empty() ? std::string("-") : out;
                 }},
      value_);
}

const Value* Record::find(std::string_view name) const {
  for (const auto& [key, value] : fields_)
    if (key == name) return &value;
  return nullptr;
}

void Record::write_json(std::string& out, unsigned indent) const {
  out.push_back('{');
  bool first = true;
  for (const auto& [name, value] : fields_) {
    if (!first) out.push_back(',');
    first = false;
    new_line(out, indent + 1);
    out += json_string(name) + ": ";
    value.write_json(out, indent + 1);
  }
  if (!first) new_line(out, indent);
  out.push_back('}');
}

std::string iso_time(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(time - day)};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string iso_time(std::int64_t unix_seconds) {
  return iso_time(WallTime{std::chrono::seconds{unix_seconds}});
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kSteps{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kSteps.size()) {
    value /= 1024;
    ++unit;
  }
  if (unit == 0) return fmt::format("{} B", bytes);
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text + " " + std::string(kSteps[unit]);
}

}  // namespace toast::admin
