// Reading the header of a message as it is stored: LF line ends (RFC 5322 section 2.2). Nothing
// here decodes or repairs; it says where fields begin and end, so that trace fields can be counted.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace toast {

struct HeaderField {
  std::string_view name;  // as written, without colon and without white space before it
  std::string_view body;  // as written, folded; without the last line end
};

// Walks the fields of a header. Views point into the text given.
class HeaderScanner {
 public:
  explicit HeaderScanner(std::string_view message) : message_(message) {}
  // Nothing: the header has ended. A line that is no field (and continues none) ends it as well.
  std::optional<HeaderField> next();
  // Where the body begins, once next() has returned nothing: behind the empty line, or at the first
  // line that is no field.
  std::size_t body_offset() const { return at_; }

 private:
  std::string_view message_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

// The body of a field with its folding undone and the white space around it removed.
std::string unfold(std::string_view field_body);

// How many of the header's fields have this name, whatever its case.
std::size_t count_fields(std::string_view message, std::string_view name);

// Counts trace fields while a message streams by: every header line that begins with "Received" or
// "Delivered", as qmail counts. Loops end here (RFC 5321 section 6.3). Blocks may end anywhere.
class HopCounter {
 public:
  void feed(std::string_view bytes);  // LF line ends
  std::size_t hops() const { return hops_; }

 private:
  void feed_line_start(char c);
  std::size_t hops_ = 0;
  std::size_t matched_ = 0;  // characters of this line so far, while they fit one of the names
  bool in_line_ = false;     // the rest of this line does not matter
  bool done_ = false;        // the empty line has been seen
  char first_ = '\0';
};

}  // namespace toast
