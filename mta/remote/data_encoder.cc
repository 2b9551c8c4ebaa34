#include "mta/remote/data_encoder.h"

#include <algorithm>

namespace toast::remote {

void DataEncoder::line_piece(std::string_view text, std::string& out) {
  if (text.empty()) return;
  if (at_line_start_ && form_ == Form::data && text.front() == '.') out.push_back('.');
  out.append(text);
  at_line_start_ = false;
}

void DataEncoder::end_line(std::string& out) {
  out.append("\r\n");
  at_line_start_ = true;
}

void DataEncoder::feed(std::string_view block, std::string& out) {
  while (!block.empty()) {
    if (after_cr_) {
      after_cr_ = false;
      if (block.front() == '\n') {
        block.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = block.find('\n');
    const std::string_view line = block.substr(0, end);
    const std::size_t cr = line.find('\r');
    if (cr != std::string_view::npos) {
      line_piece(line.substr(0, cr), out);
      end_line(out);
      after_cr_ = true;
      block.remove_prefix(cr + 1);
      continue;
    }
    line_piece(line, out);
    if (end == std::string_view::npos) return;
    end_line(out);
    block.remove_prefix(end + 1);
  }
}

void DataEncoder::finish(std::string& out) {
  if (!at_line_start_) end_line(out);
  if (form_ == Form::data) out.append(".\r\n");
}

void ContentScanner::feed(std::string_view block) {
  for (const char c : block) {
    const bool continues_crlf = after_cr_ && c == '\n';
    after_cr_ = c == '\r';
    if (continues_crlf) continue;
    if (c == '\n' || c == '\r') {
      facts_.wire_bytes += 2;
      if (at_line_start_) in_header_ = false;
      at_line_start_ = true;
      continue;
    }
    ++facts_.wire_bytes;
    at_line_start_ = false;
    if (static_cast<unsigned char>(c) < 0x80) continue;
    facts_.eight_bit = true;
    if (in_header_) facts_.eight_bit_header = true;
  }
}

ContentFacts ContentScanner::finish() {
  if (!at_line_start_) facts_.wire_bytes += 2;
  return facts_;
}

}  // namespace toast::remote
