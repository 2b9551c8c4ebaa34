// toastctl queue evacuate: what waits in the queue of a node that will not come back.
#include <sys/stat.h>

#include <algorithm>

#include "admin-cli/queue_commands.h"
#include "admin-cli/take_over.h"
#include "mta/queue/journal/journal.h"
#include "mta/queue/journal/overlay_disk.h"

namespace toast::admin {
namespace {

using queue::Fate;
using queue::MessageState;
using queue::OverlayDisk;
using queue::Progress;
using queue::RecipientFacts;
using queue::TakenProgress;
using queue::TakenRecipient;

struct EvacuateOptions {
  std::string directory;
  std::string state;
};

TakenProgress taken(const Progress& progress) {
  return {progress.fate, progress.attempts, unix_microseconds(progress.next_attempt),
          progress.text};
}

bool is_done(const queue::Step& step) { return step.progress.fate != Fate::pending; }

// What the instructions of a frozen recipient add up to.
Progress sum_of(const RecipientFacts& recipient) {
  Progress sum;
  const queue::Step* failed = nullptr;
  bool pending = false;
  for (const queue::Step& step : recipient.steps) {
    if (step.progress.fate == Fate::failed && failed == nullptr) failed = &step;
    if (is_done(step)) continue;
    if (!pending || step.progress.next_attempt < sum.next_attempt)
      sum.next_attempt = step.progress.next_attempt;
    sum.attempts = std::max(sum.attempts, step.progress.attempts);
    if (!step.progress.text.empty()) sum.text = step.progress.text;
    pending = true;
  }
  if (pending) return sum;
  if (failed != nullptr) return failed->progress;
  sum.fate = Fate::delivered;
  return sum;
}

// Adds a recipient unless it has what was sent to it. Of one that nothing was delivered to yet the
// directory of the live node decides anew; one that has some of it keeps its instructions.
Result<void> add_recipient(TakenMessage& message, const queue::RecipientView& recipient,
                           const RecipientFacts& state) {
  const bool whole_ended = state.whole.fate != Fate::pending;
  const Progress progress = whole_ended || !state.frozen ? state.whole : sum_of(state);
  if (progress.fate == Fate::delivered) return {};
  Result<Address> address = Address::parse(recipient.address);
  if (!address) return pass(address, "recipient");
  TakenRecipient& added = message.recipients.emplace_back(std::move(*address));
  added.original = recipient.original;
  added.orcpt = recipient.orcpt;
  added.notify = recipient.notify;
  added.progress = taken(progress);
  if (progress.fate != Fate::pending || !std::ranges::any_of(state.steps, is_done)) return {};
  auto& steps = message.steps[static_cast<std::uint32_t>(message.recipients.size() - 1)];
  for (const queue::Step& step : state.steps)
    steps.push_back({step.instruction, taken(step.progress)});
  return {};
}

queue::TakeOver head_of(const MessageState& state) {
  const queue::PackedEnvelope& envelope = state.envelope;
  queue::TakeOver head;
  head.id = state.id;
  head.parent = state.parent;
  head.arrival_microseconds = unix_microseconds(state.arrival);
  head.origin = state.origin;
  head.reverse_path = envelope.reverse_path();
  head.eight_bit_mime = envelope.eight_bit_mime();
  head.smtputf8 = envelope.smtputf8();
  head.ret = envelope.ret();
  head.envid = envelope.envid();
  head.authenticated = envelope.authenticated();
  head.peer = envelope.peer();
  head.helo = envelope.helo();
  head.session = envelope.session();
  if (state.hold) head.hold = *state.hold;
  return head;
}

// No recipients: all is done.
Result<TakenMessage> message_of(const MessageState& state, const queue::Journal& journal) {
  TakenMessage message;
  message.head = head_of(state);
  for (std::uint32_t i = 0; i < state.recipients.size(); ++i)
    if (Result<void> added =
            add_recipient(message, state.envelope.recipient(i), *state.recipients[i]);
        !added)
      return pass(added);
  if (message.recipients.empty()) return message;
  Result<queue::StoredBody> body = journal.read_body(state.id);
  if (!body) return pass(body);
  message.text = std::move(body->prefix) + body->bytes;
  message.file = std::move(body->blob);
  return message;
}

// Root reads the disk of another machine as the user whose queue it is.
Wanted<void> become_owner(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0)
    return fail(Exit::not_found, "no_queue", "it cannot be looked at", directory);
  if (Result<void> done = become({status.st_uid, status.st_gid}); !done)
    return fail(done.error(), directory);
  return {};
}

Outcome evacuate(Context& context, const EvacuateOptions& options) {
  const std::string& directory = options.directory;
  Result<std::unique_ptr<OverlayDisk>> disk = OverlayDisk::open_directory(directory);
  if (!disk && disk.error().failure == toast::Failure::permanent)
    return fail(Exit::invalid, "no_queue", disk.error().detail, directory,
                "name the folder queue/ of an instance");
  if (!disk)
    return fail(Exit::temporary, "queue_in_use", disk.error().detail, directory,
                "only the queue of a node that is down can be evacuated");
  const std::string list = options.state.empty() ? directory + "/evacuated" : options.state;
  Wanted<TakeOverRun> run = TakeOverRun::start(context, "evacuated", list);
  if (!run) return tl::unexpected(run.error());
  if (Wanted<void> done = become_owner(directory); !done) return tl::unexpected(done.error());
  Result<queue::Journal::Opened> opened =
      queue::Journal::open(**disk, context.clock, context.random);
  if (!opened) return fail(opened.error(), directory);
  for (const std::string& damage : opened->report.damage) context.out.warn(damage);
  for (const MessageState& state : opened->live) {
    const std::string id = state.id.str();
    Result<TakenMessage> message = message_of(state, *opened->journal);
    if (!message) {
      run->leave(id, message.error());
    } else if (!message->recipients.empty()) {
      const std::string identity =
          opened->journal->queue_id() + id + std::to_string(unix_microseconds(state.arrival));
      Wanted<void> done =
          run->take(id, std::string(state.envelope.reverse_path()), identity, std::move(*message));
      if (!done) return run->stop(directory, std::move(done.error()));
    }
  }
  return run->finish(directory);
}

}  // namespace

void add_queue_evacuate(CLI::App& noun, Context& context) {
  auto options = std::make_shared<EvacuateOptions>();
  CLI::App* verb =
      noun.add_subcommand("evacuate", "Take over what waits in the queue of a dead node");
  verb->add_option("DIR", options->directory, "Its folder queue/, on a disk that is mounted here")
      ->required();
  verb->add_option("--state", options->state,
                   "Where to note what was taken over (default: DIR/evacuated)")
      ->type_name("FILE");
  verb->footer("Example:\n  toastctl queue evacuate /mnt/dead/queue");
  verb->callback([&context, options] {
    context.action = [&context, options] { return evacuate(context, *options); };
  });
}

}  // namespace toast::admin
