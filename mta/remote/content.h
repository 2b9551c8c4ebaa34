// The text of one message on its way out: bytes in memory, then, for a large one, a blob of the
// queue, read from a descriptor that queued lent. Reads of the blob block, so a pool makes them.
#pragma once

#include <asio/thread_pool.hpp>
#include <memory>
#include <string>

#include "base/async.h"
#include "base/fd.h"
#include "base/result.h"
#include "mta/remote/data_encoder.h"

namespace toast::remote {

class Content {
 public:
  // `blob_bytes` are read from `blob`, which may be empty, behind `bytes`. The pool outlives it.
  Content(std::string bytes, Fd blob, std::uint64_t blob_bytes, asio::thread_pool& pool)
      : bytes_(std::move(bytes)),
        blob_(std::make_shared<Fd>(std::move(blob))),
        blob_bytes_(*blob_ ? blob_bytes : 0),
        pool_(pool) {}
  std::uint64_t size() const { return bytes_.size() + blob_bytes_; }
  // At most kContentBlock bytes from `offset`; empty at the end. Errors are transient.
  Task<Result<std::string>> read(std::uint64_t offset) const;
  // Reads all of it once.
  Task<Result<ContentFacts>> scan() const;

 private:
  std::string bytes_;
  std::shared_ptr<Fd> blob_;  // shared with reads under way
  std::uint64_t blob_bytes_;
  asio::thread_pool& pool_;
};

}  // namespace toast::remote
