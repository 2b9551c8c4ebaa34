// The other end of our client, played from a dialogue: S: lines are what it says, C: lines what our
// client must say, in exactly this order. A client that speaks while the host has the word, waits
// while it has the word itself, or says something else, is a failure.
#pragma once

#include <string>
#include <vector>

#include "mta/smtp/wire.h"
#include "tests/dialogue/dialogue.h"

namespace toast::remote {

class ScriptedHost {
 public:
  ScriptedHost(std::vector<dialogue::Step> steps, FakeClock& clock)
      : steps_(std::move(steps)), clock_(clock) {}
  std::unique_ptr<smtp::Wire> wire();  // one; the host outlives it
  // What went wrong, also that something is left to be said; empty: nothing.
  std::string complaint() const;
  std::size_t block = std::string::npos;  // at most so many bytes in one read

 private:
  class End;
  tl::expected<std::string, smtp::WireEnd> say(SteadyTime deadline);
  void hear(std::string_view bytes);
  bool has_something_to_say() const;
  bool at(dialogue::StepKind kind) const { return at_ < steps_.size() && steps_[at_].kind == kind; }
  void complain(const std::string& what);

  std::vector<dialogue::Step> steps_;
  FakeClock& clock_;
  std::size_t at_ = 0;
  std::string heard_;   // of the C: line that is under way
  std::string to_say_;  // of S: lines, cut into blocks
  std::string complaint_;
};

}  // namespace toast::remote
