#include "mta/queue/journal/blob.h"

#include <cstdio>
#include <utility>

namespace toast::queue {

std::string blob_name(MessageId id) { return "blob." + id.str(); }

Result<BlobWriter> BlobWriter::create(Disk& disk, MessageId id) {
  Result<std::unique_ptr<DiskFile>> file = disk.create(blob_name(id));
  if (!file) return pass(file);
  return BlobWriter(disk, id, std::move(*file));
}

BlobWriter::BlobWriter(Disk& disk, MessageId id, std::unique_ptr<DiskFile> file)
    : disk_(&disk), id_(id), file_(std::move(file)) {}

BlobWriter::BlobWriter(BlobWriter&& other) noexcept
    : disk_(other.disk_), id_(other.id_), file_(std::move(other.file_)), size_(other.size_) {}

BlobWriter::~BlobWriter() {
  if (file_) (void)disk_->unlink(blob_name(id_));  // what stays is an orphan, swept at open
}

Result<void> BlobWriter::append(std::string_view bytes) {
  if (auto done = write_all(*file_, size_, bytes); !done) return done;
  size_ += bytes.size();
  return {};
}

Result<std::uint64_t> BlobWriter::finish() {
  if (auto done = file_->sync_data(); !done) return pass(done);
  if (auto done = disk_->sync_directory(); !done) return pass(done);
  file_.reset();
  return size_;
}

}  // namespace toast::queue
