// A message's envelope: as it is made, and as it is kept. Kept, it is one block of memory shared by
// everybody who knows the message: a queue may hold millions of them, and most of an envelope is
// looked at when the message is attempted, shown or reported, and not before.
// Addresses are strings here: they were parsed into types at the border.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mta/smtp/dsn.h"

namespace toast::queue {

using smtp::DsnReturn;
using smtp::kNotifyDelay;
using smtp::kNotifyFailure;
using smtp::kNotifyNever;
using smtp::kNotifySuccess;

struct Recipient {
  std::string address;   // where the message goes
  std::string original;  // as it was before any rewriting; empty: as `address`. Bounces show it
  std::string orcpt;     // ORCPT as the client gave it; empty: none
  std::uint8_t notify = 0;
  friend bool operator==(const Recipient&, const Recipient&) = default;
};

struct Envelope {
  std::string reverse_path;           // empty: the null sender, which is never bounced again
  std::vector<Recipient> recipients;  // at least one
  bool eight_bit_mime = false;        // BODY=8BITMIME
  bool smtputf8 = false;
  bool verp = false;  // the reverse path is rewritten per recipient at delivery
  DsnReturn ret = DsnReturn::unset;
  std::string envid;
  std::string authenticated;  // the login; empty for a stranger
  std::string peer;           // address text; "uid 1000" for local injection
  std::string helo;
  std::string session;  // as in the log
  friend bool operator==(const Envelope&, const Envelope&) = default;
};

// A recipient of a kept envelope: views, good as long as some copy of the envelope is.
struct RecipientView {
  std::string_view address;
  std::string_view original;
  std::string_view orcpt;
  std::uint8_t notify = 0;
};

// An envelope that does not change any more. Copies share one block, from any thread. A recipient
// takes its texts and 8 bytes more, an envelope some 30.
class PackedEnvelope {
 public:
  class Packer;
  PackedEnvelope() = default;  // none
  PackedEnvelope(const Envelope& envelope);
  PackedEnvelope(const PackedEnvelope& other) : block_(other.block_) {
    if (block_ != nullptr) block_->users.fetch_add(1, std::memory_order_relaxed);
  }
  PackedEnvelope(PackedEnvelope&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  PackedEnvelope& operator=(PackedEnvelope other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~PackedEnvelope() { release(); }
  explicit operator bool() const { return block_ != nullptr; }

  std::string_view reverse_path() const;
  std::uint32_t recipients() const { return block_->recipients; }
  RecipientView recipient(std::uint32_t index) const;
  bool eight_bit_mime() const { return block_->eight_bit_mime; }
  bool smtputf8() const { return block_->smtputf8; }
  bool verp() const { return block_->verp; }
  DsnReturn ret() const { return block_->ret; }
  std::string_view envid() const { return trace_text(0); }
  std::string_view authenticated() const { return trace_text(1); }
  std::string_view peer() const { return trace_text(2); }
  std::string_view helo() const { return trace_text(3); }
  std::string_view session() const { return trace_text(4); }

  std::size_t text_bytes() const { return block_->text_bytes; }
  Envelope unpack() const;
  friend bool operator==(const PackedEnvelope& a, const PackedEnvelope& b) {
    return a.block_ == b.block_ || (a && b && a.unpack() == b.unpack());
  }

 private:
  // Behind it: with several recipients the places of each and of what follows them; then the text:
  // the reverse path, the recipients, the five texts of RFC 3461 and of the trace.
  struct Block {
    std::atomic<std::uint32_t> users{1};
    std::uint32_t text_bytes = 0;
    std::uint32_t recipients = 0;
    DsnReturn ret = DsnReturn::unset;
    bool eight_bit_mime : 1 = false;
    bool smtputf8 : 1 = false;
    bool verp : 1 = false;
  };
  static std::size_t places(std::uint32_t recipients) {
    return recipients > 1 ? recipients + 1 : 0;
  }
  const char* place_table() const { return reinterpret_cast<const char*>(block_ + 1); }
  std::string_view text() const;
  std::string_view text_of_recipients_from(std::uint32_t index) const;
  std::string_view trace_text(unsigned number) const;
  void release();

  Block* block_ = nullptr;
};

// Makes one, field by field in the order of Envelope.
class PackedEnvelope::Packer {
 public:
  void reverse_path(std::string_view path) { add(path); }
  void recipient(const RecipientView& recipient);
  void properties(bool eight_bit_mime, bool smtputf8, bool verp, DsnReturn ret);
  // envid, authenticated, peer, helo, session: all five, after the recipients.
  void trace_text(std::string_view text);
  PackedEnvelope finish();

 private:
  void add(std::string_view text);

  std::string text_;
  std::vector<std::uint32_t> places_;
  bool eight_bit_mime_ = false, smtputf8_ = false, verp_ = false, in_trace_ = false;
  DsnReturn ret_ = DsnReturn::unset;
};

}  // namespace toast::queue
