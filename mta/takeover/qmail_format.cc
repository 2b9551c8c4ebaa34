#include "mta/takeover/qmail_format.h"

namespace toast::takeover {
namespace {

// Records that end in NUL, one by one: the letter and the text behind it.
class Records {
 public:
  explicit Records(std::string_view bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }
  [[nodiscard]] Result<char> next(std::string& text) {
    const std::size_t end = rest_.find('\0');
    if (end == std::string_view::npos) return permanent("its last record is cut short");
    if (end == 0) return permanent("it has an empty record");
    const char letter = rest_.front();
    text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return letter;
  }

 private:
  std::string_view rest_;
};

tl::unexpected<Error> unknown(char letter) {
  return permanent("it has a record of type " + std::to_string(static_cast<unsigned char>(letter)));
}

}  // namespace

Result<QmailEnvelope> parse_qmail_todo(std::string_view bytes) {
  QmailEnvelope envelope;
  bool has_sender = false;
  std::string text;
  for (Records records(bytes); !records.at_end();) {
    const Result<char> letter = records.next(text);
    if (!letter) return tl::unexpected(letter.error());
    switch (*letter) {
      case 'u':
      case 'p':
        break;
      case 'F':
        if (has_sender) return permanent("it has two senders");
        has_sender = true;
        envelope.sender = text;
        break;
      case 'T':
        envelope.recipients.push_back(text);
        break;
      default:
        return unknown(*letter);
    }
  }
  if (!has_sender) return permanent("it has no sender");
  return envelope;
}

Result<std::string> parse_qmail_info(std::string_view bytes) {
  Records records(bytes);
  std::string text;
  Result<char> letter = records.next(text);
  if (!letter) return pass(letter);
  if (*letter != 'F') return unknown(*letter);
  if (!records.at_end()) return permanent("it has bytes behind the sender");
  return text;
}

Result<std::vector<std::string>> parse_qmail_recipients(std::string_view bytes) {
  std::vector<std::string> left;
  std::string text;
  for (Records records(bytes); !records.at_end();) {
    const Result<char> letter = records.next(text);
    if (!letter) return tl::unexpected(letter.error());
    if (*letter == 'T')
      left.push_back(text);
    else if (*letter != 'D')
      return unknown(*letter);
  }
  return left;
}

Result<std::vector<QmailFailure>> parse_qmail_bounce(std::string_view bytes) {
  std::vector<QmailFailure> failures;
  bool in_paragraph = false;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.empty()) {
      in_paragraph = false;
    } else if (in_paragraph) {
      std::string& text = failures.back().text;
      if (!text.empty()) text += '\n';
      text += line;
    } else {
      if (line.size() < 3 || line.front() != '<' || !line.ends_with(">:"))
        return permanent("it has a paragraph that begins without <address>:");
      failures.push_back({std::string(line.substr(1, line.size() - 3)), {}});
      in_paragraph = true;
    }
  }
  return failures;
}

}  // namespace toast::takeover
