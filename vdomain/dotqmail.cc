#include "vdomain/dotqmail.h"

#include "mta/message/ascii.h"

namespace toast::vdomain {

namespace {

std::string_view without_trailing_blanks(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  return line;
}

DotQmailLine file_line(unsigned number, std::string_view line, bool forwards_only) {
  const bool maildir = line.back() == '/';
  return {.number = number,
          .kind = maildir ? DotQmailLine::Kind::maildir : DotQmailLine::Kind::mbox,
          .text = std::string(line),
          .forbidden = forwards_only};
}

}  // namespace

DotQmail parse_dot_qmail(std::string_view content) {
  DotQmail file;
  file.empty = content.empty();
  bool forwards_only = false;  // after +list
  for (unsigned number = 1; !content.empty(); ++number) {
    const std::size_t end = content.find('\n');
    const std::string_view line = without_trailing_blanks(content.substr(0, end));
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (line.empty()) {
      if (number == 1) file.first_line_blank = true;
      continue;
    }
    switch (line.front()) {
      case '#':
        break;
      case '.':
      case '/':
        file.lines.push_back(file_line(number, line, forwards_only));
        break;
      case '|':
        file.lines.push_back({.number = number,
                              .kind = DotQmailLine::Kind::program,
                              .text = std::string(line.substr(1)),
                              .forbidden = forwards_only});
        break;
      case '+':
        if (line == "+list") forwards_only = true;
        break;
      default:
        file.lines.push_back({.number = number,
                              .kind = DotQmailLine::Kind::forward,
                              .text = std::string(line.front() == '&' ? line.substr(1) : line)});
    }
  }
  return file;
}

std::string dot_qmail_name(std::string_view extension) {
  std::string name = ".qmail-";
  for (const char c : extension) {
    if (c == '/' || c == '\0') return {};
    name += c == '.' ? ':' : ascii::to_lower(c);
  }
  return name;
}

bool is_vdelivermail(const DotQmailLine& line) {
  if (line.kind != DotQmailLine::Kind::program) return false;
  std::string_view command = line.text;
  const std::size_t start = command.find_first_not_of(" \t");
  if (start == std::string_view::npos) return false;
  command.remove_prefix(start);
  command = command.substr(0, command.find_first_of(" \t"));
  const std::size_t slash = command.rfind('/');
  if (slash != std::string_view::npos) command.remove_prefix(slash + 1);
  return command == "vdelivermail";
}

}  // namespace toast::vdomain
