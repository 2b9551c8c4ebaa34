// The settings of an instance: one file per setting in control/, with qmail's names and reading
// rules. A setting is a typed constant (settings_registry.h); Settings is an immutable snapshot of
// all of them, every value checked. What it trusts: nothing in the files; what is wrong is reported
// with file, line and what would be right, and nothing is half applied.
//
//   const std::uint64_t limit = settings.get(setting::databytes);
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"

namespace toast {

enum class SettingKind : unsigned char {
  integer,
  size,      // bytes
  duration,  // seconds
  line,
  choice,
  list,
  boolean,
  networks,   // list of CIDR
  endpoints,  // list of address:port
};
enum class LineShape : unsigned char { text, host_name, local_part, account, percentages };
// Most settings are taken over by SIGHUP. Those that toastd itself used at its start are not, nor
// those that made threads or opened a store; toastd refuses a reload that changes one.
enum class Applies : unsigned char { at_reload, at_restart };

// What toastctl config list and the manual page print. Typed constants below derive from it.
struct SettingInfo {
  std::string_view name;  // of the file in control/
  SettingKind kind;
  std::string_view default_text;  // line, choice, lists (entries separated by newlines)
  std::int64_t default_number = 0;
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
  std::string_view unit;
  std::string_view choices;  // "refuse|normalise"
  LineShape shape = LineShape::text;
  bool default_is_me = false;
  std::string_view meaning;
  std::string_view readers;  // the programs that use it
  Applies applies = Applies::at_reload;
};

struct IntegerSetting : SettingInfo {
  using Value = std::int64_t;
  constexpr IntegerSetting(std::string_view name_, Value default_, Value min, Value max,
                           std::string_view unit_, std::string_view meaning_,
                           std::string_view readers_, Applies applies_ = Applies::at_reload)
      : SettingInfo{.name = name_,
                    .kind = SettingKind::integer,
                    .default_number = default_,
                    .minimum = min,
                    .maximum = max,
                    .unit = unit_,
                    .meaning = meaning_,
                    .readers = readers_,
                    .applies = applies_} {}
};
struct SizeSetting : SettingInfo {
  using Value = std::uint64_t;
  constexpr SizeSetting(std::string_view name_, std::int64_t default_, std::int64_t min,
                        std::int64_t max, std::string_view meaning_, std::string_view readers_,
                        Applies applies_ = Applies::at_reload)
      : SettingInfo{.name = name_,
                    .kind = SettingKind::size,
                    .default_number = default_,
                    .minimum = min,
                    .maximum = max,
                    .unit = "bytes",
                    .meaning = meaning_,
                    .readers = readers_,
                    .applies = applies_} {}
};
struct DurationSetting : SettingInfo {
  using Value = std::chrono::seconds;
  constexpr DurationSetting(std::string_view name_, std::int64_t default_, std::int64_t min,
                            std::int64_t max, std::string_view meaning_, std::string_view readers_)
      : SettingInfo{.name = name_,
                    .kind = SettingKind::duration,
                    .default_number = default_,
                    .minimum = min,
                    .maximum = max,
                    .unit = "seconds",
                    .meaning = meaning_,
                    .readers = readers_} {}
};
inline constexpr struct FromMe {
} kFromMe;  // the default is the content of control/me
struct LineSetting : SettingInfo {
  using Value = std::string;
  constexpr LineSetting(std::string_view name_, std::string_view default_, LineShape shape_,
                        std::string_view meaning_, std::string_view readers_,
                        Applies applies_ = Applies::at_reload)
      : SettingInfo{.name = name_,
                    .kind = SettingKind::line,
                    .default_text = default_,
                    .shape = shape_,
                    .meaning = meaning_,
                    .readers = readers_,
                    .applies = applies_} {}
  constexpr LineSetting(std::string_view name_, FromMe, LineShape shape_, std::string_view meaning_,
                        std::string_view readers_)
      : SettingInfo{.name = name_,
                    .kind = SettingKind::line,
                    .shape = shape_,
                    .default_is_me = true,
                    .meaning = meaning_,
                    .readers = readers_} {}
};
struct ChoiceSetting : SettingInfo {  // one of the words in choices_, separated by '|'
  using Value = std::string;
  constexpr ChoiceSetting(std::string_view name_, std::string_view default_,
                          std::string_view choices_, std::string_view meaning_,
                          std::string_view readers_, Applies applies_ = Applies::at_reload)
      : SettingInfo{.name = name_,
                    .kind = SettingKind::choice,
                    .default_text = default_,
                    .choices = choices_,
                    .meaning = meaning_,
                    .readers = readers_,
                    .applies = applies_} {}
};
struct BooleanSetting : SettingInfo {  // 1, yes, true, on; 0, no, false, off
  using Value = bool;
  constexpr BooleanSetting(std::string_view name_, bool default_, std::string_view meaning_,
                           std::string_view readers_, Applies applies_ = Applies::at_reload)
      : SettingInfo{.name = name_,
                    .kind = SettingKind::boolean,
                    .default_number = default_ ? 1 : 0,
                    .maximum = 1,
                    .meaning = meaning_,
                    .readers = readers_,
                    .applies = applies_} {}
};
template <SettingKind K, class Entry>
struct BasicListSetting : SettingInfo {
  using Value = std::vector<Entry>;
  constexpr BasicListSetting(std::string_view name_, std::string_view default_,
                             std::string_view meaning_, std::string_view readers_,
                             Applies applies_ = Applies::at_reload)
      : SettingInfo{.name = name_,
                    .kind = K,
                    .default_text = default_,
                    .meaning = meaning_,
                    .readers = readers_,
                    .applies = applies_} {}
};
using ListSetting = BasicListSetting<SettingKind::list, std::string>;
using NetworkListSetting = BasicListSetting<SettingKind::networks, Network>;
using EndpointListSetting = BasicListSetting<SettingKind::endpoints, Endpoint>;

// One thing that is wrong in control/. Warnings do not stop anything.
struct SettingProblem {
  bool is_warning = false;
  std::string file;         // "databytes"
  unsigned line = 0;        // 0: the file as a whole
  std::string text;         // what is wrong and what would be right
  std::string str() const;  // "control/databytes:1: ..."
};
// All errors in one text, one line each; for a log or a terminal.
std::string describe(const std::vector<SettingProblem>& problems);

using SettingFiles = std::map<std::string, std::string>;  // name -> content

class Settings {
 public:
  struct Read;
  // Checks every file. Files that are not settings are problems; missing ones take their default.
  // Only `me` has no default.
  static Read parse(SettingFiles files);
  // All of control/, with its modes: a file or directory that others may write, or that belongs to
  // neither root nor the caller, is an error.
  static Read read_directory(const std::string& control);
  // For programs: errors as one Error, warnings dropped.
  [[nodiscard]] static Result<Settings> parse_or_error(SettingFiles files);
  [[nodiscard]] static Result<Settings> defaults(std::string_view me);

  template <class S>
  const typename S::Value& get(const S& setting) const {
    return std::get<typename S::Value>(value(setting));
  }
  bool is_set(const SettingInfo& setting) const {
    return files_.contains(std::string(setting.name));
  }
  // As the file would hold it, default or not; lists one entry a line.
  std::string text(const SettingInfo& setting) const;
  // What parse() was given: the snapshot as it travels to a child.
  const SettingFiles& files() const { return files_; }

 private:
  using Value = std::variant<std::int64_t, std::uint64_t, std::chrono::seconds, std::string, bool,
                             std::vector<std::string>, std::vector<Network>, std::vector<Endpoint>>;
  friend struct SettingValueReader;
  Settings() = default;
  const Value& value(const SettingInfo& setting) const;
  SettingFiles files_;
  std::map<std::string_view, Value> values_;  // keys point into the registry
};

struct Settings::Read {
  Settings settings;  // only of use if ok()
  std::vector<SettingProblem> problems;
  bool ok() const;  // no problem that is an error
};

const SettingInfo* find_setting(std::string_view name);  // null: no such setting
// The known name most like `name`, or empty; for "did you mean".
std::string_view nearest_setting(std::string_view name);
// A name of qmail or of a known patch that this program does not read: why not, or empty.
std::string_view foreign_setting(std::string_view name);

// What toastctl config set writes: people may type 50M or 5m, files hold plain numbers, because
// qmail would read "50M" as 50. Error: what is wrong with the value.
[[nodiscard]] Result<std::string> canonical_setting_text(const SettingInfo& setting,
                                                         std::string_view typed);
// "integer 1 to 65535", "refuse or normalise", ...: for the manual page and error texts.
std::string describe_values(const SettingInfo& setting);

inline constexpr std::size_t kMaxSettingFile =
    256 * 1024;                                       // an imported list of networks fits easily
inline constexpr std::size_t kMaxSettingFiles = 512;  // registry and foreign names are below 200

}  // namespace toast
