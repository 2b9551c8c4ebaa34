// What the queue needs of its journal, as an interface: the journal in the program, a table in
// memory in tests. Everything here may block and belongs on a pool, except the last four.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "mta/message/message_id.h"
#include "mta/queue/journal/journal.h"
#include "mta/queue/journal/record.h"

namespace toast::queue {

// A large body on its way to a file of its own. Removed with the writer unless finish() succeeded.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  [[nodiscard]] virtual Result<void> append(std::string_view bytes) = 0;
  // Durable, and may be named by a record. Returns its size.
  [[nodiscard]] virtual Result<std::uint64_t> finish() = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  // Committer thread: all of it is durable on success, and the records are left as they were.
  // Permanent: one of them is wrong and none was written. Transient: the journal has failed.
  [[nodiscard]] virtual Result<void> commit(std::span<Record> batch) = 0;
  // Committer thread: one piece of housekeeping. True: there is more.
  virtual bool maintain() = 0;
  // Any thread.
  [[nodiscard]] virtual Result<StoredBody> read_body(MessageId id) const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<BodyWriter>> create_blob(MessageId id) = 0;
  // A finished blob that no record names: to show it to a filter, or to drop it after all.
  [[nodiscard]] virtual Result<Fd> open_blob(MessageId id) const = 0;
  virtual void discard_blob(MessageId id) = 0;

  virtual bool may_accept(std::uint64_t size_bytes) const = 0;
  virtual JournalStatus status() const = 0;
  virtual const std::string& queue_id() const = 0;  // 16 random bytes, made with the queue
  virtual std::size_t max_inline_body() const = 0;
};

}  // namespace toast::queue
