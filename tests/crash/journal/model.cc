#include "tests/crash/journal/model.h"

#include <algorithm>

#include "base/fd.h"

namespace toast::queue::sim {

bool same(const MessageState& a, const MessageState& b) {
  return a.id == b.id && a.parent == b.parent && a.arrival == b.arrival && a.origin == b.origin &&
         a.envelope == b.envelope && a.prefix == b.prefix && a.size_bytes == b.size_bytes &&
         a.hold == b.hold && a.recipients == b.recipients;
}

Result<std::string> content_of(StoredBody stored) {
  std::string content = std::move(stored.prefix);
  content += stored.bytes;
  if (!stored.blob) return content;
  Result<std::string> blob = read_all(stored.blob, 1 << 30, "blob");
  if (!blob) return blob;
  if (blob->size() != stored.blob_bytes) return permanent("a blob of another size");
  return content + *blob;
}

void Model::accept(const Accepted& accepted, MessageId parent,
                   const std::map<MessageId, std::string>& blobs) {
  ModelMessage message;
  message.state = state_of(accepted);
  message.content = accepted.prefix;
  if (const auto* own = std::get_if<InlineBody>(&accepted.body)) {
    message.content += own->bytes;
  } else if (std::holds_alternative<BlobBody>(accepted.body)) {
    message.content += blobs.at(accepted.id);
  } else {
    const ModelMessage& from = live_.at(parent);
    message.content += from.content;
    message.state.share_content(from.state);
  }
  live_[accepted.id] = std::move(message);
}

void Model::apply(const Record& record, const std::map<MessageId, std::string>& blobs) {
  if (const auto* accepted = std::get_if<Accepted>(&record)) {
    accept(*accepted, {}, blobs);
  } else if (const auto* compound = std::get_if<Compound>(&record)) {
    for (const Accepted& child : compound->children) accept(child, compound->parent, blobs);
    for (const Outcome& outcome : compound->outcomes)
      if (live_.contains(outcome.id)) toast::queue::apply(live_[outcome.id].state, outcome);
    if (compound->finishes_parent) live_.erase(compound->parent);
  } else if (const auto* finished = std::get_if<Finished>(&record)) {
    live_.erase(finished->id);
  } else {
    std::visit(
        [this](const auto& change) {
          using Change = std::decay_t<decltype(change)>;
          if constexpr (!std::is_same_v<Change, Accepted> && !std::is_same_v<Change, Compound> &&
                        !std::is_same_v<Change, Finished>)
            if (live_.contains(change.id)) toast::queue::apply(live_[change.id].state, change);
        },
        record);
  }
}

bool Model::matches(std::span<const MessageState> recovered) const {
  return std::ranges::equal(recovered, live_, [](const MessageState& got, const auto& expected) {
    return same(got, expected.second.state);
  });
}

}  // namespace toast::queue::sim
