#include "base/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <span>

#include "base/settings_registry.h"
#include "base/settings_values.h"

namespace toast {
namespace {

struct Line {
  unsigned number;
  std::string_view text;
};

// qmail's reading rules: trailing blanks are cut, leading ones are not.
std::vector<Line> split_lines(std::string_view content) {
  std::vector<Line> lines;
  unsigned number = 0;
  while (!content.empty()) {
    const std::size_t end = content.find('\n');
    std::string_view text = content.substr(0, end);
    content = end == std::string_view::npos ? std::string_view{} : content.substr(end + 1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    lines.push_back({++number, text});
  }
  return lines;
}

std::string_view forbidden_byte(std::string_view line) {
  if (!line.empty() && line.back() == '\r')
    return "ends in a carriage return; save it with LF only";
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) return "contains a control character";
  }
  return {};
}

bool is_list(SettingKind kind) {
  return kind == SettingKind::list || kind == SettingKind::networks ||
         kind == SettingKind::endpoints;
}

class Problems {
 public:
  explicit Problems(std::vector<SettingProblem>& out) : out_(out) {}
  void error(std::string_view file, unsigned line, std::string text) {
    out_.push_back({false, std::string(file), line, std::move(text)});
  }
  void warning(std::string_view file, unsigned line, std::string text) {
    out_.push_back({true, std::string(file), line, std::move(text)});
  }

 private:
  std::vector<SettingProblem>& out_;
};

}  // namespace

// Turns the text of one file into the value of its setting.
struct SettingValueReader {
  using Value = Settings::Value;

  static Value single(const SettingInfo& info, std::string_view content, Problems& problems) {
    std::vector<Line> lines = split_lines(content);
    if (lines.empty()) lines.push_back({1, {}});
    for (const Line& extra : std::span(lines).subspan(1)) {
      if (extra.text.empty()) continue;
      problems.warning(info.name, extra.number, "ignored: only the first line of this file counts");
      break;
    }
    const std::string_view text = lines.front().text;
    if (const std::string_view why = forbidden_byte(text); !why.empty()) {
      problems.error(info.name, 1, fmt::format("the line {}", why));
      return {};
    }
    return value_of_line(info, text, problems);
  }

  static Value value_of_line(const SettingInfo& info, std::string_view text, Problems& problems) {
    Result<SettingScalar> scalar = parse_setting_scalar(info, text);
    if (!scalar) {
      problems.error(info.name, 1, scalar.error().detail);
      return {};
    }
    switch (info.kind) {
      case SettingKind::integer:
        return std::get<std::int64_t>(*scalar);
      case SettingKind::size:
        return static_cast<std::uint64_t>(std::get<std::int64_t>(*scalar));
      case SettingKind::duration:
        return std::chrono::seconds{std::get<std::int64_t>(*scalar)};
      case SettingKind::boolean:
        return std::get<std::int64_t>(*scalar) != 0;
      default:
        return std::get<std::string>(*scalar);
    }
  }

  template <class Entry, class Parse>
  static Value entries(const SettingInfo& info, std::string_view content, Problems& problems,
                       Parse parse) {
    std::vector<Entry> values;
    for (const Line& line : split_lines(content)) {
      if (line.text.empty() || line.text.front() == '#') continue;
      const std::string_view why = forbidden_byte(line.text);
      if (!why.empty()) {
        problems.error(info.name, line.number, fmt::format("the line {}", why));
        continue;
      }
      Result<Entry> entry = parse(line.text);
      if (entry)
        values.push_back(std::move(*entry));
      else
        problems.error(info.name, line.number, entry.error().detail);
    }
    return values;
  }

  static Value read(const SettingInfo& info, std::string_view content, Problems& problems) {
    switch (info.kind) {
      case SettingKind::networks:
        return entries<Network>(info, content, problems, Network::parse);
      case SettingKind::endpoints:
        return entries<Endpoint>(info, content, problems, Endpoint::parse);
      case SettingKind::list:
        return entries<std::string>(info, content, problems, [](std::string_view text) {
          return Result<std::string>(std::string(text));
        });
      default:
        return single(info, content, problems);
    }
  }

  static Value default_value(const SettingInfo& info, std::string_view me, Problems& problems) {
    if (info.default_is_me) return std::string(me);
    return read(info, default_setting_text(info), problems);
  }
};

Settings::Read Settings::parse(SettingFiles files) {
  Read result{Settings(), {}};
  Problems problems(result.problems);
  Settings& settings = result.settings;
  settings.files_ = std::move(files);
  for (const auto& [name, content] : settings.files_) {
    if (find_setting(name) != nullptr) continue;
    const std::string_view foreign = foreign_setting(name);
    const std::string_view nearest = nearest_setting(name);
    if (!foreign.empty())
      problems.warning(name, 0, fmt::format("not used: {}", foreign));
    else if (!nearest.empty())
      problems.error(name, 0, fmt::format("unknown setting; did you mean {}?", nearest));
    else
      problems.error(name, 0, "unknown setting; remove the file (toastctl config list shows all)");
  }
  const auto me = settings.files_.find(std::string(setting::me.name));
  if (me == settings.files_.end())
    problems.error("me", 0, "missing; write this host's fully qualified name into it");
  const std::string me_line(
      me == settings.files_.end() || me->second.empty() ? "" : split_lines(me->second)[0].text);
  for (const SettingInfo* info : all_settings()) {
    const auto file = settings.files_.find(std::string(info->name));
    if (file != settings.files_.end())
      settings.values_[info->name] = SettingValueReader::read(*info, file->second, problems);
    else if (info != &setting::me)
      settings.values_[info->name] = SettingValueReader::default_value(*info, me_line, problems);
  }
  return result;
}

Result<Settings> Settings::parse_or_error(SettingFiles files) {
  Read read = parse(std::move(files));
  if (!read.ok()) return permanent(describe(read.problems));
  return std::move(read.settings);
}

Result<Settings> Settings::defaults(std::string_view me) {
  SettingFiles files;
  files.emplace("me", std::string(me) + "\n");
  return parse_or_error(std::move(files));
}

const Settings::Value& Settings::value(const SettingInfo& setting) const {
  const auto found = values_.find(setting.name);
  if (found == values_.end()) std::abort();  // a constant that is missing in kAllSettings
  return found->second;
}

std::string Settings::text(const SettingInfo& setting) const {
  const auto file = files_.find(std::string(setting.name));
  if (file == files_.end())
    return setting.default_is_me ? get(setting::me) : default_setting_text(setting);
  std::string out;
  for (const Line& line : split_lines(file->second)) {
    if (!is_list(setting.kind)) return std::string(line.text);
    if (line.text.empty() || line.text.front() == '#') continue;
    if (!out.empty()) out += '\n';
    out += line.text;
  }
  return out;
}

bool Settings::Read::ok() const {
  return std::all_of(problems.begin(), problems.end(),
                     [](const SettingProblem& problem) { return problem.is_warning; });
}

std::string SettingProblem::str() const {
  std::string where = "control/" + file;
  if (line != 0) where += ":" + std::to_string(line);
  return where + ": " + text;
}

std::string describe(const std::vector<SettingProblem>& problems) {
  std::string out;
  for (const SettingProblem& problem : problems) {
    if (problem.is_warning) continue;
    if (!out.empty()) out += '\n';
    out += problem.str();
  }
  return out;
}

}  // namespace toast
