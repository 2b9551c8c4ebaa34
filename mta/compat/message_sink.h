// Where the programs of this folder put a message: into the queue of an instance
// (queue_sink.h) or, as every program of qmail does it, into the program that $QMAILQUEUE names
// (program_sink.h). First the content, then the envelope.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "mta/queue/local_messages.h"

namespace toast::compat {

// The exit codes of qmail-queue (8). 11 to 40 are permanent, all others temporary.
enum class QueueExit : unsigned char {
  queued = 0,
  address_too_long = 11,
  refused = 31,  // for good
  no_memory = 51,
  timeout = 52,
  write_error = 53,  // the disk is full
  read_error = 54,   // of descriptor 0 or 1; also an envelope without an end
  no_instance = 61,
  no_queue = 62,  // toastd is not running
  try_later = 71,
  bug = 81,
  bad_envelope = 91,
};
constexpr bool is_permanent(int code) { return code >= 11 && code <= 40; }

struct Refusal {
  int code = 0;      // of QueueExit, or what a $QMAILQUEUE program ended with
  std::string text;  // for people
};
inline tl::unexpected<Refusal> refuse(QueueExit code, std::string text) {
  return tl::unexpected(Refusal{static_cast<int>(code), std::move(text)});
}
template <class T>
using Taken = tl::expected<T, Refusal>;

// As qmail-queue is given it; queued parses it.
struct EnvelopeText {
  std::string sender;
  std::vector<queue::LocalRecipient> recipients;
  queue::DsnReturn ret = queue::DsnReturn::unset;
  std::string envid;
};

class MessageSink {
 public:
  virtual ~MessageSink() = default;
  // LF line ends.
  [[nodiscard]] virtual Taken<void> write(std::string_view bytes) = 0;
  // Success: the message is on stable storage; the value is what it is called there. A sink that
  // is destroyed before that has left nothing behind.
  [[nodiscard]] virtual Taken<std::string> finish(EnvelopeText envelope) = 0;
};

}  // namespace toast::compat
