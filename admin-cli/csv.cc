#include "admin-cli/csv.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace toast::admin {

Result<std::vector<std::string>> parse_csv_line(std::string_view line, char delimiter) {
  std::vector<std::string> fields;
  for (;;) {
    std::string field;
    if (line.starts_with('"')) {
      line.remove_prefix(1);
      for (;;) {
        const std::size_t quote = line.find('"');
        if (quote == std::string_view::npos) return permanent("a quote is not closed on its line");
        field += line.substr(0, quote);
        line.remove_prefix(quote + 1);
        if (!line.starts_with('"')) break;
        field.push_back('"');  // a quote is written twice
        line.remove_prefix(1);
      }
      if (!line.empty() && line.front() != delimiter)
        return permanent("there is text behind a closing quote");
    } else {
      const std::size_t end = std::min(line.find(delimiter), line.size());
      field = line.substr(0, end);
      line.remove_prefix(end);
    }
    fields.push_back(std::move(field));
    if (line.empty()) return fields;
    line.remove_prefix(1);
  }
}

char csv_delimiter(std::string_view header) {
  char best = ',';
  for (const char c : {';', '\t'})
    if (std::count(header.begin(), header.end(), c) >
        std::count(header.begin(), header.end(), best))
      best = c;
  return best;
}

Result<std::string> read_piece(const Fd& fd, std::string_view name) {
  std::string piece(65536, '\0');
  for (;;) {
    const ssize_t n = ::read(fd.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", name);
    piece.resize(static_cast<std::size_t>(n));
    return piece;
  }
}

Result<std::optional<std::string>> LineReader::next() {
  bool too_long = false;
  for (;;) {
    const std::size_t end = buffer_.find('\n', from_);
    if (end != std::string::npos || (ended_ && from_ < buffer_.size())) {
      ++number_;
      std::string line = buffer_.substr(from_, std::min(end, buffer_.size()) - from_);
      from_ = std::min(end, buffer_.size() - 1) + 1;
      if (line.ends_with('\r')) line.pop_back();
      if (too_long || line.size() > kMaxCsvLine)
        return permanent(fmt::format("longer than {} bytes", kMaxCsvLine));
      return line;
    }
    if (ended_) {
      if (!too_long) return std::nullopt;
      ++number_;
      return permanent(fmt::format("longer than {} bytes", kMaxCsvLine));
    }
    buffer_.erase(0, from_);
    from_ = 0;
    if (buffer_.size() > kMaxCsvLine) {
      too_long = true;
      buffer_.clear();
    }
    Result<std::string> more = more_();
    if (!more) return pass(more);
    ended_ = more->empty();
    buffer_ += *more;
  }
}

}  // namespace toast::admin
