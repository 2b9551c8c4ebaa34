// toastctl config: the settings of control/, all of which the registry knows.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <optional>

#include "admin-cli/context.h"
#include "admin-cli/password_programs.h"
#include "admin-cli/suggestion.h"
#include "base/fd.h"
#include "base/settings_registry.h"
#include "mta/remote/routes.h"
#include "vdomain/login_domains.h"

namespace toast::admin {
namespace {

struct ConfigOptions {
  std::string name;
  std::vector<std::string> values;
  bool to_default = false;
  bool changed_only = false;
};

std::string_view kind_name(SettingKind kind) {
  switch (kind) {
    case SettingKind::integer:
      return "integer";
    case SettingKind::size:
      return "size";
    case SettingKind::duration:
      return "duration";
    case SettingKind::line:
      return "line";
    case SettingKind::choice:
      return "choice";
    case SettingKind::list:
      return "list";
    case SettingKind::boolean:
      return "boolean";
    case SettingKind::networks:
      return "networks";
    case SettingKind::endpoints:
      return "endpoints";
  }
  return "line";
}

Record to_record(const SettingInfo& info, const Settings& settings) {
  return Record{{"name", info.name},
                {"value", settings.text(info)},
                {"set", settings.is_set(info)},
                {"kind", kind_name(info.kind)},
                {"unit", info.unit.empty() ? Value() : Value(info.unit)},
                {"values", describe_values(info)},
                {"meaning", info.meaning},
                {"readers", info.readers},
                {"applies", info.applies == Applies::at_reload ? "reload" : "restart"}};
}

Wanted<const SettingInfo*> find(const std::string& name) {
  if (const SettingInfo* info = find_setting(name); info != nullptr) return info;
  std::vector<std::string> names;
  for (const SettingInfo* info : all_settings()) names.emplace_back(info->name);
  std::string hint = did_you_mean(name, names);
  if (const std::string_view why = foreign_setting(name); !why.empty()) hint = why;
  if (hint.empty()) hint = "toastctl config list shows all settings";
  return fail(Exit::not_found, "setting_not_found", "no setting " + name, name, std::move(hint));
}

// What only the programs that use a setting understand; base/settings knows lines.
std::optional<Error> deeper_problem(const SettingInfo& info,
                                    const std::vector<std::string>& lines) {
  if (info.name == setting::logindomains.name) {
    const Domain any = Domain::parse("example.org").value();
    const Result<vdomain::LoginDomains> domains = vdomain::LoginDomains::parse(any, lines);
    if (!domains) return domains.error();
  }
  if (info.name == setting::checkpasswordprograms.name) {
    for (const std::string& line : lines)
      if (Result<auth::CheckpasswordProgram> program = auth::CheckpasswordProgram::parse(line);
          !program)
        return std::move(program.error());
  }
  if (info.name != setting::smtproutes.name) return std::nullopt;
  const Result<remote::Routes> routes = remote::Routes::parse(lines);
  if (routes) return std::nullopt;
  return routes.error();
}

// A value on one line of a table.
std::string in_one_line(std::string text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string("; ") : std::string(1, c);
  return out;
}

Outcome list_settings(Context& context, const ConfigOptions& options) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const Wanted<Settings> settings = instance->settings();
  if (!settings) return tl::unexpected(settings.error());
  std::vector<Record> rows;
  for (const SettingInfo* info : all_settings()) {
    if (options.changed_only && !settings->is_set(*info)) continue;
    Record row = to_record(*info, *settings);
    row.add("shown", in_one_line(settings->text(*info)));
    row.add("from", settings->is_set(*info) ? "control/" : "default");
    rows.push_back(std::move(row));
  }
  context.out.list("settings",
                   {{"name", "SETTING"}, {"shown", "VALUE"}, {"unit", "UNIT"}, {"from", "FROM"}},
                   rows);
  return Exit::done;
}

Outcome get_setting(Context& context, const ConfigOptions& options) {
  const Wanted<const SettingInfo*> info = find(options.name);
  if (!info) return tl::unexpected(info.error());
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const Wanted<Settings> settings = instance->settings();
  if (!settings) return tl::unexpected(settings.error());
  if (context.json) {
    context.out.show(to_record(**info, *settings));
  } else {
    context.out.line(settings->text(**info));
  }
  return Exit::done;
}

// The file as it would be, or none for the default.
Wanted<std::optional<std::string>> wanted_content(const SettingInfo& info,
                                                  const ConfigOptions& options) {
  if (options.to_default) return std::nullopt;
  const bool list = info.kind == SettingKind::list || info.kind == SettingKind::networks ||
                    info.kind == SettingKind::endpoints;
  if (options.values.empty() || (options.values.size() > 1 && !list))
    return fail(Exit::usage, "one_value", fmt::format("{} takes one value", info.name),
                std::string(info.name), "values: " + describe_values(info));
  std::string typed;
  for (const std::string& value : options.values) typed += value + "\n";
  if (!list) typed.pop_back();
  const Result<std::string> text = canonical_setting_text(info, typed);
  if (!text)
    return fail(Exit::invalid, "bad_value", fmt::format("{}: {}", info.name, text.error().detail),
                std::string(info.name), "values: " + describe_values(info));
  if (const std::optional<Error> wrong = deeper_problem(info, options.values))
    return fail(Exit::invalid, "bad_value", fmt::format("{}: {}", info.name, wrong->detail),
                std::string(info.name),
                info.name == setting::checkpasswordprograms.name
                    ? "one program a value, in quotes for the shell"
                    : "values: " + describe_values(info));
  std::string content = *text;
  if (!content.ends_with('\n')) content.push_back('\n');
  return content;
}

Outcome write_setting(const Instance& instance, const SettingInfo& info,
                      const std::optional<std::string>& content) {
  const std::string path = instance.path("control/" + std::string(info.name));
  if (content) {
    if (const Result<void> written = replace_file(path, *content, 0644); !written)
      return fail(written.error(), path);
    return Exit::done;
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    Result<void> error = system_error("remove", path);
    return fail(error.error(), path);
  }
  return Exit::done;
}

Outcome set_setting(Context& context, const ConfigOptions& options) {
  const Wanted<const SettingInfo*> info = find(options.name);
  if (!info) return tl::unexpected(info.error());
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const Wanted<std::optional<std::string>> content = wanted_content(**info, options);
  if (!content) return tl::unexpected(content.error());
  if (!*content && (*info)->name == setting::me.name)
    return fail(Exit::invalid, "no_default", "me has no default", "me");
  // What stands in the file now, broken or not: setting it right must be possible.
  const std::string path = instance->path("control/" + options.name);
  const Result<std::string> present = read_file(path, kMaxSettingFile);
  const bool same = present ? (*content && **content == *present) : !*content;
  if (same) {
    context.out.did("unchanged", "setting", options.name);
    return Exit::done;
  }
  if (!context.dry_run) {
    Outcome written = write_setting(*instance, **info, *content);
    if (!written) return written;
  }
  const bool at_reload = (*info)->applies == Applies::at_reload;
  context.out.did(context.verb("changed"), "setting", options.name,
                  Record{{"applies", at_reload ? "reload" : "restart"}});
  context.out.note(at_reload ? "takes effect when toastd gets SIGHUP"
                             : "takes effect when toastd is restarted");
  return context.dry_run ? Exit::would_change : Exit::done;
}

Outcome check_settings(Context& context, const ConfigOptions&) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  Settings::Read read = Settings::read_directory(instance->path("control"));
  if (read.ok())
    for (const ListSetting* list : {&setting::smtproutes, &setting::logindomains})
      if (const std::optional<Error> wrong = deeper_problem(*list, read.settings.get(*list)))
        read.problems.push_back({false, std::string(list->name), 0, wrong->detail});
  if (read.ok()) {
    std::vector<SettingProblem> more = program_problems(*instance, read.settings);
    std::move(more.begin(), more.end(), std::back_inserter(read.problems));
  }
  std::vector<Value> problems;
  for (const SettingProblem& problem : read.problems) {
    problems.emplace_back(Record{{"severity", problem.is_warning ? "warning" : "error"},
                                 {"file", problem.file},
                                 {"line", problem.line},
                                 {"message", problem.text}});
    context.out.line((problem.is_warning ? "warning: " : "error: ") + printable(problem.str()));
  }
  if (context.json) context.out.show(Record{{"ok", read.ok()}, {"problems", problems}});
  if (read.ok()) {
    if (read.problems.empty()) context.out.note("control/ is in order");
    return Exit::done;
  }
  return fail(Exit::invalid, "bad_settings", "toastd would not start with these settings",
              instance->path("control"));
}

}  // namespace

void add_config(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("config", "Settings: the files of control/");
  noun->require_subcommand(1);
  auto options = std::make_shared<ConfigOptions>();
  const auto bind = [&context, options](CLI::App* command,
                                        Outcome (*work)(Context&, const ConfigOptions&)) {
    command->callback([&context, options, work] {
      context.action = [&context, options, work] { return work(context, *options); };
    });
  };
  CLI::App* list = noun->add_subcommand("list", "List every setting with its value");
  list->add_flag("--changed", options->changed_only, "Only those that have a file");
  bind(list, list_settings);
  CLI::App* get = noun->add_subcommand("get", "Print the value of a setting");
  get->add_option("SETTING", options->name)->required();
  bind(get, get_setting);
  CLI::App* set = noun->add_subcommand("set", "Change a setting, after checking the value");
  set->add_option("SETTING", options->name)->required();
  set->add_option("VALUE", options->values, "Several for a setting that is a list");
  set->add_flag("--default", options->to_default, "Go back to the default");
  set->footer(
      "Examples:\n"
      "  toastctl config set databytes 100M\n"
      "  toastctl config set relaynetworks 192.0.2.0/24 2001:db8::/32\n"
      "  toastctl config set databytes --default");
  bind(set, set_setting);
  CLI::App* check = noun->add_subcommand("check", "Check all of control/, as toastd does");
  bind(check, check_settings);
}

}  // namespace toast::admin
