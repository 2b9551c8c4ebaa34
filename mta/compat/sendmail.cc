// sendmail: the options that programs give to it, for qmail-inject's work.
#include <unistd.h>

#include "mta/compat/inject_command.h"
#include "mta/compat/inject_environment.h"
#include "mta/compat/mailq_command.h"
#include "mta/smtp/dsn.h"

namespace {

using namespace toast;
using namespace toast::compat;

struct Wanted {
  bool recipients_from_header = false;  // -t
  std::optional<std::string> sender;    // -f
  char mode = 'm';                      // -b
  InjectCommand command;
  std::vector<std::string> arguments;
};

bool read_dsn(char option, const std::string& value, InjectCommand& command) {
  if (option == 'V') {
    command.envid = value;
    return value.size() <= smtp::kMaxEnvid;
  }
  if (option == 'R') {
    if (value == "full" || value == "FULL") command.ret = queue::DsnReturn::full;
    if (value == "hdrs" || value == "HDRS") command.ret = queue::DsnReturn::headers;
    return command.ret != queue::DsnReturn::unset;
  }
  const std::optional<std::uint8_t> notify = smtp::parse_notify(value);
  command.notify = notify.value_or(0);
  return notify.has_value();
}

// What cannot be done is refused; what makes no difference here is taken and ignored.
std::optional<Wanted> read_options(Invocation& program) {
  constexpr std::string_view kIgnored = "vimxnGUeopBdCEJhLA";
  Wanted wanted;
  OptionReader reader(program.arguments, "fFrbNRVeopBCLhA", "EJd");
  while (const char option = reader.next()) {
    if (option == 't') {
      wanted.recipients_from_header = true;
    } else if (option == 'f' || option == 'r') {
      wanted.sender = reader.value();
    } else if (option == 'F') {
      for (const char* name : {"QMAILNAME", "NAME"}) program.environment.erase(name);
      program.environment.set("MAILNAME", reader.value());
    } else if (option == 'b') {
      if (reader.value().size() != 1) return std::nullopt;
      wanted.mode = reader.value().front();
    } else if (option == 'N' || option == 'R' || option == 'V') {
      if (!read_dsn(option, reader.value(), wanted.command)) return std::nullopt;
    } else if (kIgnored.find(option) == std::string_view::npos) {
      return std::nullopt;
    }
  }
  wanted.arguments = reader.rest();
  return wanted;
}

// -f names the author as well, so that From is not the user who runs a web server (netqmail).
void set_author(const std::string& sender, Environment& environment) {
  for (const char* name :
       {"QMAILNAME", "MAILNAME", "NAME", "QMAILHOST", "MAILHOST", "QMAILSUSER", "QMAILSHOST"})
    environment.erase(name);
  const std::size_t at = sender.rfind('@');
  environment.set("QMAILUSER", sender.substr(0, at));
  if (at != std::string::npos) environment.set("QMAILHOST", sender.substr(at + 1));
}

int inject_message(Invocation& program, Wanted& wanted) {
  using From = InjectOptions::Recipients;
  const std::string name = program.environment.get("MAILNAME");
  if (wanted.sender && !wanted.sender->empty() && *wanted.sender != "<>") {
    set_author(*wanted.sender, program.environment);
    program.environment.set("MAILNAME", name);
  }
  const SystemClock clock;
  Result<InjectOptions> options = read_inject_options(program, clock);
  if (!options) return complain(program, options.error().detail, kExitTemporary);
  wanted.command.options = std::move(*options);
  wanted.command.options.sender = std::move(wanted.sender);
  wanted.command.options.arguments = std::move(wanted.arguments);
  wanted.command.options.recipients_from =
      wanted.recipients_from_header ? From::both : From::arguments;
  return run_inject(program, wanted.command);
}

}  // namespace

int main(int argc, char** argv) {
  Invocation program = read_invocation(argc, argv, environ);
  if (program.name == "mailq") return run_mailq(program);
  if (program.name == "newaliases")
    return complain(program, "aliases are in the directory: toastctl alias", kExitPermanent);
  std::optional<Wanted> wanted = read_options(program);
  if (!wanted)
    return complain(program, "usage: sendmail [-t] [-f SENDER] [-F NAME] [-bm] [RECIPIENT...]",
                    kExitPermanent);
  switch (wanted->mode) {
    case 'm':
      return inject_message(program, *wanted);
    case 'p':
      return run_mailq(program);
    case 's':
      return complain(program, "-bs: speak SMTP to port 25 of this host instead", kExitPermanent);
    default:
      return complain(program, std::string("-b") + wanted->mode + " is not supported",
                      kExitPermanent);
  }
}
