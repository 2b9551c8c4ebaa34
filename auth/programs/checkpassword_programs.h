// control/checkpasswordprograms: which domains have their passwords checked by another program, and
// by which. Root writes the file; neither the directory nor a domain's administrator nor any
// message between programs can name a program.
//
//   example.org:ldapcheck:/usr/local/bin/checkpassword-ldap --base dc=example,dc=org
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "mta/message/domain.h"

namespace toast::auth {

inline constexpr std::size_t kMaxCheckpasswordPrograms = 1000;  // a line for each domain
inline constexpr std::size_t kMaxProgramArguments = 32;
inline constexpr std::size_t kMaxProgramPath = 1024;

struct CheckpasswordProgram {
  Domain domain;     // as the directory has it, not one of its aliases
  std::string user;  // never root; looked up by find_program_account()
  std::string path;  // absolute
  std::vector<std::string> arguments;
  unsigned line = 0;  // of the file, for those who complain about it

  // One line of the file; its arguments are words, no quoting. Errors: what would be right.
  [[nodiscard]] static Result<CheckpasswordProgram> parse(std::string_view line);
};

class CheckpasswordPrograms {
 public:
  struct Read;
  // All of the file that `from` is, with what is wrong in it.
  static Read read(const Settings& settings, const ListSetting& from);
  // The same for who cannot go on with a bad one.
  [[nodiscard]] static Result<CheckpasswordPrograms> read_or_error(const Settings& settings,
                                                                   const ListSetting& from);

  bool empty() const { return programs_.empty(); }
  const std::vector<CheckpasswordProgram>& all() const { return programs_; }
  const CheckpasswordProgram* find(std::string_view domain) const;  // null: none

 private:
  std::vector<CheckpasswordProgram> programs_;
};

struct CheckpasswordPrograms::Read {
  CheckpasswordPrograms programs;
  std::vector<SettingProblem> problems;
};

}  // namespace toast::auth
