// Everything toastctl writes, in one place: data on stdout, all else on stderr. As tables for
// people or as JSON for programs; the same records either way.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin-cli/failure.h"
#include "admin-cli/record.h"

namespace toast::admin {

inline constexpr int kJsonSchema =
    1;  // grows when a field changes its meaning, not when one is added

struct Column {
  std::string field;   // of the record
  std::string header;  // of the table
};

class Listing;

class Output {
 public:
  Output(std::FILE* out, std::FILE* err) : out_(out), err_(err) {}
  void set_json(bool json) { json_ = json; }
  void set_quiet(bool quiet) { quiet_ = quiet; }
  bool json() const { return json_; }

  // One line that says what was done: `added mailbox ann@example.org`. As JSON one of "results".
  // `result`: "added", "changed", "deleted", "unchanged", with --dry-run "would be added"...
  void did(std::string_view result, std::string_view noun, std::string_view object,
           Record extra = {});
  // `field` holds the rows in JSON.
  void list(std::string_view field, const std::vector<Column>& columns,
            const std::vector<Record>& rows);
  // The same, of any length: nothing but its first rows is held.
  Listing listing(std::string_view field, std::vector<Column> columns);
  void show(const Record& record);
  // A line of text that is the answer itself; not in JSON.
  void line(std::string_view text);
  // A remark beside what was done; not with --quiet.
  void note(std::string_view text) {
    if (!quiet_) line(text);
  }
  void warn(std::string_view text);
  // How far a long job is, on standard error; not with --quiet or JSON.
  void progress(std::string_view text);
  void failed(const Failure& failure);
  // JSON results are printed together, at the end.
  void finish();

 private:
  friend class Listing;
  std::FILE* out_;
  std::FILE* err_;
  bool json_ = false;
  bool quiet_ = false;
  std::vector<Value> results_;
};

// Rows go out as they come. A table's columns are as wide as the first kRowsMeasured rows need; a
// wider cell of a later row pushes what is right of it.
inline constexpr std::size_t kRowsMeasured = 1000;

class Listing {
 public:
  void add(Record row);
  // `next`: where the next page begins, empty: that was all; none: it was not asked for.
  void finish(const std::optional<std::string>& next = std::nullopt);

 private:
  friend class Output;
  Listing(Output& out, std::string field, std::vector<Column> columns)
      : out_(out), field_(std::move(field)), columns_(std::move(columns)) {}
  void flush();
  void write_json_row(const Record& row);
  void write_table_row(const std::vector<std::string>& cells, std::string& text) const;
  std::vector<std::string> cells_of(const Record& row) const;

  Output& out_;
  const std::string field_;
  const std::vector<Column> columns_;
  std::vector<std::vector<std::string>> waiting_;  // of a table that is not measured yet
  std::vector<std::size_t> widths_;                // empty: not measured
  bool any_ = false;
};

// Control bytes of data shown to a person: a name in the database must not move the cursor.
std::string printable(std::string_view text);

}  // namespace toast::admin
