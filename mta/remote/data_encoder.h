// Stored content (LF line ends) as it goes over the wire: CRLF line ends, for DATA with dots
// stuffed (RFC 5321 section 4.5.2). Whatever is stored, CRLF is the only line end that leaves, and
// for DATA CRLF "." CRLF stands only at the very end: nothing stored can end a message early.
//
// A stored CRLF stays one line end. A CR without LF becomes a line end, as in newer qmail: RFC 5321
// section 2.3.8 forbids to send it, and servers that take it for a line end must find what we mean.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace toast::remote {

class DataEncoder {
 public:
  enum class Form : unsigned char { data, bdat };
  explicit DataEncoder(Form form) : form_(form) {}
  // Appends to `out`. Blocks may end anywhere.
  void feed(std::string_view block, std::string& out);
  // Appends what is left and, for DATA, the final dot. Content without a last line end gets one.
  void finish(std::string& out);

 private:
  void line_piece(std::string_view text, std::string& out);
  void end_line(std::string& out);

  Form form_;
  bool at_line_start_ = true;
  bool after_cr_ = false;  // the line was ended for it; an LF that follows belongs to it
};

// What a transaction must know of the content before MAIL.
struct ContentFacts {
  std::uint64_t wire_bytes = 0;   // with CRLF, without stuffed dots: SIZE counts so (RFC 1870, 3)
  bool eight_bit = false;         // somewhere
  bool eight_bit_header = false;  // in the header
  friend bool operator==(const ContentFacts&, const ContentFacts&) = default;
};

class ContentScanner {
 public:
  void feed(std::string_view block);
  ContentFacts finish();

 private:
  ContentFacts facts_;
  bool after_cr_ = false;
  bool at_line_start_ = true;
  bool in_header_ = true;
};

}  // namespace toast::remote
