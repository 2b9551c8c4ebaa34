// Everything toastctl writes, in one place: data on stdout, all else on stderr. As tables for
// people or as JSON for programs; the same records either way.
#pragma once

#include <cstdio>
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
  void show(const Record& record);
  // A line of text that is the answer itself; not in JSON.
  void line(std::string_view text);
  // A remark beside what was done; not with --quiet.
  void note(std::string_view text) {
    if (!quiet_) line(text);
  }
  void warn(std::string_view text);
  void failed(const Failure& failure);
  // JSON results are printed together, at the end.
  void finish();

 private:
  std::FILE* out_;
  std::FILE* err_;
  bool json_ = false;
  bool quiet_ = false;
  std::vector<Value> results_;
};

// Control bytes of data shown to a person: a name in the database must not move the cursor.
std::string printable(std::string_view text);

}  // namespace toast::admin
