// One stored body and who needs it: the message it came with, and the children that refer to it.
#pragma once

#include <utility>

#include "mta/queue/journal/record_codec.h"
#include "mta/queue/journal/segment.h"

namespace toast::queue {

// 40 bytes: a queue holds one for each message. It does not move.
class Body {
 public:
  explicit Body(const BodyPlace& place) { set_place(place); }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  BodyPlace place() const;
  void set_place(const BodyPlace& place);
  bool is_blob() const { return is_blob_; }
  std::uint64_t size() const;
  Segment* segment() const { return segment_; }  // null: a blob, or not there (damaged)

 private:
  friend class BodyRef;
  friend void attach(Body& body, Segment& segment);
  friend void detach(Body& body);

  Segment* segment_ = nullptr;
  std::uint64_t file_ = 0;         // the frame's segment, or the blob's owner
  std::uint32_t block_ = 0;        // where the frame starts, or the low half of a blob's size
  std::uint32_t frame_bytes_ = 0;  //                           its high half
  std::uint32_t body_offset_ = 0;
  std::uint32_t body_bytes_ = 0;
  std::uint32_t slot_ = 0;  // segment_->bodies[slot_] == this
  bool is_blob_ : 1 = false;
  std::uint32_t users_ : 31 = 0;
};

// Those who need a body hold one of these: messages in the index, and those on their way there.
// Not for several threads: the committer's alone, as the index is.
class BodyRef {
 public:
  BodyRef() = default;
  explicit BodyRef(Body* body) : body_(body) { ++body_->users_; }
  static BodyRef make(const BodyPlace& place) { return BodyRef(new Body(place)); }
  BodyRef(const BodyRef& other) : body_(other.body_) {
    if (body_ != nullptr) ++body_->users_;
  }
  BodyRef(BodyRef&& other) noexcept : body_(std::exchange(other.body_, nullptr)) {}
  BodyRef& operator=(BodyRef other) noexcept {
    std::swap(body_, other.body_);
    return *this;
  }
  ~BodyRef() {
    if (body_ == nullptr) return;
    if (body_->users_ == 1)
      delete body_;
    else
      body_->users_ = body_->users_ - 1U;
  }

  explicit operator bool() const { return body_ != nullptr; }
  Body& operator*() const { return *body_; }
  Body* operator->() const { return body_; }
  Body* get() const { return body_; }
  bool is_shared() const { return body_->users_ > 1; }

 private:
  Body* body_ = nullptr;
};

// Enters and leaves the segment's list of live bodies.
void attach(Body& body, Segment& segment);
void detach(Body& body);

// The bytes at an inline place; checks the frame. Permanent: they are damaged.
[[nodiscard]] Result<std::string> read_place(SegmentFile& file, const InlinePlace& place);

}  // namespace toast::queue
