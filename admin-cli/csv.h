// Comma-separated values as RFC 4180 has them and spreadsheets write them: a header with the names
// of the columns, then one row a line. A line end inside quotes is refused: nothing that is read
// here has one. Reads as it goes, one line in memory.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace toast::admin {

inline constexpr std::size_t kMaxCsvLine = 16384;  // a hash and a name are 1.5 kB at worst

// The fields of one line. Permanent: quotes that do not close, or text behind a closing quote.
[[nodiscard]] Result<std::vector<std::string>> parse_csv_line(std::string_view line,
                                                              char delimiter);
// Comma, semicolon or tab: whichever the header has most of.
[[nodiscard]] char csv_delimiter(std::string_view header);

// The next bytes of a file; empty: its end.
[[nodiscard]] Result<std::string> read_piece(const Fd& fd, std::string_view name);

// Lines of a file that is read piece by piece.
class LineReader {
 public:
  // The next bytes; empty: the end.
  using More = std::function<Result<std::string>()>;
  explicit LineReader(More more) : more_(std::move(more)) {}
  // Without its line end, be it LF or CRLF; none: the end. An Error of a line that is too long
  // leaves the reader behind that line; `number()` is its.
  [[nodiscard]] Result<std::optional<std::string>> next();
  std::size_t number() const { return number_; }

 private:
  More more_;
  std::string buffer_;
  std::size_t from_ = 0;
  std::size_t number_ = 0;
  bool ended_ = false;
};

}  // namespace toast::admin
