#include "admin-cli/output.h"

#include <fmt/format.h>

#include <algorithm>

namespace toast::admin {
namespace {

void write(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
}

// Columns a terminal shows: UTF-8 continuation bytes take no place of their own.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

std::string padded(const std::string& text, std::size_t to) {
  return text + std::string(to - std::min(to, width(text)), ' ');
}

Record with_schema(const Record& record) {
  Record whole{{"schema", kJsonSchema}};
  for (const auto& [name, value] : record.fields()) whole.add(name, value);
  return whole;
}

void write_record(std::FILE* file, const Record& record) {
  std::string text;
  record.write_json(text, 0);
  write(file, text + "\n");
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return out;
}

void Output::did(std::string_view result, std::string_view noun, std::string_view object,
                 Record extra) {
  if (json_) {
    Record record{{"object", object}, {"kind", noun}, {"result", result}};
    for (const auto& [name, value] : extra.fields()) record.add(name, value);
    results_.emplace_back(std::move(record));
    return;
  }
  if (!quiet_) write(out_, fmt::format("{} {} {}\n", result, noun, printable(object)));
}

void Output::list(std::string_view field, const std::vector<Column>& columns,
                  const std::vector<Record>& rows) {
  if (json_) {
    std::vector<Value> values(rows.begin(), rows.end());
    return write_record(out_, Record{{"schema", kJsonSchema}, {std::string(field), values}});
  }
  std::vector<std::vector<std::string>> cells;
  std::vector<std::size_t> widths;
  widths.reserve(columns.size());
  for (const Column& column : columns) widths.push_back(width(column.header));
  for (const Record& row : rows) {
    std::vector<std::string>& line = cells.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Value* value = row.find(columns[i].field);
      line.push_back(value == nullptr ? "-" : printable(value->text()));
      widths[i] = std::max(widths[i], width(line.back()));
    }
  }
  std::string text;
  const auto put = [&](const auto& line_cell) {
    std::string line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) line += "  ";
      line += padded(line_cell(i), widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  if (!rows.empty()) put([&](std::size_t i) { return columns[i].header; });
  for (const auto& line : cells) put([&](std::size_t i) { return line[i]; });
  write(out_, text);
}

void Output::show(const Record& record) {
  if (json_) return write_record(out_, with_schema(record));
  std::size_t widest = 0;
  for (const auto& [name, value] : record.fields()) widest = std::max(widest, width(name) + 1);
  for (const auto& [name, value] : record.fields()) {
    std::string label = name;
    std::replace(label.begin(), label.end(), '_', ' ');
    write(out_, fmt::format("{} {}\n", padded(label + ":", widest), printable(value.text())));
  }
}

void Output::line(std::string_view text) {
  if (!json_) write(out_, fmt::format("{}\n", text));
}

void Output::warn(std::string_view text) {
  if (json_) {
    return write_record(err_, Record{{"warning", Record{{"message", text}}}});
  }
  write(err_, fmt::format("toastctl: warning: {}\n", printable(text)));
}

void Output::failed(const Failure& failure) {
  if (json_) {
    Record error{{"code", failure.code}, {"message", failure.message}};
    error.add("object", failure.object.empty() ? Value() : Value(failure.object));
    error.add("hint", failure.hint.empty() ? Value() : Value(failure.hint));
    error.add("exit", static_cast<int>(failure.exit));
    return write_record(err_, Record{{"error", std::move(error)}});
  }
  const bool named =
      failure.object.empty() || failure.message.find(failure.object) != std::string::npos;
  std::string text = "toastctl: ";
  if (!named) text += printable(failure.object) + ": ";
  text += printable(failure.message) + "\n";
  if (!failure.hint.empty()) text += "  " + printable(failure.hint) + "\n";
  write(err_, text);
}

void Output::finish() {
  if (!results_.empty())
    write_record(out_, Record{{"schema", kJsonSchema}, {"results", std::move(results_)}});
  results_.clear();
}

}  // namespace toast::admin
