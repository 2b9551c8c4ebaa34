// The program that $QMAILQUEUE names, run as qmail-queue is: the content on descriptor 0, then the
// envelope on 1; its exit code is the answer, and with code 82 the text that it writes to 6.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/fd.h"
#include "mta/compat/message_sink.h"

namespace toast::compat {

inline constexpr int kCustomExit = 82;  // netqmail's: the reason is on descriptor 6
inline constexpr int kReasonDescriptor = 6;
inline constexpr std::size_t kMaxReason = 255;  // bytes of it

class ProgramSink final : public MessageSink {
 public:
  // Executed directly: no shell, no arguments.
  [[nodiscard]] static Taken<std::unique_ptr<MessageSink>> start(const std::string& path);
  ~ProgramSink() override;
  ProgramSink(const ProgramSink&) = delete;
  ProgramSink& operator=(const ProgramSink&) = delete;

  Taken<void> write(std::string_view bytes) override;
  Taken<std::string> finish(EnvelopeText envelope) override;

 private:
  ProgramSink() = default;
  Taken<std::string> outcome(std::string reason);

  pid_t pid_ = -1;
  Fd content_;
  Fd envelope_;
  Fd reason_;
};

// What a code of qmail-queue (8) means when there is no other text.
std::string describe_exit(int code);

}  // namespace toast::compat
