#include "mta/message/received.h"

#include "mta/message/ascii.h"
#include "mta/message/date.h"

namespace toast {
namespace {

constexpr std::size_t kFoldColumn = 77;     // RFC 5322 section 2.1.1: below 78
constexpr std::size_t kMaxPeerText = 255;   // a name as long as a domain may be
constexpr std::string_view kFold = "\n  ";  // a folded line begins with white space

void append_clean(std::string& out, std::string_view peer_text) {
  for (const char c : peer_text.substr(0, kMaxPeerText)) {
    const bool plain =
        ascii::is_alnum(c) ||
        (c != '\0' && std::string_view(".@%+/=:-[]_").find(c) != std::string_view::npos);
    out.push_back(plain ? c : '?');
  }
}

// Joins words with single spaces, on a new line when the next one would pass the fold column.
class Folder {
 public:
  explicit Folder(std::string first) : text_(std::move(first)), column_(text_.size()) {}
  void word(std::string_view word) {
    if (column_ + 1 + word.size() > kFoldColumn) {
      text_ += kFold;
      column_ = kFold.size() - 1;
    } else {
      text_.push_back(' ');
      ++column_;
    }
    text_ += word;
    column_ += word.size();
  }
  std::string take() {
    text_.push_back('\n');
    return std::move(text_);
  }

 private:
  std::string text_;
  std::size_t column_;
};

std::string peer_comment(std::string_view peer) {
  const bool v6 = peer.find(':') != std::string_view::npos;
  std::string out = v6 ? "([IPv6:" : "([";
  append_clean(out, peer);
  return out + "])";
}

std::string clean_name(std::string_view helo) {
  std::string out;
  append_clean(out, helo);
  return out.empty() ? std::string("unknown") : out;
}

}  // namespace

std::string format_received(const ReceivedTrace& trace) {
  Folder field("Received:");
  if (!trace.peer.empty()) {
    field.word("from");
    field.word(clean_name(trace.helo));
    field.word(peer_comment(trace.peer));
  }
  field.word("by");
  field.word(trace.host);
  field.word("with");
  field.word(trace.protocol);
  field.word("id");
  if (!trace.only_recipient) {
    field.word(std::string(trace.id) + ";");
  } else {
    field.word(trace.id);
    field.word("for");
    field.word("<" + trace.only_recipient->str() + ">;");
  }
  field.word(format_date(trace.time));
  return field.take();
}

}  // namespace toast
