// What every command has at hand: the global options, the instance, the terminal, the output.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "admin-cli/failure.h"
#include "admin-cli/instance.h"
#include "admin-cli/output.h"
#include "admin-cli/terminal.h"
#include "base/clock.h"
#include "base/random.h"
#include "vdomain/model.h"

namespace toast::admin {

struct Context {
  Context(Output& output, Terminal& person, const Clock& time, Random& chance)
      : out(output), terminal(person), clock(time), random(chance) {}

  Output& out;
  Terminal& terminal;
  const Clock& clock;
  Random& random;

  // Global options.
  std::string root;
  bool json = false;
  bool quiet = false;
  bool dry_run = false;
  bool yes = false;
  std::string confirm;

  vdomain::Actor actor;             // who calls, for the audit
  std::function<Outcome()> action;  // what the command line asked for

  Wanted<Instance> instance() const { return Instance::open(root); }
  // "added", or with --dry-run "would be added".
  std::string verb(std::string_view done) const {
    return (dry_run ? "would be " : "") + std::string(done);
  }
};

// Before something is destroyed: --yes, --confirm=NAME, or the person types the name. `dangerous`
// takes the name in any case, --yes alone does not do.
Outcome confirm_deletion(Context& context, const std::string& what, const std::string& name,
                         bool dangerous);

// Adds the command's options to the tree; parsing it sets context.action.
void add_init(CLI::App& app, Context& context);
void add_domain(CLI::App& app, Context& context);
void add_owner(CLI::App& app, Context& context);
void add_vacation(CLI::App& app, Context& context);
void add_quota(CLI::App& app, Context& context);
void add_mailbox(CLI::App& app, Context& context);
void add_account(CLI::App& app, Context& context);
void add_auth(CLI::App& app, Context& context);
void add_alias(CLI::App& app, Context& context);
void add_queue(CLI::App& app, Context& context);
void add_import(CLI::App& app, Context& context);
void add_pause(CLI::App& app, Context& context);
void add_resolve(CLI::App& app, Context& context);
void add_trace(CLI::App& app, Context& context);
void add_config(CLI::App& app, Context& context);
void add_schema(CLI::App& app, Context& context);
void add_directory(CLI::App& app, Context& context);
void add_tls(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_help(CLI::App& app, Context& context);

// `work` for every name; "-" stands for the lines of standard input. All are tried: the exit is
// that of the one name, or `partial` when some of several failed and all failures were printed.
Outcome for_each_name(Context& context, const std::vector<std::string>& names,
                      const std::function<Outcome(const std::string&)>& work);

}  // namespace toast::admin
