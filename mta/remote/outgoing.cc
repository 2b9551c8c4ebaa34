#include "mta/remote/outgoing.h"

#include "mta/message/ascii.h"
#include "mta/message/domain.h"

namespace toast::remote {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return words;
    const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

tl::unexpected<Error> bad_line(std::string_view line, std::string_view why) {
  return permanent("control/outgoingip: \"" + std::string(line) + "\": " + std::string(why));
}

}  // namespace

Result<OutgoingAddresses> OutgoingAddresses::parse(const std::vector<std::string>& lines,
                                                   std::string helo) {
  OutgoingAddresses made;
  made.helo_ = std::move(helo);
  for (const std::string& line : lines) {
    Result<void> added = made.add(line);
    if (!added) return pass(added);
  }
  return made;
}

Result<void> OutgoingAddresses::add(std::string_view line) {
  std::vector<std::string_view> words = words_of(line);
  std::string group;
  if (!words.empty() && !IpAddress::parse(words[0])) {
    Result<Domain> domain = Domain::parse(words[0]);
    if (!domain) return bad_line(line, "it begins with neither an address nor a domain");
    group = domain->str();
    words.erase(words.begin());
  }
  if (words.empty() || words.size() > 2)
    return bad_line(line, "a line is ADDRESS [HELO-NAME] or DOMAIN ADDRESS [HELO-NAME]");
  Result<IpAddress> address = IpAddress::parse(words[0]);
  if (!address) return bad_line(line, "no address behind the domain");
  std::string helo = helo_;
  if (words.size() == 2) {
    Result<Domain> name = Domain::parse(words[1]);
    if (!name) return bad_line(line, "the name is no host name");
    helo = name->str();
  }
  PerFamily& family = groups_[group];
  std::optional<Source>& place = address->is_v4() ? family.v4 : family.v6;
  if (place) return bad_line(line, "a second address of this family");
  place = Source{*address, std::move(helo)};
  return {};
}

std::string OutgoingAddresses::group_of(std::string_view reverse_path) const {
  const std::size_t at = reverse_path.rfind('@');
  if (at == std::string_view::npos) return {};
  std::string domain = ascii::lower(reverse_path.substr(at + 1));
  if (!groups_.contains(domain)) return {};
  return domain;
}

Source OutgoingAddresses::choose(const std::string& group, bool v4) const {
  for (const std::string& name : {group, std::string()}) {
    const auto found = groups_.find(name);
    if (found != groups_.end() && found->second.of(v4)) return *found->second.of(v4);
  }
  return {std::nullopt, helo_};
}

}  // namespace toast::remote
