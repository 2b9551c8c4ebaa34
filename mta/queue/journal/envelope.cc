#include "mta/queue/journal/envelope.h"

#include <cstring>
#include <memory>
#include <new>

namespace toast::queue {
namespace {

// A length: seven bits a byte, lowest first, the top bit says that more follow.
constexpr unsigned kLengthBits = 7;
constexpr std::uint32_t kMore = 1U << kLengthBits;

void put_length(std::string& out, std::uint32_t length) {
  for (; length >= kMore; length >>= kLengthBits) out.push_back(static_cast<char>(length | kMore));
  out.push_back(static_cast<char>(length));
}

// Takes a counted text off the front of `in`, which a Packer wrote.
std::string_view take_text(std::string_view& in) {
  std::uint32_t length = 0;
  std::size_t used = 0;
  for (unsigned shift = 0;; shift += kLengthBits) {
    const auto byte = static_cast<unsigned char>(in[used++]);
    length |= (byte & (kMore - 1)) << shift;
    if (byte < kMore) break;
  }
  const std::string_view text = in.substr(used, length);
  in.remove_prefix(used + length);
  return text;
}

RecipientView take_recipient(std::string_view& in) {
  RecipientView recipient;
  recipient.notify = static_cast<std::uint8_t>(in.front());
  in.remove_prefix(1);
  recipient.address = take_text(in);
  recipient.original = take_text(in);
  recipient.orcpt = take_text(in);
  return recipient;
}

}  // namespace

PackedEnvelope::PackedEnvelope(const Envelope& envelope) {
  Packer packer;
  packer.reverse_path(envelope.reverse_path);
  for (const Recipient& r : envelope.recipients)
    packer.recipient({r.address, r.original, r.orcpt, r.notify});
  packer.properties(envelope.eight_bit_mime, envelope.smtputf8, envelope.verp, envelope.ret);
  for (const std::string* text : {&envelope.envid, &envelope.authenticated, &envelope.peer,
                                  &envelope.helo, &envelope.session})
    packer.trace_text(*text);
  *this = packer.finish();
}

void PackedEnvelope::release() {
  if (block_ == nullptr || block_->users.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  std::destroy_at(block_);
  ::operator delete(block_);
}

std::string_view PackedEnvelope::text() const {
  return {place_table() + places(block_->recipients) * sizeof(std::uint32_t), block_->text_bytes};
}

std::string_view PackedEnvelope::reverse_path() const {
  std::string_view in = text();
  return take_text(in);
}

// With index == recipients(): what follows them.
std::string_view PackedEnvelope::text_of_recipients_from(std::uint32_t index) const {
  std::string_view in = text();
  if (places(block_->recipients) > 0) {
    std::uint32_t place = 0;
    std::memcpy(&place, place_table() + index * sizeof place, sizeof place);
    return in.substr(place);
  }
  take_text(in);
  if (index > 0) (void)take_recipient(in);
  return in;
}

RecipientView PackedEnvelope::recipient(std::uint32_t index) const {
  std::string_view in = text_of_recipients_from(index);
  return take_recipient(in);
}

std::string_view PackedEnvelope::trace_text(unsigned number) const {
  std::string_view in = text_of_recipients_from(block_->recipients);
  for (; number > 0; --number) take_text(in);
  return take_text(in);
}

Envelope PackedEnvelope::unpack() const {
  Envelope envelope;
  envelope.reverse_path = reverse_path();
  for (std::uint32_t i = 0; i < recipients(); ++i) {
    const RecipientView r = recipient(i);
    envelope.recipients.push_back(
        Recipient{std::string(r.address), std::string(r.original), std::string(r.orcpt), r.notify});
  }
  envelope.eight_bit_mime = eight_bit_mime();
  envelope.smtputf8 = smtputf8();
  envelope.verp = verp();
  envelope.ret = ret();
  envelope.envid = envid();
  envelope.authenticated = authenticated();
  envelope.peer = peer();
  envelope.helo = helo();
  envelope.session = session();
  return envelope;
}

void PackedEnvelope::Packer::add(std::string_view text) {
  put_length(text_, static_cast<std::uint32_t>(text.size()));
  text_ += text;
}

void PackedEnvelope::Packer::recipient(const RecipientView& recipient) {
  places_.push_back(static_cast<std::uint32_t>(text_.size()));
  text_.push_back(static_cast<char>(recipient.notify));
  add(recipient.address);
  add(recipient.original);
  add(recipient.orcpt);
}

void PackedEnvelope::Packer::properties(bool eight_bit_mime, bool smtputf8, bool verp,
                                        DsnReturn ret) {
  eight_bit_mime_ = eight_bit_mime;
  smtputf8_ = smtputf8;
  verp_ = verp;
  ret_ = ret;
}

void PackedEnvelope::Packer::trace_text(std::string_view text) {
  if (!std::exchange(in_trace_, true)) places_.push_back(static_cast<std::uint32_t>(text_.size()));
  add(text);
}

PackedEnvelope PackedEnvelope::Packer::finish() {
  const auto recipients = static_cast<std::uint32_t>(places_.size() - 1);
  const std::size_t table_bytes = places(recipients) * sizeof(std::uint32_t);
  void* const memory = ::operator new(sizeof(Block) + table_bytes + text_.size());
  PackedEnvelope packed;
  packed.block_ = new (memory) Block;
  packed.block_->text_bytes = static_cast<std::uint32_t>(text_.size());
  packed.block_->recipients = recipients;
  packed.block_->ret = ret_;
  packed.block_->eight_bit_mime = eight_bit_mime_;
  packed.block_->smtputf8 = smtputf8_;
  packed.block_->verp = verp_;
  char* const behind = reinterpret_cast<char*>(packed.block_ + 1);
  std::memcpy(behind, places_.data(), table_bytes);
  std::memcpy(behind + table_bytes, text_.data(), text_.size());
  return packed;
}

}  // namespace toast::queue
