// qmail-queue: a message on descriptor 0, its envelope on 1, the answer as an exit code
// (qmail-queue (8)). Needs no rights: whose message it is the kernel tells queued.
#include <unistd.h>

#include <csignal>

#include "mta/compat/envelope.h"
#include "mta/compat/program.h"
#include "mta/compat/queue_sink.h"

namespace {

using namespace toast;
using namespace toast::compat;

constexpr unsigned kDay = 86400;  // qmail-queue's own limit on a whole message

void timed_out(int) { ::_exit(static_cast<int>(QueueExit::timeout)); }

Taken<void> copy_content(MessageSink& sink) {
  while (true) {
    Result<std::string> block = read_block(STDIN_FILENO);
    if (!block) return refuse(QueueExit::read_error, block.error().detail);
    if (block->empty()) return {};
    if (Taken<void> written = sink.write(*block); !written) return written;
  }
}

Taken<EnvelopeText> read_envelope() {
  EnvelopeReader reader;
  while (!reader.is_complete()) {
    Result<std::string> block = read_block(STDOUT_FILENO);
    if (!block) return refuse(QueueExit::read_error, block.error().detail);
    if (block->empty())
      return refuse(QueueExit::read_error, "the envelope on descriptor 1 has no end");
    if (Taken<void> understood = reader.feed(*block); !understood)
      return tl::unexpected(std::move(understood.error()));
  }
  return reader.take();
}

Taken<std::string> queue_message(const std::string& root) {
  Taken<std::unique_ptr<QueueSink>> sink = QueueSink::connect(root);
  if (!sink) return tl::unexpected(std::move(sink.error()));
  if (Taken<void> copied = copy_content(**sink); !copied)
    return tl::unexpected(std::move(copied.error()));
  Taken<EnvelopeText> envelope = read_envelope();
  if (!envelope) return tl::unexpected(std::move(envelope.error()));
  return (*sink)->finish(std::move(*envelope));
}

}  // namespace

int main(int argc, char** argv) {
  const Invocation program = read_invocation(argc, argv, environ);
  std::signal(SIGALRM, timed_out);
  ::alarm(kDay);
  Taken<std::string> queued = queue_message(program.root);
  if (queued) return static_cast<int>(QueueExit::queued);
  return complain(program, queued.error().text, queued.error().code);
}
