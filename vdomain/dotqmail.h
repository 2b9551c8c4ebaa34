// Dot-qmail files, as qmail-local reads them: what their lines say, and what they are called.
// Nothing is opened or carried out here. Any bytes are a dot-qmail file; what makes no sense as an
// instruction is found out by who follows it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace toast::vdomain {

// A file holds addresses and commands; a list of more than this belongs into a mailing list.
inline constexpr std::size_t kMaxDotQmailBytes = 256U << 10U;

struct DotQmailLine {
  enum class Kind : std::uint8_t {
    maildir,  // ./ann/Maildir/: begins with . or /, ends with /
    mbox,     // begins with . or /
    program,  // |command
    forward,  // &address, or the whole line
  };
  unsigned number = 0;  // in the file, from 1
  Kind kind = Kind::forward;
  std::string text;        // without | or &, without trailing blanks; a path keeps its slash
  bool forbidden = false;  // a file or program line after +list: qmail fails there
  friend bool operator==(const DotQmailLine&, const DotQmailLine&) = default;
};

struct DotQmail {
  bool empty = false;               // zero bytes: stands for the default delivery
  bool first_line_blank = false;    // qmail takes it for an editor's accident and defers
  std::vector<DotQmailLine> lines;  // none, and not empty: only comments, the mail is dropped
  friend bool operator==(const DotQmail&, const DotQmail&) = default;
};

[[nodiscard]] DotQmail parse_dot_qmail(std::string_view content);

// The file of an extension: ".qmail-" and the name in lower case with dots as colons. A name with a
// slash or a NUL has none: empty.
[[nodiscard]] std::string dot_qmail_name(std::string_view extension);

// A line "| .../vdelivermail '' ACTION", by which vpopmail takes over from qmail: everything it
// would do is done by the directory here.
[[nodiscard]] bool is_vdelivermail(const DotQmailLine& line);

}  // namespace toast::vdomain
