#include "mta/queue/journal_store.h"

namespace toast::queue {
namespace {

class JournalBodyWriter final : public BodyWriter {
 public:
  explicit JournalBodyWriter(BlobWriter writer) : writer_(std::move(writer)) {}
  Result<void> append(std::string_view bytes) override { return writer_.append(bytes); }
  Result<std::uint64_t> finish() override { return writer_.finish(); }

 private:
  BlobWriter writer_;
};

}  // namespace

Result<std::unique_ptr<BodyWriter>> JournalStore::create_blob(MessageId id) {
  Result<BlobWriter> writer = journal_->create_blob(id);
  if (!writer) return pass(writer);
  return std::make_unique<JournalBodyWriter>(std::move(*writer));
}

Result<Fd> JournalStore::open_blob(MessageId id) const {
  return disk_.open_read_only(blob_name(id));
}

// A failure leaves an orphan behind, which the next start sweeps.
void JournalStore::discard_blob(MessageId id) { (void)disk_.unlink(blob_name(id)); }

}  // namespace toast::queue
