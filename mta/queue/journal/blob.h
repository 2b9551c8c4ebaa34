// Bodies too large for the journal: one file each, `blob.ID`, written by the queue alone and never
// changed once a record names it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mta/message/message_id.h"
#include "mta/queue/journal/disk.h"

namespace toast::queue {

std::string blob_name(MessageId id);

// Streams one body. Any thread, one at a time. Unless finish() succeeded the file is removed with
// the writer.
class BlobWriter {
 public:
  [[nodiscard]] static Result<BlobWriter> create(Disk& disk, MessageId id);
  BlobWriter(BlobWriter&& other) noexcept;
  BlobWriter& operator=(BlobWriter&& other) = delete;
  ~BlobWriter();

  [[nodiscard]] Result<void> append(std::string_view bytes);
  std::uint64_t size() const { return size_; }
  // write -> fdatasync -> sync directory. Returns the size to put into BlobBody; only now may a
  // record name the blob.
  [[nodiscard]] Result<std::uint64_t> finish();

 private:
  BlobWriter(Disk& disk, MessageId id, std::unique_ptr<DiskFile> file);
  Disk* disk_;
  MessageId id_;
  std::unique_ptr<DiskFile> file_;
  std::uint64_t size_ = 0;
};

}  // namespace toast::queue
