#include "admin-cli/take_over.h"

#include <fmt/format.h>

#include "mta/takeover/derived_id.h"

namespace toast::admin {
namespace {

// Ids that other messages have, before something is wrong.
constexpr std::uint64_t kMaxIds = 4;

tl::unexpected<Failure> list_failure(const Error& error, const std::string& path) {
  return fail(error.failure == toast::Failure::transient ? Exit::temporary : Exit::failure,
              "list_unusable", error.detail, path,
              "the list of what was taken over can be kept elsewhere: --state FILE");
}

tl::unexpected<Failure> queued_failure(const Error& error, const std::string& object) {
  return fail(Exit::temporary, "queued_failed", error.detail, object,
              "run it again: what is taken over already is not taken twice");
}

}  // namespace

Wanted<TakeOverRun> TakeOverRun::start(Context& context, const char* done,
                                       const std::string& list) {
  Result<takeover::TakenList> known =
      context.dry_run ? takeover::TakenList::read(list) : takeover::TakenList::open(list);
  if (!known) return list_failure(known.error(), list);
  if (context.dry_run) return TakeOverRun(context, done, std::move(*known), nullptr);
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  auto client = TakeOverClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  return TakeOverRun(context, done, std::move(*known), std::move(*client));
}

Wanted<void> TakeOverRun::take(const std::string& object, const std::string& note,
                               const std::string& identity, TakenMessage message) {
  using Verdict = Taker::Verdict;
  const MessageId listed_as = message.head.id;
  if (list_.contains(listed_as)) {
    ++already_here_;
    return confirm(object, listed_as);  // that may be what the run before did not come to
  }
  for (std::uint64_t attempt = 1; attempt <= kMaxIds; ++attempt) {
    Result<Verdict> verdict = Verdict::wanted;
    if (client_) verdict = client_->hand_over(message);
    if (!verdict && verdict.error().failure == toast::Failure::transient)
      return queued_failure(verdict.error(), object);
    if (!verdict) return leave(object, verdict.error());
    if (*verdict == Verdict::id_taken) {
      message.head.id = takeover::derived_id(identity, attempt);
      continue;
    }
    if (client_)
      if (Result<void> noted = list_.add(listed_as, note); !noted)
        return list_failure(noted.error(), object);
    count(*verdict, message.recipients.size());
    return confirm(object, message.head.id);
  }
  return leave(object,
               Error{toast::Failure::permanent, {}, "its ids are all in use by other messages"});
}

Wanted<void> TakeOverRun::confirm(const std::string& object, MessageId id) {
  if (!client_) return {};
  if (Result<void> confirmed = client_->confirm(id); !confirmed)
    return queued_failure(confirmed.error(), object);
  return {};
}

void TakeOverRun::count(Taker::Verdict verdict, std::uint64_t recipients) {
  if (verdict == Taker::Verdict::is_here) {
    ++already_here_;
  } else {
    ++messages_;
    recipients_ += recipients;
  }
}

Wanted<void> TakeOverRun::leave(const std::string& object, const Error& why) {
  ++left_;
  context_->out.failed({Exit::invalid, "message_left", why.detail, object,
                        "it was left where it is; the others were gone on with"});
  return {};
}

void TakeOverRun::say(const std::string& object) {
  std::string text =
      fmt::format("{}: {} {}, {} {}", object, messages_, messages_ == 1 ? "message" : "messages",
                  recipients_, recipients_ == 1 ? "recipient" : "recipients");
  if (already_here_ > 0) text += fmt::format("; {} taken over before", already_here_);
  if (left_ > 0) text += fmt::format("; {} left", left_);
  context_->out.did(messages_ > 0 ? context_->verb(done_) : "unchanged", "queue", text,
                    Record{{"messages", messages_},
                           {"recipients", recipients_},
                           {"already_here", already_here_},
                           {"left", left_}});
}

Outcome TakeOverRun::finish(const std::string& object) {
  say(object);
  if (client_)
    if (Result<void> settled = client_->settle(); !settled)
      return queued_failure(settled.error(), object);
  if (left_ > 0) return Exit::partial;
  return context_->dry_run && messages_ > 0 ? Exit::would_change : Exit::done;
}

tl::unexpected<Failure> TakeOverRun::stop(const std::string& object, Failure failure) {
  say(object);
  return tl::unexpected(std::move(failure));
}

}  // namespace toast::admin
