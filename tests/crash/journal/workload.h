// Makes up records as a queue daemon would commit them, from a seed: messages with small, large and
// blob bodies, forwards that share a body, bounces, deferrals, holds, ends.
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "mta/queue/journal/journal.h"
#include "tests/crash/journal/model.h"

namespace toast::queue::sim {

class Workload {
 public:
  Workload(std::mt19937_64& random, const Clock& clock) : random_(random), clock_(clock) {}

  // Bodies then hold frames made under a salt of zeros, for the segments to come, at every block.
  void forge_records(bool on) { forge_ = on; }
  void log_is_at(std::uint64_t sequence, std::uint64_t offset) {
    sequence_ = sequence;
    offset_ = offset;
  }

  // Records that make sense one after the other when `model` is what is live.
  std::vector<Record> batch(const Model& model, const std::map<MessageId, std::string>& blobs);
  Accepted message();
  Accepted large_message(std::uint64_t size);
  std::string body(std::size_t size);

 private:
  Record change(const Model& now);
  Record some_compound(const ModelMessage& parent);
  Target some_target(const MessageState& state);
  Envelope envelope();
  std::string forged_body(std::size_t size, const Accepted& carrier);
  std::string text(std::size_t most);
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  std::mt19937_64& random_;
  const Clock& clock_;
  std::uint64_t next_id_ = 1;
  bool forge_ = false;
  std::uint64_t sequence_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace toast::queue::sim
