// What every program of this folder begins with: its environment, the instance that it serves, and
// the way to its queue.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "mta/compat/message_sink.h"

namespace toast::compat {

// Where packages put the instance; --root DIR, as the first argument, or TOAST_ROOT says otherwise.
inline constexpr std::string_view kDefaultRoot = "/var/lib/toastmaster";

// qmail's exit codes.
inline constexpr int kExitDone = 0;
inline constexpr int kExitPermanent = 100;
inline constexpr int kExitTemporary = 111;

class Environment {
 public:
  explicit Environment(const char* const* environment);
  // Empty: not set, or set to nothing.
  std::string get(const std::string& name) const;
  // The first of these that is set to something.
  std::string first_of(std::initializer_list<const char*> names) const;
  void set(const std::string& name, std::string value) { values_[name] = std::move(value); }
  void erase(const std::string& name) { values_.erase(name); }

 private:
  std::map<std::string, std::string> values_;
};

struct Invocation {
  std::string name;  // for error texts
  std::string root;
  Environment environment;
  std::vector<std::string> arguments;  // without --root DIR
};
// For main: also ignores SIGPIPE. The last word of the path in argv[0] is the name.
Invocation read_invocation(int argc, char** argv, const char* const* environment);

// "qmail-inject: fatal: no recipients" on standard error; returns `code`.
int complain(const Invocation& program, std::string_view text, int code);
// What a refusal of the queue means to the caller of anything but qmail-queue: 100 or 111.
int complain(const Invocation& program, const Refusal& refusal);

// $QMAILQUEUE if that is set, else the queue of the instance.
[[nodiscard]] Taken<std::unique_ptr<MessageSink>> open_sink(const Invocation& program);

// Standard input, block by block. Empty: the end. Error: read failed.
inline constexpr std::size_t kReadBlock = std::size_t{64} * 1024;
[[nodiscard]] Result<std::string> read_block(int descriptor);

}  // namespace toast::compat
