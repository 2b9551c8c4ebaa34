#include "mta/takeover/virtual_domains.h"

#include <optional>

#include "mta/message/ascii.h"

namespace toast::takeover {
namespace {

// The entries of a control file: a line each, blanks at its end removed, comments left out.
template <class Take>
void for_each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (line.ends_with(' ') || line.ends_with('\t') || line.ends_with('\r'))
      line.remove_suffix(1);
    if (!line.empty() && line.front() != '#') take(line);
  }
}

// The local part without "prepend-".
std::optional<std::string_view> without(std::string_view local, const std::string& prepend) {
  if (prepend.empty() || local.size() <= prepend.size() || !local.starts_with(prepend) ||
      local[prepend.size()] != '-')
    return std::nullopt;
  return local.substr(prepend.size() + 1);
}

}  // namespace

VirtualDomains::VirtualDomains(std::string_view virtualdomains, std::string_view locals) {
  for_each_line(virtualdomains, [this](std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    prepends_[ascii::lower(line.substr(0, colon))] = line.substr(colon + 1);
  });
  for_each_line(locals, [this](std::string_view line) { locals_.insert(ascii::lower(line)); });
}

const std::string* VirtualDomains::find(const std::string& key) const {
  const auto found = prepends_.find(key);
  return found == prepends_.end() ? nullptr : &found->second;
}

// In qmail's order: the whole address, the domain, its parents with their dot, everything.
std::string VirtualDomains::undo(std::string_view recipient) const {
  const std::size_t at = recipient.rfind('@');
  if (at == std::string_view::npos) return std::string(recipient);
  const std::string_view local = recipient.substr(0, at);
  const std::string domain = ascii::lower(recipient.substr(at + 1));
  if (locals_.contains(domain)) return std::string(recipient);
  for (const auto& [key, prepend] : prepends_) {
    if (key.find('@') == std::string::npos || key.substr(key.rfind('@') + 1) != domain) continue;
    const std::optional<std::string_view> user = without(local, prepend);
    if (user && ascii::lower(*user) + "@" + domain == key)
      return std::string(*user) + "@" + std::string(recipient.substr(at + 1));
  }
  const std::string* prepend = find(domain);
  for (std::size_t dot = domain.find('.'); prepend == nullptr && dot != std::string::npos;
       dot = domain.find('.', dot + 1))
    prepend = find(domain.substr(dot));
  if (prepend == nullptr) prepend = find("");
  const std::optional<std::string_view> user =
      prepend == nullptr ? std::nullopt : without(local, *prepend);
  return user ? std::string(*user) + std::string(recipient.substr(at)) : std::string(recipient);
}

}  // namespace toast::takeover
