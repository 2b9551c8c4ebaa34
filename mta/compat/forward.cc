// forward ADDRESS...: sends the message on standard input on, from a dot-qmail line. DTLINE goes in
// front of it, NEWSENDER is its sender (else SENDER).
#include <unistd.h>

#include <cstdio>

#include "mta/compat/program.h"

namespace {

using namespace toast;
using namespace toast::compat;

Taken<std::string> forward(const Invocation& program, EnvelopeText envelope,
                           const std::string& delivered_to) {
  Taken<std::unique_ptr<MessageSink>> sink = open_sink(program);
  if (!sink) return tl::unexpected(std::move(sink.error()));
  std::string block = delivered_to;
  do {
    if (Taken<void> written = (*sink)->write(block); !written)
      return tl::unexpected(std::move(written.error()));
    Result<std::string> next = read_block(STDIN_FILENO);
    if (!next) return refuse(QueueExit::read_error, next.error().detail);
    block = std::move(*next);
  } while (!block.empty());
  return (*sink)->finish(std::move(envelope));
}

}  // namespace

int main(int argc, char** argv) {
  const Invocation program = read_invocation(argc, argv, environ);
  const Environment& env = program.environment;
  std::string delivered_to = env.get("DTLINE");
  if (delivered_to.empty()) return complain(program, "DTLINE is not set", kExitPermanent);
  if (!delivered_to.ends_with('\n')) delivered_to += '\n';
  EnvelopeText envelope;
  envelope.sender = env.first_of({"NEWSENDER", "SENDER"});
  for (const std::string& recipient : program.arguments)
    envelope.recipients.push_back({recipient, 0, {}});
  if (envelope.recipients.empty())
    return complain(program, "usage: forward ADDRESS...", kExitPermanent);
  Taken<std::string> queued = forward(program, std::move(envelope), delivered_to);
  if (!queued) return complain(program, queued.error());
  std::printf("forward: qp %s\n", queued->c_str());
  return kExitDone;
}
