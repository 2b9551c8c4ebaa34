// toastctl help: help on a topic, and the manual page, both from the definition of the commands.
#include <fmt/format.h>

#include <cstdio>

#include "admin-cli/context.h"
#include "admin-cli/suggestion.h"
#include "base/settings_registry.h"

namespace toast::admin {
namespace {

struct HelpOptions {
  std::vector<std::string> topic;
  bool man = false;
};

// Text for troff: no line of ours is a request, no hyphen becomes typographic.
std::string roff(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    line_start = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

bool is_hidden(const CLI::Option& option) { return option.get_group().empty(); }

std::string synopsis(const CLI::App& command, const std::string& path) {
  std::string text = "\\fB" + roff(path) + "\\fR";
  for (const CLI::Option* option : command.get_options()) {
    if (is_hidden(*option) || !option->get_positional()) continue;
    const std::string name = roff(option->get_name(true));
    const bool many = option->get_expected_max() > 1;
    text += option->get_required() ? fmt::format(" \\fI{}\\fR", name)
                                   : fmt::format(" [\\fI{}\\fR]", name);
    if (many) text += "...";
  }
  return text;
}

std::string option_lines(const CLI::App& command) {
  std::string text;
  for (const CLI::Option* option : command.get_options()) {
    if (is_hidden(*option) || option->get_positional() || option->get_name() == "--help") continue;
    text += ".TP\n\\fB" + roff(option->get_name(false, true)) + "\\fR";
    if (!option->get_type_name().empty() && option->get_expected_max() > 0)
      text += " \\fI" + roff(option->get_type_name()) + "\\fR";
    text += "\n" + roff(option->get_description()) + "\n";
  }
  return text;
}

std::string command_section(const CLI::App& command, const std::string& path) {
  std::string text;
  const auto subcommands = command.get_subcommands([](const CLI::App*) { return true; });
  if (subcommands.empty()) {
    text += ".SS \"" + roff(path) + "\"\n" + synopsis(command, path) + "\n.PP\n" +
            roff(command.get_description()) + ".\n" + option_lines(command);
    if (!command.get_footer().empty())
      text += ".PP\n.nf\n" + roff(command.get_footer()) + "\n.fi\n";
  }
  for (const CLI::App* below : subcommands)
    text += command_section(*below, path + " " + below->get_name());
  return text;
}

std::string settings_section() {
  std::string text = ".SH SETTINGS\nEach is a file in \\fIcontrol/\\fR of the instance.\n";
  for (const SettingInfo* info : all_settings()) {
    text += ".TP\n\\fB" + roff(info->name) + "\\fR\n" + roff(info->meaning) + "\n.br\n" +
            roff(describe_values(*info));
    const Result<Settings> defaults = Settings::defaults("this.host.name.example");
    if (defaults && info->name != setting::me.name) {
      std::string value = defaults->text(*info);
      std::replace(value.begin(), value.end(), '\n', ' ');
      if (info->default_is_me) value = "the content of me";
      text += ". Default: " + (value.empty() ? std::string("none") : roff(value));
    }
    text += fmt::format(". Read by: {}. Applies at {}.\n", roff(info->readers),
                        info->applies == Applies::at_reload ? "reload" : "restart");
  }
  return text;
}

constexpr std::string_view kExitSection =
    ".SH EXIT STATUS\n"
    ".TP\n0\nDone, or it was so already\n"
    ".TP\n1\nGeneral failure\n"
    ".TP\n2\nWrong usage\n"
    ".TP\n3\nNot found\n"
    ".TP\n4\nExists with other content, or still in use\n"
    ".TP\n5\nPermission denied\n"
    ".TP\n6\nInvalid value, or a limit is reached\n"
    ".TP\n7\nTemporary: the database is busy, a program is down; try again\n"
    ".TP\n8\nSome of several objects failed\n"
    ".TP\n9\nWith \\-\\-dry\\-run: something would change; schema status: a database is behind\n"
    ".TP\n10\nCancelled\n"
    ".PP\nTake any other code for a failure.\n";

constexpr std::string_view kJsonSection =
    ".SH JSON\n"
    "With \\fB\\-\\-json\\fR data is one object on standard output. Its \\fIschema\\fR is 1 as "
    "long as\n"
    "fields are only added. Times are ISO 8601 in UTC, sizes are bytes, no limit is null. "
    "Commands\n"
    "that change something give \\fIresults\\fR, one for each object. An error is an object on\n"
    "standard error: {\\(dqerror\\(dq: {\\(dqcode\\(dq, \\(dqmessage\\(dq, \\(dqobject\\(dq,\n"
    "\\(dqhint\\(dq, \\(dqexit\\(dq}}.\n";

std::string manual_page(const CLI::App& app) {
  std::string text =
      ".TH TOASTCTL 8 \"\" \"Toastmaster " TOAST_VERSION
      "\" \"System administration\"\n"
      ".SH NAME\ntoastctl \\- administer a Toastmaster mail server\n"
      ".SH SYNOPSIS\n.B toastctl\n[\\fB\\-\\-root\\fR \\fIDIR\\fR]"
      " \\fINOUN\\fR [\\fIVERB\\fR] [\\fINAME\\fR...] [\\fIoptions\\fR]\n"
      ".SH DESCRIPTION\n" +
      roff(app.get_description()) +
      "\nIt works whether or not the server runs. Passwords are never taken from the\n"
      "command line.\n.SH OPTIONS\nThese are understood before and after any command.\n";
  text += option_lines(app) + ".SH COMMANDS\n";
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    text += command_section(*command, command->get_name());
  text += std::string(kExitSection) + std::string(kJsonSection) + settings_section();
  text +=
      ".SH ENVIRONMENT\n.TP\nTOAST_ROOT\nThe instance, when there is no \\-\\-root.\n"
      ".SH SEE ALSO\ntoastd(8)\n";
  return text;
}

Outcome show_help(Context& context, CLI::App& app, const HelpOptions& options) {
  if (options.man) {
    std::fputs(manual_page(app).c_str(), stdout);
    return Exit::done;
  }
  CLI::App* command = &app;
  std::string path;
  for (const std::string& word : options.topic) {
    std::vector<std::string> names;
    CLI::App* below = nullptr;
    for (CLI::App* one : command->get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(one->get_name());
      if (one->get_name() == word) below = one;
    }
    if (below == nullptr)
      return fail(Exit::usage, "unknown_topic", "no help on " + word, word,
                  did_you_mean(word, names));
    path += (path.empty() ? "" : " ") + command->get_name();
    command = below;
  }
  std::fputs(command->help(path).c_str(), stdout);
  std::ignore = context;
  return Exit::done;
}

}  // namespace

void add_help(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("help", "Show help on a command");
  auto options = std::make_shared<HelpOptions>();
  command->add_option("TOPIC", options->topic, "A command");
  command->add_flag("--man", options->man, "Print the manual page");
  command->callback([&app, &context, options] {
    context.action = [&app, &context, options] { return show_help(context, app, *options); };
  });
}

}  // namespace toast::admin
