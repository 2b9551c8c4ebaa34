// Any bytes as the content of any setting: what is accepted means the same when toastd sends it on
// as a snapshot, and when toastctl writes it back from its text.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/settings.h"

// The first line is the name of the setting, the rest its file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace toast;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t newline = input.find('\n');
  if (newline == std::string_view::npos) return 0;
  const std::string name(input.substr(0, newline));
  const SettingInfo* setting = find_setting(name);
  SettingFiles files{{"me", "mx.example.test"}};
  files.insert_or_assign(name, std::string(input.substr(newline + 1)));
  const Settings::Read read = Settings::parse(files);
  if (!read.ok() || setting == nullptr) return 0;
  const std::string text = read.settings.text(*setting);
  const Result<std::string> canonical = canonical_setting_text(*setting, text);
  if (!canonical) std::abort();
  files.insert_or_assign(name, *canonical);
  const Result<Settings> again = Settings::parse_or_error(files);
  if (!again || again->text(*setting) != text) std::abort();
  return 0;
}
