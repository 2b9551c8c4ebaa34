#include "tests/dialogue/dialogue.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/fd.h"

namespace toast::dialogue {
namespace {

constexpr std::size_t kMaxScriptFile = 1U << 20U;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// One character after a backslash; `text` stands behind it afterwards.
Result<char> take_escape(std::string_view& text) {
  if (text.empty()) return permanent("escape at the end");
  const char kind = text.front();
  text.remove_prefix(1);
  switch (kind) {
    case 'r':
      return '\r';
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '0':
      return '\0';
    case '\\':
    case '"':
      return kind;
    case 'x': {
      unsigned value = 0;
      const auto [end, ec] = std::from_chars(
          text.data(), text.data() + std::min<std::size_t>(2, text.size()), value, 16);
      if (ec != std::errc{} || end != text.data() + 2) return permanent("\\x takes two digits");
      text.remove_prefix(2);
      return static_cast<char>(value);
    }
    default:
      return permanent(std::string("unknown escape \\") + kind);
  }
}

// "..." at the front of `text`.
Result<std::string> take_quoted(std::string_view& text) {
  if (!take_prefix(text, "\"")) return permanent("a quoted string is wanted");
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return out;
    if (c != '\\') {
      out.push_back(c);
      continue;
    }
    auto escaped = take_escape(text);
    if (!escaped) return pass(escaped);
    out.push_back(*escaped);
  }
  return permanent("the quote is not closed");
}

Result<std::size_t> parse_number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size()) return permanent("not a number");
  return value;
}

// "bytes" or "bytes" * N, several of them side by side
Result<std::string> parse_raw(std::string_view text) {
  std::string out;
  for (text = trim(text); !text.empty(); text = trim(text)) {
    auto piece = take_quoted(text);
    if (!piece) return pass(piece);
    std::size_t times = 1;
    text = trim(text);
    if (take_prefix(text, "*")) {
      text = trim(text);
      const std::size_t end = std::min(text.find(' '), text.size());
      auto number = parse_number(text.substr(0, end));
      if (!number) return pass(number);
      times = *number;
      text.remove_prefix(end);
    }
    for (std::size_t i = 0; i < times; ++i) out += *piece;
  }
  return out;
}

Result<std::chrono::milliseconds> parse_time(std::string_view text) {
  std::int64_t unit = 0;
  std::string_view digits = text;
  if (text.ends_with("ms")) {
    unit = 1;
    digits.remove_suffix(2);
  } else if (text.ends_with("s")) {
    unit = 1000;
    digits.remove_suffix(1);
  } else if (text.ends_with("m")) {
    unit = 60'000;
    digits.remove_suffix(1);
  } else {
    return permanent("a time ends in ms, s or m");
  }
  auto number = parse_number(digits);
  if (!number) return pass(number);
  return std::chrono::milliseconds{static_cast<std::int64_t>(*number) * unit};
}

Result<Step> parse_step(std::string_view line) {
  if (line == "C.") return Step{StepKind::client_closes, {}, {}, 0};
  if (line == "S.") return Step{StepKind::server_closes, {}, {}, 0};
  if (line == "C:") return Step{StepKind::client_sends, "\r\n", {}, 0};
  if (line == "S:") return Step{StepKind::server_line, {}, {}, 0};
  // Of a line to send only the one space after the colon is not part of it.
  if (take_prefix(line, "C: "))
    return Step{StepKind::client_sends, std::string(line) + "\r\n", {}, 0};
  if (take_prefix(line, "S: ")) return Step{StepKind::server_line, std::string(line), {}, 0};
  if (take_prefix(line, "S* ")) return Step{StepKind::server_reply, std::string(line), {}, 0};
  if (take_prefix(line, "C~ ")) {
    auto raw = parse_raw(line);
    if (!raw) return pass(raw);
    return Step{StepKind::client_sends, std::move(*raw), {}, 0};
  }
  if (take_prefix(line, "given ")) return Step{StepKind::given, std::string(trim(line)), {}, 0};
  if (take_prefix(line, "then ")) return Step{StepKind::then, std::string(trim(line)), {}, 0};
  if (take_prefix(line, "wait ")) {
    auto time = parse_time(trim(line));
    if (!time) return pass(time);
    return Step{StepKind::wait, {}, *time, 0};
  }
  return permanent("a line begins with given, then, wait, C:, C~, C., S:, S*, S. or #");
}

}  // namespace

Result<Script> parse_script(std::string_view text, std::string name) {
  Script script{std::move(name), {}};
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line.front() == '#') continue;
    auto step = parse_step(line);
    if (!step) return pass(step, script.name + ".txt line " + std::to_string(number));
    step->line_number = number;
    script.steps.push_back(std::move(*step));
  }
  if (script.steps.empty()) return permanent(script.name + ": nothing in it");
  return script;
}

Result<std::vector<Script>> load_scripts(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".txt" && entry.path().stem() != "CMakeLists")
      paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Script> scripts;
  for (const auto& path : paths) {
    auto text = read_file(path.string(), kMaxScriptFile);
    if (!text) return pass(text);
    auto script = parse_script(*text, path.stem().string());
    if (!script) return pass(script);
    scripts.push_back(std::move(*script));
  }
  if (scripts.empty()) return permanent(folder + ": no dialogues");
  return scripts;
}

Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  for (text = trim(text); !text.empty(); text = trim(text)) {
    if (text.front() == '"') {
      auto word = take_quoted(text);
      if (!word) return pass(word);
      words.push_back(std::move(*word));
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

}  // namespace toast::dialogue
