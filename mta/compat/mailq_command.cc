#include "mta/compat/mailq_command.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>

#include "base/ipc_client.h"
#include "mta/message/date.h"
#include "mta/queue/admin_messages.h"

namespace toast::compat {
namespace {

constexpr std::chrono::seconds kPatience{10};

int print(const queue::MessageSummary& message) {
  const WallTime arrival{std::chrono::seconds{message.arrival_seconds}};
  std::string text = format_qmail_date(arrival) + "  #" + message.id.str() + "  " +
                     std::to_string(message.size_bytes) + "  <" + path_text(message.reverse_path) +
                     ">\n";
  for (const Address& recipient : message.open_recipients) text += "\t" + recipient.str() + "\n";
  const std::size_t open = message.waiting + message.deferred;
  if (open > message.open_recipients.size())
    text += "\tand " + std::to_string(open - message.open_recipients.size()) + " more\n";
  if (!message.hold.empty()) text += "\theld: " + message.hold + "\n";
  if (!message.last_error.empty()) text += "\t(" + message.last_error + ")\n";
  return std::fputs(text.c_str(), stdout);
}

}  // namespace

int run_mailq(const Invocation& program) {
  const std::string not_you =
      "only root and the owner of " + program.root + " may look at the queue";
  tl::expected<Fd, int> socket =
      ipc::connect_to(program.root + "/run/" + std::string(queue::kAdminSocket));
  if (!socket && (socket.error() == EACCES || socket.error() == EPERM))
    return complain(program, not_you, kExitPermanent);
  if (!socket)
    return complain(program,
                    "the mail server at " + program.root +
                        " is not running: " + std::generic_category().message(socket.error()),
                    kExitTemporary);
  ipc::BlockingClient queued(std::move(*socket), "toast-queued");
  queue::QueueList question;
  while (true) {
    Result<queue::QueueList::Reply> page = queued.call(question, kPatience);
    if (!page && !queued.is_open()) return complain(program, not_you, kExitPermanent);
    if (!page) return complain(program, page.error().detail, kExitTemporary);
    for (const queue::MessageSummary& message : page->messages)
      if (print(message) < 0) return kExitTemporary;
    if (!page->more || page->messages.empty()) return kExitDone;
    question.after = page->messages.back().id;
  }
}

}  // namespace toast::compat
