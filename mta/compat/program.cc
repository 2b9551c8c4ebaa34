#include "mta/compat/program.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "mta/compat/program_sink.h"
#include "mta/compat/queue_sink.h"

namespace toast::compat {
namespace {

// --root DIR or --root=DIR, and takes it away.
std::string take_root(std::vector<std::string>& arguments) {
  constexpr std::string_view kOption = "--root";
  if (arguments.empty()) return {};
  const std::string first = arguments.front();
  if (first == kOption && arguments.size() > 1) {
    std::string root = arguments[1];
    arguments.erase(arguments.begin(), arguments.begin() + 2);
    return root;
  }
  if (!first.starts_with(std::string(kOption) + "=")) return {};
  arguments.erase(arguments.begin());
  return first.substr(kOption.size() + 1);
}

}  // namespace

Environment::Environment(const char* const* environment) {
  for (; *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    values_.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
}

std::string Environment::get(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string() : found->second;
}

std::string Environment::first_of(std::initializer_list<const char*> names) const {
  for (const char* name : names)
    if (std::string value = get(name); !value.empty()) return value;
  return {};
}

Invocation read_invocation(int argc, char** argv, const char* const* environment) {
  std::signal(SIGPIPE, SIG_IGN);
  Invocation program{argc > 0 ? argv[0] : "", {}, Environment(environment), {}};
  program.name.erase(0, program.name.rfind('/') + 1);
  if (argc > 1) program.arguments.assign(argv + 1, argv + argc);
  program.root = take_root(program.arguments);
  if (program.root.empty()) program.root = program.environment.get("TOAST_ROOT");
  if (program.root.empty()) program.root = kDefaultRoot;
  while (program.root.size() > 1 && program.root.ends_with('/')) program.root.pop_back();
  return program;
}

int complain(const Invocation& program, std::string_view text, int code) {
  std::string line = program.name + ": fatal: ";
  for (const char c : text) line += c == '\n' ? ' ' : c;
  line += '\n';
  (void)::write(STDERR_FILENO, line.data(), line.size());
  return code;
}

int complain(const Invocation& program, const Refusal& refusal) {
  return complain(program, refusal.text,
                  is_permanent(refusal.code) ? kExitPermanent : kExitTemporary);
}

Taken<std::unique_ptr<MessageSink>> open_sink(const Invocation& program) {
  const std::string other = program.environment.get("QMAILQUEUE");
  if (!other.empty()) return ProgramSink::start(other);
  Taken<std::unique_ptr<QueueSink>> queue = QueueSink::connect(program.root);
  if (!queue) return tl::unexpected(std::move(queue.error()));
  return std::unique_ptr<MessageSink>(std::move(*queue));
}

Result<std::string> read_block(int descriptor) {
  std::string block(kReadBlock, '\0');
  ssize_t size = 0;
  do {
    size = ::read(descriptor, block.data(), block.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return system_error("read", "standard input");
  block.resize(static_cast<std::size_t>(size));
  return block;
}

}  // namespace toast::compat
