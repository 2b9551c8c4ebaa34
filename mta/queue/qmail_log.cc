#include "mta/queue/qmail_log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "mta/queue/ledger.h"

namespace toast::queue {
namespace {

// As qmail-send's logsafe(): nothing that could end the line or a word of it.
std::string safe(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      c = '/';
    else if (byte < 33 || byte > 126 || c == '%')
      c = '_';
  }
  return out;
}

std::uint64_t uid_of(const PackedEnvelope& envelope) {
  constexpr std::string_view kLocal = "uid ";
  std::uint64_t uid = 0;
  const std::string_view peer = envelope.peer();
  if (peer.starts_with(kLocal))
    std::from_chars(peer.data() + kLocal.size(), peer.data() + peer.size(), uid);
  return uid;
}

// "2.1.5 Remote host said: 250 ok" without our status, as qmail-remote has it.
std::string_view remote_words(std::string_view text) {
  const std::size_t said = text.find("Remote host said: ");
  return said == std::string_view::npos ? text : text.substr(said);
}

// What qmail-local and qmail-remote say of a success.
std::string success_text(const Work& work, const Attempt& attempt) {
  const StepResult& last = attempt.steps.back();
  if (work.channel == Channel::remote)
    return fmt::format("{} accepted message.\n{}\n", last.detail, remote_words(last.text));
  const std::size_t forwards = attempt.child ? attempt.child->envelope.recipients() : 0;
  const auto files = std::ranges::count_if(attempt.steps, [](const StepResult& step) {
    return step.kind == StepResult::Kind::delivered && step.text.starts_with("delivered");
  });
  std::string text = fmt::format("did {}+{}+0\n", files, forwards);
  if (attempt.child) text += fmt::format("qp {}\n", attempt.child->id.value());
  return text;
}

std::string failure_text(const Work& work, const StepResult& step) {
  if (work.channel == Channel::local || step.detail.empty()) return step.text + "\n";
  return fmt::format("Connected to {}.\n{}\nGiving up on {}.\n", step.detail,
                     remote_words(step.text), step.detail);
}

}  // namespace

QmailLog::QmailLog(Write write, const Options& options) : write_(std::move(write)) {
  set_options(options);
}

// One write(2) for each line, as for our own events. A log that nobody reads holds up nobody.
QmailLog::Write QmailLog::to_standard_error() {
  return [](std::string_view line) {
    const std::string whole = std::string(line) + "\n";
    (void)!::write(STDERR_FILENO, whole.data(), whole.size());
  };
}

void QmailLog::set_options(const Options& options) {
  const bool begins = options.qmail_log && !on_ && write_;
  on_ = options.qmail_log && write_;
  local_limit_ = options.concurrency;
  remote_limit_ = options.concurrency_remote;
  if (begins) status();
  if (on_) return;
  deliveries_.clear();
  local_ = remote_ = 0;
}

void QmailLog::status() {
  write_(fmt::format("status: local {}/{} remote {}/{}{}", local_, local_limit_, remote_,
                     remote_limit_, exiting_ ? " exitasap" : ""));
}

void QmailLog::exit_as_soon_as_possible() {
  exiting_ = true;
  if (on_) status();
}

void QmailLog::exited() {
  if (on_) write_("status: exiting");
}

void QmailLog::accepted(const QueuedMessage& message, const NewBody&) {
  if (!on_) return;
  const std::uint64_t number = message.id.value();
  if (message.origin == Origin::bounce)
    write_(fmt::format("bounce msg {} qp {}", message.parent.value(), number));
  write_(fmt::format("new msg {}", number));
  write_(fmt::format("info msg {}: bytes {} from <{}> qp {} uid {}", number, message.size_bytes,
                     safe(message.envelope.reverse_path()), number, uid_of(message.envelope)));
}

void QmailLog::started(const QueuedMessage& message, const Work& work) {
  if (!on_) return;
  const Key key{message.id, work.recipient};
  if (deliveries_.contains(key)) return;  // the same delivery, given to another process
  const bool remote = work.channel == Channel::remote;
  deliveries_[key] = {++last_delivery_, remote};
  ++running(remote);
  write_(fmt::format("starting delivery {}: msg {} to {} {}", last_delivery_, message.id.value(),
                     remote ? "remote" : "local", safe(message.recipient(work.recipient).address)));
  status();
}

void QmailLog::attempted(const QueuedMessage& message, const Work& work, const Attempt& attempt) {
  if (!on_ || attempt.steps.empty()) return;
  started(message, work);  // unless it was: a delivery that ended before it could begin
  const auto delivery = deliveries_.find(Key{message.id, work.recipient});
  const auto first = [&attempt](StepResult::Kind kind) {
    return std::ranges::find(attempt.steps, kind, &StepResult::kind);
  };
  const auto deferred = first(StepResult::Kind::deferred);
  const auto failed = first(StepResult::Kind::failed);
  std::string text = "success: ";
  if (deferred != attempt.steps.end())
    text = "deferral: " + safe(failure_text(work, *deferred));
  else if (failed != attempt.steps.end())
    text = "failure: " + safe(failure_text(work, *failed));
  else
    text += safe(success_text(work, attempt));
  write_(fmt::format("delivery {}: {}", delivery->second.number, text));
  --running(delivery->second.remote);
  deliveries_.erase(delivery);
  status();
}

void QmailLog::bounce_discarded(const QueuedMessage& message) {
  if (on_) write_(fmt::format("triple bounce: discarding bounce/{}", message.id.value()));
}

void QmailLog::ended(const QueuedMessage& message) {
  if (on_) write_(fmt::format("end msg {}", message.id.value()));
}

}  // namespace toast::queue
