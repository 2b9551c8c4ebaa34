#include "tests/dialogue/remote/scripted_host.h"

namespace toast::remote {

using dialogue::StepKind;
using smtp::WireEnd;

class ScriptedHost::End final : public smtp::Wire {
 public:
  explicit End(ScriptedHost& host) : host_(host) {}
  void set_deadline(SteadyTime at) override { deadline_ = at; }
  Task<tl::expected<std::string_view, WireEnd>> read(bool) override { co_return take(); }
  tl::expected<std::string_view, WireEnd> read_now() override {
    if (!host_.has_something_to_say()) return std::string_view();
    return take();
  }
  bool write_some(std::string& out) override {
    host_.hear(out);
    out.clear();
    return true;
  }
  Task<tl::expected<void, WireEnd>> writable() override { co_return tl::expected<void, WireEnd>{}; }

 private:
  tl::expected<std::string_view, WireEnd> take() {
    tl::expected<std::string, WireEnd> said = host_.say(deadline_);
    if (!said) return tl::unexpected(said.error());
    block_ = std::move(*said);
    return std::string_view(block_);
  }

  ScriptedHost& host_;
  SteadyTime deadline_;
  std::string block_;
};

std::unique_ptr<smtp::Wire> ScriptedHost::wire() { return std::make_unique<End>(*this); }

void ScriptedHost::complain(const std::string& what) {
  if (!complaint_.empty()) return;
  const int line = at_ < steps_.size() ? steps_[at_].line_number : 0;
  complaint_ = "line " + std::to_string(line) + ": " + what;
}

std::string ScriptedHost::complaint() const {
  if (!complaint_.empty() || at_ == steps_.size()) return complaint_;
  if (at(StepKind::wait) && at_ + 1 == steps_.size()) return {};
  return "line " + std::to_string(steps_[at_].line_number) +
         " was not reached: " + steps_[at_].text;
}

bool ScriptedHost::has_something_to_say() const {
  return !to_say_.empty() || at(StepKind::server_line) || at(StepKind::server_closes);
}

tl::expected<std::string, WireEnd> ScriptedHost::say(SteadyTime deadline) {
  if (at(StepKind::wait)) {
    const SteadyTime until = clock_.steady() + steps_[at_].time;
    clock_.advance(std::min(until, deadline) - clock_.steady() > SteadyTime::duration::zero()
                       ? std::chrono::duration_cast<std::chrono::microseconds>(
                             std::min(until, deadline) - clock_.steady())
                       : std::chrono::microseconds{0});
    if (until >= deadline) {
      ++at_;
      return tl::unexpected(WireEnd::timed_out);
    }
    ++at_;
  }
  for (; at(StepKind::server_line); ++at_) to_say_ += steps_[at_].text + "\r\n";
  if (!to_say_.empty()) {
    std::string now = to_say_.substr(0, block);
    to_say_.erase(0, now.size());
    return now;
  }
  if (at(StepKind::server_closes)) {
    ++at_;
    return tl::unexpected(WireEnd::closed);
  }
  complain(at_ < steps_.size() ? "our client waits instead of saying " + steps_[at_].text
                               : "our client waits for a host that is done");
  return tl::unexpected(WireEnd::closed);
}

void ScriptedHost::hear(std::string_view bytes) {
  heard_ += bytes;
  while (!heard_.empty()) {
    if (at(StepKind::wait)) ++at_;
    if (at(StepKind::server_closes)) return heard_.clear();  // into the void
    if (!at(StepKind::client_sends) || !to_say_.empty())
      return complain("our client speaks out of turn: " + heard_);
    const std::string& expected = steps_[at_].text;
    if (heard_.size() < expected.size() && expected.starts_with(heard_)) return;
    if (!heard_.starts_with(expected))
      return complain("expected " + expected + "but our client says " + heard_);
    heard_.erase(0, expected.size());
    ++at_;
  }
}

}  // namespace toast::remote
