// The journal as the queue's store.
#pragma once

#include "mta/queue/store.h"

namespace toast::queue {

class JournalStore final : public Store {
 public:
  JournalStore(Disk& disk, std::unique_ptr<Journal> journal, std::size_t max_inline_body)
      : disk_(disk), journal_(std::move(journal)), max_inline_body_(max_inline_body) {}

  Result<void> commit(std::span<Record> batch) override { return journal_->commit(batch); }
  bool maintain() override { return journal_->maintain(); }
  Result<StoredBody> read_body(MessageId id) const override { return journal_->read_body(id); }
  Result<std::unique_ptr<BodyWriter>> create_blob(MessageId id) override;
  Result<Fd> open_blob(MessageId id) const override;
  void discard_blob(MessageId id) override;
  bool may_accept(std::uint64_t size_bytes) const override {
    return journal_->may_accept(size_bytes);
  }
  JournalStatus status() const override { return journal_->status(); }
  const std::string& queue_id() const override { return journal_->queue_id(); }
  std::size_t max_inline_body() const override { return max_inline_body_; }

 private:
  Disk& disk_;
  std::unique_ptr<Journal> journal_;
  std::size_t max_inline_body_;
};

}  // namespace toast::queue
