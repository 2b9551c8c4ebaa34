// What `import qmail-queue` and `queue evacuate` have in common: message by message into the live
// queue, each noted in a list, so that a second run adds nothing.
#pragma once

#include <memory>
#include <string>

#include "admin-cli/context.h"
#include "admin-cli/takeover_client.h"
#include "mta/takeover/taken_list.h"

namespace toast::admin {

class TakeOverRun {
 public:
  // Connects and opens the list; with --dry-run it only reads the list. `done`: "imported".
  static Wanted<TakeOverRun> start(Context& context, const char* done, const std::string& list);

  // `taker`: null with --dry-run.
  TakeOverRun(Context& context, const char* done, takeover::TakenList list,
              std::unique_ptr<Taker> taker)
      : context_(&context), done_(done), list_(std::move(list)), client_(std::move(taker)) {}

  // `object` names it in errors; `note` goes into the list beside its id. When another message has
  // its id here, one derived from `identity` is taken. A failure: nothing can be taken now.
  [[nodiscard]] Wanted<void> take(const std::string& object, const std::string& note,
                                  const std::string& identity, TakenMessage message);
  // It is left where it is, and the others are gone on with.
  Wanted<void> leave(const std::string& object, const Error& why);
  // Says what was done. `object`: the directory. A failure: run it again.
  Outcome finish(const std::string& object);
  // The same, when it ended early.
  tl::unexpected<Failure> stop(const std::string& object, Failure failure);

 private:
  void count(Taker::Verdict verdict, std::uint64_t recipients);
  Wanted<void> confirm(const std::string& object, MessageId id);
  void say(const std::string& object);

  Context* context_;
  std::string done_;
  takeover::TakenList list_;
  std::unique_ptr<Taker> client_;
  std::uint64_t messages_ = 0;
  std::uint64_t recipients_ = 0;
  std::uint64_t already_here_ = 0;
  std::uint64_t left_ = 0;
};

}  // namespace toast::admin
