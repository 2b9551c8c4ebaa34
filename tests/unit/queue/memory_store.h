// The journal's contract in memory: what commit() took is there for good, and a test may make it
// fail, run out of room, or wait.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>

#include "mta/queue/store.h"

namespace toast::queue {

class MemoryStore final : public Store {
 public:
  struct Message {
    MessageState state;
    std::string body;  // prefix not included
    bool is_blob = false;
  };

  Result<void> commit(std::span<Record> batch) override {
    std::unique_lock lock(mutex_);
    open_gate_.wait(lock, [this] { return !gate_closed_; });
    ++commits;
    if (failing) {
      failed_ = true;
      return transient("fdatasync: input/output error");
    }
    for (const Record& record : batch)
      if (Result<void> good = acceptable(record); !good) return good;
    for (const Record& record : batch) {
      if (cut_after >= 0 && cut_after-- == 0) {
        failing = failed_ = true;
        return transient("fdatasync: input/output error");
      }
      ++records;
      std::visit([this](const auto& r) { take(r); }, record);
    }
    return {};
  }
  bool maintain() override { return false; }
  Result<StoredBody> read_body(MessageId id) const override {
    const std::lock_guard lock(mutex_);
    ++reads;
    const auto found = live_.find(id);
    if (found == live_.end()) return permanent("no such live message");
    if (unreadable) return transient("read: input/output error");
    StoredBody body;
    body.prefix = found->second.state.prefix.value_or("");
    if (!found->second.is_blob) {
      body.bytes = found->second.body;
      return body;
    }
    body.blob = file_with(found->second.body);
    body.blob_bytes = found->second.body.size();
    return body;
  }
  Result<std::unique_ptr<BodyWriter>> create_blob(MessageId id) override {
    return std::make_unique<Writer>(*this, id);
  }
  Result<Fd> open_blob(MessageId id) const override {
    const std::lock_guard lock(mutex_);
    return file_with(blobs_.at(id));
  }
  void discard_blob(MessageId id) override {
    const std::lock_guard lock(mutex_);
    blobs_.erase(id);
  }
  bool may_accept(std::uint64_t) const override { return has_room; }
  JournalStatus status() const override {
    JournalStatus status;
    if (failed_) status.state = JournalState::failed;
    if (failed_) status.failure = "fdatasync: input/output error";
    status.free_bytes = 123456789;
    return status;
  }
  const std::string& queue_id() const override { return queue_id_; }
  std::size_t max_inline_body() const override { return 256 * 1024; }

  // For tests.
  std::vector<MessageState> live() const {
    const std::lock_guard lock(mutex_);
    std::vector<MessageState> states;
    for (const auto& [id, message] : live_) states.push_back(message.state);
    return states;
  }
  std::string content(MessageId id) const {
    const std::lock_guard lock(mutex_);
    const Message& message = live_.at(id);
    return message.state.prefix.value_or("") + message.body;
  }
  std::size_t blobs() const {
    const std::lock_guard lock(mutex_);
    return blobs_.size();
  }
  void close_gate() {
    const std::lock_guard lock(mutex_);
    gate_closed_ = true;
  }
  void open_gate() {
    const std::lock_guard lock(mutex_);
    gate_closed_ = false;
    open_gate_.notify_all();
  }

  std::atomic<bool> failing{false};
  // So many records more get to the disk, then it fails: a batch is cut anywhere. Negative: never.
  std::atomic<int> cut_after{-1};
  std::atomic<bool> has_room{true};
  std::atomic<bool> unreadable{false};
  std::atomic<int> commits{0};
  std::atomic<int> records{0};
  mutable std::atomic<int> reads{0};

 private:
  class Writer final : public BodyWriter {
   public:
    Writer(MemoryStore& store, MessageId id) : store_(store), id_(id) {}
    Result<void> append(std::string_view bytes) override {
      bytes_ += bytes;
      return {};
    }
    Result<std::uint64_t> finish() override {
      const std::lock_guard lock(store_.mutex_);
      store_.blobs_[id_] = bytes_;
      return bytes_.size();
    }

   private:
    MemoryStore& store_;
    MessageId id_;
    std::string bytes_;
  };

  static Fd file_with(const std::string& content) {
    char name[] = "/tmp/toast-queue-test-XXXXXX";
    Fd fd(::mkstemp(name));
    ::unlink(name);
    (void)write_all(fd, content, "blob");
    ::lseek(fd.get(), 0, SEEK_SET);
    return fd;
  }

  Result<void> acceptable(const Record& record) const {
    if (const auto* accepted = std::get_if<Accepted>(&record))
      if (live_.contains(accepted->id)) return permanent("that id is live");
    return {};
  }
  void take(const Accepted& r) { insert(r, nullptr); }
  void insert(const Accepted& r, const Message* parent) {
    Message message;
    message.state = state_of(r);
    if (const auto* body = std::get_if<InlineBody>(&r.body)) {
      message.body = body->bytes;
    } else if (std::holds_alternative<BlobBody>(r.body)) {
      message.body = blobs_.at(r.id);
      message.is_blob = true;
    } else {
      message.state.share_content(parent->state);
      message.body = parent->body;
    }
    message.state.size_bytes = message.state.prefix.value_or("").size() + message.body.size();
    live_[r.id] = std::move(message);
  }
  void take(const Finished& r) { live_.erase(r.id); }
  void take(const Compound& r) {
    const Message parent = live_.at(r.parent);
    for (const Outcome& outcome : r.outcomes) take(outcome);
    for (const Accepted& child : r.children) insert(child, &parent);
    if (r.finishes_parent) live_.erase(r.parent);
  }
  template <class R>
  void take(const R& r) {
    if (!apply(live_.at(r.id).state, r)) std::abort();
  }

  mutable std::mutex mutex_;
  std::condition_variable open_gate_;
  bool gate_closed_ = false;
  std::atomic<bool> failed_{false};
  std::map<MessageId, Message> live_;
  std::map<MessageId, std::string> blobs_;
  std::string queue_id_ = "0123456789abcdef";
};

}  // namespace toast::queue
