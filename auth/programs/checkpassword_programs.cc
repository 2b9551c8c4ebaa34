#include "auth/programs/checkpassword_programs.h"

#include <algorithm>

namespace toast::auth {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kForm = "DOMAIN:USER:PROGRAM [ARGUMENT ...]";

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> found;
  for (;;) {
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return found;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    found.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

bool is_account_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

tl::unexpected<Error> wrong(std::string what) {
  return permanent(std::move(what) + "; write " + std::string(kForm));
}

}  // namespace

Result<CheckpasswordProgram> CheckpasswordProgram::parse(std::string_view line) {
  const std::size_t first = line.find(':');
  const std::size_t second =
      first == std::string_view::npos ? std::string_view::npos : line.find(':', first + 1);
  if (second == std::string_view::npos) return wrong("a colon is missing");
  const std::string_view name = line.substr(0, first);
  Result<Domain> domain = Domain::parse(name);
  if (!domain) return wrong("\"" + std::string(name) + "\" is not a domain");
  const std::string_view user = line.substr(first + 1, second - first - 1);
  if (!is_account_name(user)) return wrong("\"" + std::string(user) + "\" is not an account");
  if (user == "root") return wrong("a program never runs as root");
  std::vector<std::string> command = words(line.substr(second + 1));
  if (command.empty()) return wrong("the program is missing");
  if (command.size() > kMaxProgramArguments + 1)
    return wrong("more than " + std::to_string(kMaxProgramArguments) + " arguments");
  std::string path = std::move(command.front());
  command.erase(command.begin());
  const bool plain = path.front() == '/' && path.back() != '/' && path.size() <= kMaxProgramPath &&
                     (path + "/").find("/../") == std::string::npos;
  if (!plain) return wrong("\"" + path + "\" is not the absolute path of a program");
  return CheckpasswordProgram{std::move(*domain), std::string(user), std::move(path),
                              std::move(command)};
}

CheckpasswordPrograms::Read CheckpasswordPrograms::read(const Settings& settings,
                                                        const ListSetting& from) {
  Read result;
  const auto problem = [&](unsigned line, std::string text) {
    result.problems.push_back({false, std::string(from.name), line, std::move(text)});
  };
  const auto file = settings.files().find(std::string(from.name));
  if (file == settings.files().end()) return result;
  std::string_view content = file->second;
  for (unsigned number = 1; !content.empty(); ++number) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    std::string_view line = content.substr(0, end);
    content.remove_prefix(std::min(end + 1, content.size()));
    while (!line.empty() && kBlanks.find(line.back()) != std::string_view::npos)
      line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    Result<CheckpasswordProgram> program = CheckpasswordProgram::parse(line);
    if (!program) {
      problem(number, program.error().detail);
      continue;
    }
    if (const auto* other = result.programs.find(program->domain.str()); other != nullptr) {
      problem(number, program->domain.str() + " has a program already, on line " +
                          std::to_string(other->line));
      continue;
    }
    if (result.programs.programs_.size() >= kMaxCheckpasswordPrograms) {
      problem(number, "more than " + std::to_string(kMaxCheckpasswordPrograms) + " programs");
      break;
    }
    program->line = number;
    result.programs.programs_.push_back(std::move(*program));
  }
  return result;
}

Result<CheckpasswordPrograms> CheckpasswordPrograms::read_or_error(const Settings& settings,
                                                                   const ListSetting& from) {
  Read result = read(settings, from);
  if (!result.problems.empty()) return permanent(describe(result.problems));
  return std::move(result.programs);
}

const CheckpasswordProgram* CheckpasswordPrograms::find(std::string_view domain) const {
  const auto found = std::find_if(programs_.begin(), programs_.end(), [&](const auto& program) {
    return program.domain.str() == domain;
  });
  return found == programs_.end() ? nullptr : &*found;
}

}  // namespace toast::auth
