#include "admin-cli/context.h"

namespace toast::admin {
namespace {

constexpr std::size_t kMaxNamesInput = 64UL << 20U;  // a million addresses

Wanted<std::vector<std::string>> read_names(Context& context,
                                            const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const std::string& name : names) {
    if (name != "-") {
      all.push_back(name);
      continue;
    }
    Wanted<std::string> input = context.terminal.read_input(kMaxNamesInput);
    if (!input) return tl::unexpected(std::move(input.error()));
    std::string_view rest = *input;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!line.empty()) all.emplace_back(line);
    }
  }
  if (all.empty())
    return fail(Exit::usage, "no_names", "standard input names nothing", {},
                "give names as arguments, or one a line on standard input with -");
  return all;
}

}  // namespace

Outcome for_each_name(Context& context, const std::vector<std::string>& names,
                      const std::function<Outcome(const std::string&)>& work) {
  const Wanted<std::vector<std::string>> all = read_names(context, names);
  if (!all) return tl::unexpected(all.error());
  if (all->size() == 1) return work(all->front());
  Exit exit = Exit::done;
  std::size_t failures = 0;
  for (const std::string& name : *all) {
    Outcome outcome = work(name);
    if (outcome) {
      if (*outcome != Exit::done) exit = *outcome;
      continue;
    }
    ++failures;
    context.out.failed(outcome.error());
    // What hinders one hinders all: do not say it ten thousand times.
    const Exit why = outcome.error().exit;
    if (why == Exit::temporary || why == Exit::failure || why == Exit::usage) break;
  }
  if (failures > 0) return Exit::partial;
  return exit;
}

Outcome confirm_deletion(Context& context, const std::string& what, const std::string& name,
                         bool dangerous) {
  if (context.dry_run) return Exit::done;
  if (!context.confirm.empty()) {
    if (context.confirm == name) return Exit::done;
    return fail(Exit::usage, "wrong_confirmation",
                "--confirm names " + context.confirm + ", not " + name, name);
  }
  if (context.yes && !dangerous) return Exit::done;
  if (!context.terminal.is_interactive())
    return fail(Exit::usage, "confirmation_needed", "not deleted: nobody is there to ask", name,
                dangerous ? "add --confirm=" + name : "add --yes, or --confirm=" + name);
  const std::optional<std::string> typed =
      context.terminal.ask("Delete " + what + "? Type " + name + " to confirm: ");
  if (typed && *typed == name) return Exit::done;
  return fail(Exit::cancelled, "cancelled", "not deleted", name);
}

}  // namespace toast::admin
