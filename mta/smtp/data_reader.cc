#include "mta/smtp/data_reader.h"

#include <algorithm>

namespace toast::smtp {
namespace {

// The first CR or LF, or the end. In clean text a LF follows its CR, so looking for the LF and then
// for a CR before it reads nothing twice.
std::size_t find_newline_in_clean_text(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  return std::min(line.find('\r'), line.size());
}

// The same in text where CR and LF stand alone: there the search above would be quadratic.
std::size_t find_newline(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && text[at] != '\r' && text[at] != '\n') ++at;
  return at;
}

}  // namespace

void DataReader::put(std::string_view content, std::string& out) {
  size_ += content.size();
  if (!spoiled()) out.append(content);
}

void DataReader::end_line(std::string& out) {
  size_ += 2;
  if (!spoiled()) out.push_back('\n');
  state_ = State::line_start;
}

// A line end in the content, but not on the wire: the next byte is no line start, so that a dot
// there neither ends the message nor is taken for a stuffed one.
void DataReader::bare_newline_byte(std::string& out) {
  bare_ = true;
  size_ += 2;
  if (!spoiled()) out.push_back('\n');
  state_ = State::in_line;
}

// Everything up to the next CR or LF.
void DataReader::take_text(std::string_view& input, std::string& out) {
  const std::size_t end = bare_ ? find_newline(input) : find_newline_in_clean_text(input);
  put(input.substr(0, end), out);
  input.remove_prefix(end);
  if (input.empty()) return;
  const bool is_cr = input.front() == '\r';
  input.remove_prefix(1);
  if (!is_cr) return bare_newline_byte(out);
  state_ = State::cr;
}

bool DataReader::feed(std::string_view& input, std::string& out) {
  while (!input.empty()) {
    switch (state_) {
      case State::line_start:
        if (input.front() == '.') {
          input.remove_prefix(1);
          state_ = State::dot;
          break;
        }
        state_ = State::in_line;
        [[fallthrough]];
      case State::in_line:
        take_text(input, out);
        break;
      case State::dot:
        if (input.front() != '\r') {
          state_ = State::in_line;
          break;
        }
        input.remove_prefix(1);
        state_ = State::dot_cr;
        break;
      case State::dot_cr:
        if (input.front() == '\n') {
          input.remove_prefix(1);
          return true;
        }
        state_ = State::cr;  // the dot was a stuffed one and the CR stands alone
        break;
      case State::cr:
        if (input.front() != '\n') {
          bare_newline_byte(out);
          break;
        }
        input.remove_prefix(1);
        end_line(out);
        break;
    }
  }
  return false;
}

}  // namespace toast::smtp
