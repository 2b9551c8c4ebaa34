#include "mta/compat/program_sink.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <system_error>

#include "mta/compat/envelope.h"

extern char** environ;

namespace toast::compat {
namespace {

struct Pipe {
  Fd reader;
  Fd writer;
};
std::optional<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  Pipe made{Fd(ends[0]), Fd(ends[1])};
  // Above the numbers that the program expects, so that putting them there closes none of ours.
  for (Fd* end : {&made.reader, &made.writer})
    *end = Fd(::fcntl(end->get(), F_DUPFD_CLOEXEC, kReasonDescriptor + 1));
  if (!made.reader || !made.writer) return std::nullopt;
  return made;
}

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  void put(const Fd& fd, int number) {
    ::posix_spawn_file_actions_adddup2(&actions_, fd.get(), number);
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

struct Meaning {
  int code;
  std::string_view text;
};
constexpr Meaning kMeanings[] = {
    {11, "5.1.3 an address is too long"},
    {31, "5.3.0 the mail server refuses this message for good"},
    {51, "4.3.0 out of memory"},
    {52, "4.3.0 timeout"},
    {53, "4.3.0 write error, or the disk is full"},
    {54, "4.3.0 cannot read the message or its envelope"},
    {55, "4.3.0 cannot read the configuration"},
    {56, "4.3.0 network trouble"},
    {61, "4.3.0 no mail server here"},
    {62, "4.3.0 the mail server is not running"},
    {71, "4.3.0 the mail server puts this message off"},
    {72, "4.4.1 connection timed out"},
    {73, "4.4.1 connection refused"},
    {74, "4.4.2 communication failed"},
    {81, "4.3.0 internal bug"},
    {91, "4.3.0 the envelope is malformed"},
};

}  // namespace

std::string describe_exit(int code) {
  for (const Meaning& known : kMeanings)
    if (known.code == code) return std::string(known.text);
  return (is_permanent(code) ? "5.3.0 refused with code " : "4.3.0 failed with code ") +
         std::to_string(code);
}

Taken<std::unique_ptr<MessageSink>> ProgramSink::start(const std::string& path) {
  std::optional<Pipe> content = make_pipe();
  std::optional<Pipe> envelope = make_pipe();
  std::optional<Pipe> reason = make_pipe();
  if (!content || !envelope || !reason)
    return refuse(QueueExit::no_memory, "too many descriptors are open");
  FileActions actions;
  actions.put(content->reader, 0);
  actions.put(envelope->reader, 1);
  actions.put(reason->writer, kReasonDescriptor);
  std::string name = path;
  char* arguments[] = {name.data(), nullptr};
  std::unique_ptr<ProgramSink> sink(new ProgramSink);
  const int failed =
      ::posix_spawn(&sink->pid_, path.c_str(), actions.get(), nullptr, arguments, environ);
  if (failed != 0) {
    sink->pid_ = -1;
    return refuse(QueueExit::try_later, "cannot run $QMAILQUEUE " + path + ": " +
                                            std::generic_category().message(failed));
  }
  sink->content_ = std::move(content->writer);
  sink->envelope_ = std::move(envelope->writer);
  sink->reason_ = std::move(reason->reader);
  return std::unique_ptr<MessageSink>(std::move(sink));
}

// An envelope without its end: the program ends with 54 and has queued nothing.
ProgramSink::~ProgramSink() {
  content_.reset();
  envelope_.reset();
  reason_.reset();
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
}

Taken<void> ProgramSink::write(std::string_view bytes) {
  // A program that has ended says why with its exit code, not with a broken pipe.
  if (content_ && !write_all(content_, bytes, "$QMAILQUEUE")) content_.reset();
  return {};
}

Taken<std::string> ProgramSink::finish(EnvelopeText envelope) {
  content_.reset();
  (void)write_all(envelope_, write_envelope(envelope), "$QMAILQUEUE");
  envelope_.reset();
  Result<std::string> reason = read_all(reason_, kMaxReason, "descriptor 6 of $QMAILQUEUE");
  return outcome(reason.value_or(""));
}

Taken<std::string> ProgramSink::outcome(std::string reason) {
  const std::string name = std::to_string(pid_);  // "qp", as qmail's programs show it
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (!WIFEXITED(status)) return refuse(QueueExit::bug, "4.3.0 $QMAILQUEUE crashed");
  const int code = WEXITSTATUS(status);
  if (code == 0) return name;
  const bool custom = code == kCustomExit && reason.size() > 2;
  if (!custom) return tl::unexpected(Refusal{code, describe_exit(code)});
  const bool permanent = reason.front() == 'D';
  return refuse(permanent ? QueueExit::refused : QueueExit::try_later, reason.substr(1));
}

}  // namespace toast::compat
