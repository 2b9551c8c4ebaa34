#include "mta/compat/inject_environment.h"

#include <unistd.h>

#include <algorithm>

#include "base/settings.h"
#include "base/settings_registry.h"

namespace toast::compat {
namespace {

constexpr std::size_t kMaxListFile = std::size_t{256} * 1024;  // QMAILMFTFILE

// Only these: a user may not be allowed to read the others, and need not.
Result<HostDefaults> read_defaults(const std::string& root) {
  const SettingInfo* const wanted[] = {&setting::me, &setting::defaulthost, &setting::defaultdomain,
                                       &setting::plusdomain, &setting::idhost};
  SettingFiles files;
  for (const SettingInfo* info : wanted) {
    const std::string name(info->name);
    Result<std::string> content = read_file(root + "/control/" + name, kMaxSettingFile);
    if (content) files.emplace(name, std::move(*content));
  }
  if (!files.contains("me"))
    return transient("no mail server at " + root + "; --root or TOAST_ROOT says where it is");
  Result<Settings> settings = Settings::parse_or_error(std::move(files));
  if (!settings) return pass(settings);
  return HostDefaults{settings->get(setting::defaulthost), settings->get(setting::defaultdomain),
                      settings->get(setting::plusdomain), settings->get(setting::idhost)};
}

// One word in a header or an envelope, whatever somebody put into the environment.
std::string one_word(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; }, '_');
  return text;
}

InjectStyle style_of(const std::string& letters) {
  const auto has = [&](char letter) { return letters.find(letter) != std::string::npos; };
  return {has('c'), has('s'), has('f'), has('i'), has('r'), has('m')};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

Result<InjectOptions> read_inject_options(const Invocation& program, const Clock& clock) {
  const Environment& env = program.environment;
  Result<HostDefaults> defaults = read_defaults(program.root);
  if (!defaults) return pass(defaults);
  InjectOptions options;
  options.defaults = std::move(*defaults);
  const auto replace = [&](std::string& value, const char* name) {
    if (std::string other = env.get(name); !other.empty()) value = one_word(std::move(other));
  };
  replace(options.defaults.host, "QMAILDEFAULTHOST");
  replace(options.defaults.domain, "QMAILDEFAULTDOMAIN");
  replace(options.defaults.plus_domain, "QMAILPLUSDOMAIN");
  replace(options.defaults.id_host, "QMAILIDHOST");
  if (std::string user = env.first_of({"QMAILUSER", "MAILUSER", "USER", "LOGNAME"}); !user.empty())
    options.user = one_word(std::move(user));
  options.host = one_word(env.first_of({"QMAILHOST", "MAILHOST"}));
  options.sender_user = one_word(env.get("QMAILSUSER"));
  options.sender_host = one_word(env.get("QMAILSHOST"));
  options.full_name = env.first_of({"QMAILNAME", "MAILNAME", "NAME"});
  options.style = style_of(env.get("QMAILINJECT"));
  if (const std::string file = env.get("QMAILMFTFILE"); !file.empty()) {
    Result<std::string> lists = read_file(file, kMaxListFile);
    if (!lists) return pass(lists, "QMAILMFTFILE");
    options.followup_lists = lines_of(*lists);
  }
  options.now = clock.wall();
  options.process = static_cast<unsigned>(::getpid());
  return options;
}

}  // namespace toast::compat
