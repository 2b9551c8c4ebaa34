// toastctl import: what another mail server left.
#include <algorithm>

#include "admin-cli/context.h"
#include "admin-cli/take_over.h"
#include "mta/message/path.h"
#include "mta/queue/local_envelope.h"
#include "mta/queue/report.h"
#include "mta/takeover/derived_id.h"
#include "mta/takeover/qmail_queue.h"

namespace toast::admin {
namespace {

using queue::TakenRecipient;
using takeover::QmailMessage;
using takeover::QmailQueue;

// A longer list of recipients becomes several messages: what one record of the journal holds, with
// room for its other fields.
constexpr std::size_t kMaxPartBytes = 4 * 1024 * 1024;

struct ImportOptions {
  std::string directory;
  std::string state;
};

Result<std::string> sender_text(const std::string& raw, const std::string& default_host) {
  Result<queue::LocalSender> sender = queue::parse_local_sender(raw, default_host);
  if (!sender) return pass(sender, "sender");
  if (sender->double_bounce) return std::string(queue::kDoubleBounceSender);
  return path_text(sender->path) + (sender->verp ? std::string(queue::kVerpMark) : std::string());
}

Result<std::vector<TakenRecipient>> recipients_of(const QmailMessage& message,
                                                  const std::string& default_host) {
  std::vector<TakenRecipient> recipients;
  for (const std::string& raw : message.recipients) {
    Result<Address> address = queue::parse_local_recipient(raw, default_host);
    if (!address) return pass(address, "recipient");
    recipients.emplace_back(std::move(*address));
  }
  for (const takeover::QmailFailure& failure : message.failures) {
    Result<Address> address = queue::parse_local_recipient(failure.address, default_host);
    if (!address) return pass(address, "bounce");
    TakenRecipient& failed = recipients.emplace_back(std::move(*address));
    failed.progress.fate = queue::Fate::failed;
    failed.progress.text = failure.text.substr(0, queue::kMaxText);
  }
  return recipients;
}

// At most as many as fit, from the end of what is left.
std::vector<TakenRecipient> take_part(std::vector<TakenRecipient>& left) {
  std::vector<TakenRecipient> part;
  std::size_t bytes = 0;
  while (!left.empty() && part.size() < queue::kMaxRecipients && bytes < kMaxPartBytes) {
    bytes += left.back().address.str().size() + left.back().progress.text.size();
    part.push_back(std::move(left.back()));
    left.pop_back();
  }
  return part;
}

Wanted<void> import_message(TakeOverRun& run, QmailMessage message, const QmailQueue& from) {
  const std::string number = std::to_string(message.number);
  Result<std::string> sender = sender_text(message.sender, from.default_host());
  if (!sender) return run.leave(number, sender.error());
  Result<std::vector<TakenRecipient>> left = recipients_of(message, from.default_host());
  if (!left) return run.leave(number, left.error());
  std::ranges::reverse(*left);
  for (std::uint64_t part = 0; !left->empty(); ++part) {
    const std::string identity = message.identity + std::to_string(part);
    TakenMessage taken;
    taken.head.id = takeover::derived_id(identity, 0);
    taken.head.arrival_microseconds = message.born * 1'000'000;
    taken.head.reverse_path = *sender;
    taken.head.peer = "qmail queue, message " + number;
    taken.recipients = take_part(*left);
    Result<Fd> content = duplicate(message.content);
    if (!content) return run.leave(number, content.error());
    taken.file = std::move(*content);
    if (Wanted<void> done = run.take(number, number, identity, std::move(taken)); !done)
      return done;
  }
  return {};
}

Outcome import_qmail(Context& context, const ImportOptions& options) {
  const std::string& directory = options.directory;
  Result<QmailQueue> from = QmailQueue::open(directory);
  if (!from && from.error().failure == toast::Failure::permanent)
    return fail(Exit::invalid, "no_qmail_queue", from.error().detail, directory,
                "name the folder with mess/, info/ and lock/: /var/qmail/queue");
  if (!from && from.error().detail.find("is running") != std::string::npos)
    return fail(Exit::temporary, "qmail_send_running", from.error().detail, directory,
                "stop qmail first: it would go on delivering what is imported");
  if (!from) return fail(from.error(), directory);
  const std::string list =
      options.state.empty() ? directory + "/toastmaster-imported" : options.state;
  Wanted<TakeOverRun> run = TakeOverRun::start(context, "imported", list);
  if (!run) return tl::unexpected(run.error());
  for (const std::uint64_t number : from->numbers()) {
    Result<std::optional<QmailMessage>> message = from->read(number);
    if (!message) {
      run->leave(std::to_string(number), message.error());
    } else if (*message) {
      Wanted<void> done = import_message(*run, std::move(**message), *from);
      if (!done) return run->stop(directory, std::move(done.error()));
    }
  }
  return run->finish(directory);
}

}  // namespace

void add_import(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("import", "Take over what another mail server left");
  noun->require_subcommand(1);
  auto options = std::make_shared<ImportOptions>();
  CLI::App* verb =
      noun->add_subcommand("qmail-queue", "Move what waits in a stopped qmail queue into ours");
  verb->add_option("DIR", options->directory, "The folder queue/ of qmail")->required();
  verb->add_option("--state", options->state,
                   "Where to note what was imported (default: DIR/toastmaster-imported)")
      ->type_name("FILE");
  verb->footer(
      "Examples:\n  toastctl import qmail-queue /var/qmail/queue --dry-run\n"
      "  toastctl import qmail-queue /var/qmail/queue");
  verb->callback([&context, options] {
    context.action = [&context, options] { return import_qmail(context, *options); };
  });
}

}  // namespace toast::admin
