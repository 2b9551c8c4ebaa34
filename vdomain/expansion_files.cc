// The resolver's part on dot-qmail files: which one applies, and what its lines mean here.
#include <fmt/format.h>

#include "mta/message/ascii.h"
#include "vdomain/expansion.h"

namespace toast::vdomain {

namespace {

// "./ann/Maildir/" of a domain's file as a path below mail/, or nothing if it leads out of the
// domain's directory.
std::optional<std::string> path_below_mail(std::string_view path, const Domain& domain,
                                           std::string_view mail_root) {
  const std::string home = domain_directory(domain) + "/";
  std::string_view rest = path;
  if (path.starts_with('/')) {
    const std::string absolute = std::string(mail_root) + "/" + home;
    if (mail_root.empty() || !rest.starts_with(absolute)) return std::nullopt;
    rest.remove_prefix(absolute.size());
  }
  std::string below = home;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") return std::nullopt;
    if (below.size() > home.size()) below += '/';
    below += part;
  }
  if (below.size() == home.size()) return std::nullopt;
  return below;
}

}  // namespace

Result<bool> Expansion::take_file(const Name& name, std::size_t length, bool as_default) {
  std::string extension = name.address.local_part().substr(0, length);
  if (as_default) extension += "default";
  const std::string file_name = dot_qmail_name(extension);
  if (file_name.empty()) return false;
  Result<std::optional<DotQmailFile>> file = view_.dot_qmail(name.domain.name, file_name);
  if (!file) return pass(file);
  if (!*file) return false;
  const std::string where = domain_directory(name.domain.name) + "/" + file_name;
  const DotQmail lines = parse_dot_qmail((*file)->content);
  if (lines.lines.size() == 1 && is_vdelivermail(lines.lines.front())) {
    note("file {}: vdelivermail, which the directory does here", where);
    return false;
  }
  if (as_default) {
    note("file {}, DEFAULT={}", where, name.spelling.substr(length));
  } else {
    note("file {}", where);
  }
  seen_.insert(name.address);
  if (Result<void> done = follow_lines(name, where, lines, (*file)->owner_may_execute); !done)
    return pass(done);
  return true;
}

Result<void> Expansion::follow_lines(const Name& name, const std::string& file,
                                     const DotQmail& lines, bool forwards_only) {
  if (lines.empty) {  // qmail: as if there were no file, but the name exists
    Result<std::optional<Mailbox>> own = view_.mailbox(name.address);
    if (!own) return pass(own);
    if (*own) {
      note("empty file: the mailbox");
      return deliver(**own);
    }
    defer(fmt::format("4.2.1 {} is empty and there is no mailbox {}", file, name.address.str()));
    return {};
  }
  if (lines.first_line_blank) {
    defer(fmt::format("4.2.1 {}: the first line is blank", file));
    return {};
  }
  if (lines.lines.empty()) {
    add(Discard{fmt::format("{} holds only comments", file)});
    return {};
  }
  for (const DotQmailLine& line : lines.lines) {
    const std::string where = fmt::format("{}:{}", file, line.number);
    const bool needs_leave = line.kind != DotQmailLine::Kind::forward;
    if (needs_leave && (line.forbidden || forwards_only)) {
      defer(fmt::format("4.7.0 {}: only forwards are allowed in a list's file", where));
      continue;
    }
    if (Result<void> done = follow_line(name, where, line); !done) return done;
  }
  return {};
}

Result<void> Expansion::follow_line(const Name& name, const std::string& where,
                                    const DotQmailLine& line) {
  switch (line.kind) {
    case DotQmailLine::Kind::forward:
      return follow_forward_line(where, line.text);
    case DotQmailLine::Kind::maildir:
      return follow_maildir_line(name, where, line.text);
    case DotQmailLine::Kind::mbox:
      defer(fmt::format("4.3.5 {}: mbox files are not supported; end the path with / for a Maildir",
                        where));
      return {};
    case DotQmailLine::Kind::program:
      defer(fmt::format("4.3.5 {}: this version does not run programs", where));
      return {};
  }
  return {};
}

Result<void> Expansion::follow_maildir_line(const Name& name, const std::string& where,
                                            const std::string& path) {
  const std::optional<std::string> below =
      path_below_mail(path, name.domain.name, options_.mail_root);
  if (!below) {
    defer(fmt::format("4.3.5 {}: {} is not in the directory of {}", where, path,
                      name.domain.name.str()));
    return {};
  }
  // Only a Maildir that is somebody's: it has an owner to log, a quota, and a way to be read.
  Result<std::optional<Mailbox>> mailbox = view_.mailbox_by_maildir(*below);
  if (!mailbox) return pass(mailbox);
  if (*mailbox) return deliver(**mailbox);
  defer(fmt::format("4.2.1 {}: no mailbox has the Maildir {}", where, *below));
  return {};
}

Result<void> Expansion::follow_forward_line(const std::string& where, const std::string& text) {
  std::string with_domain = text;
  // qmail leaves a name without domain to control/envnoathost, which is this host by default.
  if (text.find('@') == std::string::npos && options_.host)
    with_domain += "@" + options_.host->str();
  Result<Address> target = Address::parse(with_domain);
  if (!target) {
    defer(fmt::format("4.3.5 {}: not an address to forward to", where));
    return {};
  }
  return follow(*target);
}

}  // namespace toast::vdomain
