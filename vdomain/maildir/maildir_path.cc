#include "vdomain/maildir/maildir_path.h"

#include <algorithm>

#include "vdomain/maildir/message_name.h"

namespace toast::maildir {
namespace {

// Temporary: a row of the directory is wrong, which an operator repairs; mail must not bounce for
// it.
tl::unexpected<Error> refused(std::string_view text, std::string_view why) {
  return transient(
      "Maildir path \"" + std::string(text.substr(0, kMaxPathBytes)) + "\" " + std::string(why),
      "4.3.5 mailbox is not configured correctly");
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t slash = text.find('/');
    parts.emplace_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    text.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<MaildirPath> MaildirPath::parse(std::string_view text) {
  const std::string_view whole = text;
  if (text.size() > kMaxPathBytes) return refused(whole, "is too long");
  if (text.starts_with("./")) text.remove_prefix(2);
  if (text.ends_with('/')) text.remove_suffix(1);
  if (text.empty()) return refused(whole, "is empty");
  if (text.front() == '/') return refused(whole, "is absolute; it must lie below mail/");
  if (std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
      }))
    return refused(whole, "has a control character");
  const std::vector<std::string> parts = split(text);
  if (parts.size() > kMaxPathDepth) return refused(whole, "is too deep");
  for (const std::string& part : parts) {
    if (part.empty() || part == "." || part == ".." || part.size() > kNameMax)
      return refused(whole, "has an empty, \".\", \"..\" or over-long component");
  }
  return MaildirPath(std::string(text));
}

std::vector<std::string> MaildirPath::components() const { return split(text_); }

}  // namespace toast::maildir
