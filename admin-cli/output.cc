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
  Listing rest = listing(field, columns);
  for (const Record& row : rows) rest.add(row);
  rest.finish();
}

Listing Output::listing(std::string_view field, std::vector<Column> columns) {
  return {*this, std::string(field), std::move(columns)};
}

void Listing::add(Record row) {
  if (out_.json_) return write_json_row(row);
  std::vector<std::string> cells = cells_of(row);
  if (widths_.empty()) {
    waiting_.push_back(std::move(cells));
    if (waiting_.size() == kRowsMeasured) flush();
    return;
  }
  std::string text;
  write_table_row(cells, text);
  write(out_.out_, text);
}

// As Record::write_json() would write the whole.
void Listing::write_json_row(const Record& row) {
  std::string text =
      any_ ? ",\n    "
           : fmt::format("{{\n  \"schema\": {},\n  {}: [\n    ", kJsonSchema, json_string(field_));
  any_ = true;
  row.write_json(text, 2);
  write(out_.out_, text);
}

std::vector<std::string> Listing::cells_of(const Record& row) const {
  std::vector<std::string> cells;
  cells.reserve(columns_.size());
  for (const Column& column : columns_) {
    const Value* value = row.find(column.field);
    cells.push_back(value == nullptr ? "-" : printable(value->text()));
  }
  return cells;
}

void Listing::write_table_row(const std::vector<std::string>& cells, std::string& text) const {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += "  ";
    line += padded(cells[i], widths_[i]);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + "\n";
}

void Listing::flush() {
  std::vector<std::string> headers;
  headers.reserve(columns_.size());
  for (const Column& column : columns_) headers.push_back(column.header);
  for (const std::string& header : headers) widths_.push_back(width(header));
  for (const std::vector<std::string>& cells : waiting_)
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths_[i] = std::max(widths_[i], width(cells[i]));
  std::string text;
  if (!waiting_.empty()) write_table_row(headers, text);
  for (const std::vector<std::string>& cells : waiting_) write_table_row(cells, text);
  waiting_.clear();
  write(out_.out_, text);
}

void Listing::finish(const std::optional<std::string>& next) {
  if (!out_.json_) {
    if (widths_.empty()) flush();
    return;
  }
  std::string text;
  if (!any_) text = fmt::format("{{\n  \"schema\": {},\n  {}: [", kJsonSchema, json_string(field_));
  text += any_ ? "\n  ]" : "]";
  if (next) text += ",\n  \"next\": " + (next->empty() ? "null" : json_string(*next));
  write(out_.out_, text + "\n}\n");
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

void Output::progress(std::string_view text) {
  if (!json_ && !quiet_) write(err_, fmt::format("toastctl: {}\n", text));
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
