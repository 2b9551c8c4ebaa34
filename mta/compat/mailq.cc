// mailq: lists the queue.
#include <unistd.h>

#include "mta/compat/mailq_command.h"

int main(int argc, char** argv) {
  return toast::compat::run_mailq(toast::compat::read_invocation(argc, argv, environ));
}
