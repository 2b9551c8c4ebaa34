#include "admin-cli/cli.h"

#include <algorithm>

#include "admin-cli/suggestion.h"

namespace toast::admin {
namespace {

void add_global_options(CLI::App& app, Context& context) {
  app.add_option("--root", context.root, "The instance (environment: TOAST_ROOT)")
      ->type_name("DIR");
  app.add_flag("--json", context.json, "JSON instead of tables");
  app.add_flag("-q,--quiet", context.quiet, "Say nothing on success");
  app.add_flag("-n,--dry-run", context.dry_run,
               "Check everything, change nothing; exit 9 if something would change");
  app.add_flag("-y,--yes", context.yes, "Do not ask before deleting");
  app.add_option("--confirm", context.confirm, "Delete without asking, if this is its name")
      ->type_name("NAME");
  app.set_version_flag("-V,--version", "toastctl " TOAST_VERSION, "Print the version");
  app.set_help_flag("-h,--help", "Show help, also on each command");
}

std::vector<std::string> names_of_subcommands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(below->get_name());
  return names;
}

std::vector<std::string> names_of_options(const CLI::App* app) {
  std::vector<std::string> names;
  for (; app != nullptr; app = app->get_parent())
    for (const CLI::Option* option : app->get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

const CLI::Option* find_option(const CLI::App* app, const std::string& word) {
  for (; app != nullptr; app = app->get_parent())
    if (const CLI::Option* option = app->get_option_no_throw(word)) return option;
  return nullptr;
}

struct Misuse {
  std::string message;  // empty: CLI11's own says it best
  std::string hint;
};

// Follows the words down the tree to the first that is not understood, for a hint that fits.
Misuse explain_misuse(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* at = &app;
  std::string path = "toastctl";
  Misuse misuse;
  for (std::size_t i = 0; i < words.size() && misuse.message.empty(); ++i) {
    const std::string word = words[i].substr(0, words[i].find('='));
    const std::vector<std::string> names = names_of_subcommands(*at);
    if (word.starts_with("-") && word != "-") {
      const CLI::Option* option = find_option(at, word);
      const bool takes_next =
          option != nullptr && option->get_expected_min() > 0 && word.size() == words[i].size();
      if (takes_next) ++i;
      if (option != nullptr) continue;
      misuse = {"unknown option " + word, did_you_mean(word, names_of_options(at))};
    } else if (std::find(names.begin(), names.end(), word) != names.end()) {
      at = at->get_subcommand(word);
      path += " " + word;
    } else if (!names.empty()) {
      misuse = {"unknown command " + word, did_you_mean(word, names)};
    }
  }
  if (!misuse.hint.empty()) return misuse;
  const std::vector<std::string> names = names_of_subcommands(*at);
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  misuse.hint =
      names.empty() ? path + " --help shows how it is used" : path + " takes one of: " + list;
  return misuse;
}

int usage_failure(Context& context, const CLI::App& app, const std::vector<std::string>& words,
                  const std::string& message) {
  context.out.set_json(context.json ||
                       std::find(words.begin(), words.end(), "--json") != words.end());
  Misuse misuse = explain_misuse(app, words);
  if (misuse.message.empty()) misuse.message = message.substr(0, message.find('\n'));
  context.out.failed({Exit::usage, "usage", misuse.message, {}, misuse.hint});
  return static_cast<int>(Exit::usage);
}

int act(Context& context) {
  context.out.set_json(context.json);
  context.out.set_quiet(context.quiet);
  Outcome outcome = context.action();
  context.out.finish();
  if (outcome) return static_cast<int>(*outcome);
  context.out.failed(outcome.error());
  return static_cast<int>(outcome.error().exit);
}

}  // namespace

int run_toastctl(const std::vector<std::string>& words, std::FILE* out, std::FILE* err,
                 Terminal& terminal, const Clock& clock, Random& random, vdomain::Actor actor,
                 const std::string& default_root) {
  Output output(out, err);
  Context context(output, terminal, clock, random);
  context.root = default_root;
  context.actor = std::move(actor);
  CLI::App app{
      "Administers a Toastmaster mail server: domains, mailboxes, aliases, settings, queue.",
      "toastctl"};
  app.require_subcommand(1);
  app.fallthrough();
  add_global_options(app, context);
  for (const auto add :
       {add_init,   add_domain,   add_owner,     add_mailbox, add_account, add_auth,  add_quota,
        add_alias,  add_vacation, add_resolve,   add_trace,   add_queue,   add_pause, add_import,
        add_config, add_schema,   add_directory, add_tls,     add_status,  add_help})
    add(app, context);
  app.footer(
      "Examples:\n"
      "  toastctl domain add example.org\n"
      "  toastctl mailbox add ann@example.org --quota 1G\n"
      "  toastctl status\n"
      "toastctl NOUN VERB --help shows more; toastctl help --man prints the manual page.");
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants it
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), out);
    return 0;
  } catch (const CLI::CallForVersion&) {
    std::fputs("toastctl " TOAST_VERSION "\n", out);
    return 0;
  } catch (const CLI::ParseError& error) {
    return usage_failure(context, app, words, error.what());
  }
  return act(context);
}

}  // namespace toast::admin
