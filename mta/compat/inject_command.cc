#include "mta/compat/inject_command.h"

#include <unistd.h>

#include <optional>

namespace toast::compat {
namespace {

// Standard input with LF line ends, piece by piece.
class InputText {
 public:
  // Nothing: the end.
  Result<std::optional<std::string>> next() {
    if (ended_) return std::nullopt;
    Result<std::string> block = read_block(STDIN_FILENO);
    if (!block) return pass(block);
    ended_ = block->empty();
    return ended_ ? lines_.finish() : lines_.feed(*block);
  }

 private:
  LineEnds lines_;
  bool ended_ = false;
};

class Output final : public MessageSink {  // -n
 public:
  Taken<void> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t size = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
      if (size <= 0) return refuse(QueueExit::write_error, "cannot write the message");
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return {};
  }
  Taken<std::string> finish(EnvelopeText) override { return std::string(); }
};

Taken<std::unique_ptr<MessageSink>> sink_for(const Invocation& program, bool print) {
  if (print) return std::make_unique<Output>();
  return open_sink(program);
}

EnvelopeText envelope_of(Injected& message, const InjectCommand& command) {
  EnvelopeText envelope{std::move(message.sender), {}, command.ret, command.envid};
  for (std::string& recipient : message.recipients)
    envelope.recipients.push_back({std::move(recipient), command.notify, {}});
  return envelope;
}

class Injection {
 public:
  Injection(const Invocation& program, const InjectCommand& command)
      : program_(program), command_(command) {}

  int run() {
    if (const int failed = read_header(); failed != kExitDone) return failed;
    tl::expected<Injected, std::string> message = inject(header_.take_fields(), command_.options);
    if (!message) return complain(program_, message.error(), kExitPermanent);
    if (message->recipients.empty() && !command_.print)
      return complain(program_, "no recipients", kExitPermanent);
    for (const std::string& recipient : message->recipients)
      if (recipient.size() > queue::kMaxLocalAddress)
        return complain(program_, "an address is too long", kExitPermanent);
    Taken<std::unique_ptr<MessageSink>> sink = sink_for(program_, command_.print);
    if (!sink) return complain(program_, sink.error());
    if (const int failed = send(**sink, message->header); failed != kExitDone) return failed;
    Taken<std::string> queued = (*sink)->finish(envelope_of(*message, command_));
    if (!queued) return complain(program_, queued.error());
    return kExitDone;
  }

 private:
  int read_failed(const Error& error) const {
    return complain(program_, error.detail, kExitTemporary);
  }

  int read_header() {
    while (true) {
      Result<std::optional<std::string>> text = input_.next();
      if (!text) return read_failed(text.error());
      if (!*text) break;
      if (header_.feed(**text)) return kExitDone;
      if (header_.is_too_long()) return complain(program_, "the header has no end", kExitPermanent);
    }
    header_.finish();
    return kExitDone;
  }

  int send(MessageSink& sink, const std::string& header) {
    std::optional<std::string> text = header + header_.take_body();
    while (text) {
      if (Taken<void> sent = sink.write(*text); !sent) return complain(program_, sent.error());
      Result<std::optional<std::string>> more = input_.next();
      if (!more) return read_failed(more.error());
      text = std::move(*more);
    }
    return kExitDone;
  }

  const Invocation& program_;
  const InjectCommand& command_;
  InputText input_;
  HeaderReader header_;
};

}  // namespace

int run_inject(const Invocation& program, const InjectCommand& command) {
  return Injection(program, command).run();
}

char OptionReader::next() {
  value_.clear();
  if (word_ >= arguments_.size()) return '\0';
  const std::string& word = arguments_[word_];
  if (letter_ == 0) {
    if (word == "--") ++word_;
    if (word == "--" || word.size() < 2 || word.front() != '-') return '\0';
    letter_ = 1;
  }
  const char option = word[letter_++];
  const bool attached = attached_.find(option) != std::string_view::npos;
  if (attached || with_value_.find(option) != std::string_view::npos) {
    value_ = word.substr(letter_);
    const bool in_next_word = value_.empty() && !attached;
    ++word_;
    letter_ = 0;
    if (in_next_word && word_ >= arguments_.size()) return '?';
    if (in_next_word) value_ = arguments_[word_++];
    return option;
  }
  if (letter_ >= word.size()) {
    ++word_;
    letter_ = 0;
  }
  return option;
}

std::vector<std::string> OptionReader::rest() const {
  const auto first = arguments_.begin() + static_cast<std::ptrdiff_t>(word_);
  return {first, arguments_.end()};
}

}  // namespace toast::compat
