// qmail-inject [-nNaAhH] [-fSENDER] [RECIPIENT...]: completes a message's header and queues it.
#include <unistd.h>

#include "mta/compat/inject_command.h"
#include "mta/compat/inject_environment.h"

namespace {

using namespace toast;
using namespace toast::compat;
using From = InjectOptions::Recipients;

// False: no such option.
bool read_options(const Invocation& program, InjectCommand& command) {
  OptionReader reader(program.arguments, "f");
  while (const char option = reader.next()) {
    if (option == 'a') {
      command.options.recipients_from = From::arguments;
    } else if (option == 'A') {
      command.options.recipients_from = From::arguments_or_header;
    } else if (option == 'h') {
      command.options.recipients_from = From::header;
    } else if (option == 'H') {
      command.options.recipients_from = From::both;
    } else if (option == 'n' || option == 'N') {
      command.print = option == 'n';
    } else if (option == 'f') {
      command.options.sender = reader.value();
    } else {
      return false;
    }
  }
  command.options.arguments = reader.rest();
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const Invocation program = read_invocation(argc, argv, environ);
  const SystemClock clock;
  Result<InjectOptions> options = read_inject_options(program, clock);
  if (!options) return complain(program, options.error().detail, kExitTemporary);
  InjectCommand command;
  command.options = std::move(*options);
  if (!read_options(program, command))
    return complain(program, "usage: qmail-inject [-nNaAhH] [-fSENDER] [RECIPIENT...]",
                    kExitPermanent);
  return run_inject(program, command);
}
