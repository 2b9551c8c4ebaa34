// toastctl resolve: what would happen to mail for an address, and why; the resolver of RCPT and of
// delivery itself.
#include "admin-cli/arguments.h"
#include "admin-cli/stores.h"
#include "base/settings_registry.h"
#include "vdomain/resolver.h"
#include "vdomain/store_view.h"

namespace toast::admin {
namespace {

using vdomain::Resolution;

std::string_view status_name(Resolution::Status status) {
  switch (status) {
    case Resolution::Status::resolved:
      return "resolved";
    case Resolution::Status::unknown:
      return "unknown";
    case Resolution::Status::not_local:
      return "not_local";
  }
  return "unknown";
}

void print(Context& context, const Address& address, const Resolution& resolution,
           const vdomain::Trace& trace) {
  std::vector<Value> instructions;
  instructions.reserve(resolution.instructions.size());
  for (const vdomain::Instruction& instruction : resolution.instructions)
    instructions.emplace_back(vdomain::describe(instruction));
  if (context.json) {
    const std::vector<Value> steps(trace.steps.begin(), trace.steps.end());
    context.out.show(Record{{"address", address.str()},
                            {"status", status_name(resolution.status)},
                            {"instructions", std::move(instructions)},
                            {"explanation", steps}});
    return;
  }
  for (const std::string& step : trace.steps) context.out.line("  " + printable(step));
  for (const Value& instruction : instructions)
    context.out.line("-> " + printable(instruction.text()));
}

Outcome resolve_address(Context& context, const std::string& text) {
  const Wanted<Address> address = parse_address(text);
  if (!address) return tl::unexpected(address.error());
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const Wanted<Settings> settings = instance->settings();
  if (!settings) return tl::unexpected(settings.error());
  vdomain::ResolverOptions options;
  options.mail_root = instance->path("mail");
  if (const Result<Domain> host = Domain::parse(settings->get(setting::me))) options.host = *host;
  Wanted<Directory> directory = Directory::open(*instance, context);
  if (!directory) return tl::unexpected(directory.error());
  const vdomain::DotQmailFiles files(instance->path("mail"));
  vdomain::StoreView view((*directory)->store(), files);
  vdomain::Trace trace;
  const Result<Resolution> resolution = vdomain::resolve(*address, view, options, &trace);
  if (!resolution) return fail(resolution.error(), address->str());
  print(context, *address, *resolution, trace);
  if (resolution->status == Resolution::Status::resolved) return Exit::done;
  if (resolution->status == Resolution::Status::not_local)
    return fail(Exit::not_found, "not_local",
                address->domain().str() + " is not a domain of this server", address->str(),
                "its mail is refused at RCPT; toastctl domain add makes it one");
  Failure failure = not_found(*directory, "mailbox", address->str()).value();
  failure.code = "unknown_address";
  failure.message = "nobody here has the address " + address->str();
  return tl::unexpected(std::move(failure));
}

}  // namespace

void add_resolve(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("resolve", "Say what would happen to mail for an address, and why");
  auto address = std::make_shared<std::string>();
  command->add_option("ADDRESS", *address)->required();
  command->footer("Example:\n  toastctl resolve sales@example.org");
  command->callback([&context, address] {
    context.action = [&context, address] { return resolve_address(context, *address); };
  });
}

}  // namespace toast::admin
