#include "admin-cli/queue_selection.h"

#include "admin-cli/arguments.h"

namespace toast::admin {
namespace {

Wanted<std::int64_t> seconds_of(const std::string& text, const std::string& option) {
  if (text.empty()) return 0;
  const auto age = parse_age(text, option);
  if (!age) return tl::unexpected(age.error());
  return age->count();
}

}  // namespace

void QueueSelection::add_options(CLI::App& command, bool ids) {
  if (ids) command.add_option("ID", ids_, "Queue ids, as toastctl queue list shows them");
  command.add_option("--from", chosen_.sender, "Sender; * and ? stand for others, <> for bounces")
      ->type_name("ADDRESS");
  command.add_option("--to", chosen_.recipient, "Recipient, with * and ?")->type_name("ADDRESS");
  command.add_option("--domain", chosen_.domain, "Domain of the recipient, with * and ?")
      ->type_name("DOMAIN");
  command.add_option("--destination", chosen_.destination, "Where it goes next, exactly")
      ->type_name("NAME");
  command.add_option("--why", chosen_.reason, "Words in the last answer")->type_name("TEXT");
  command.add_option("--login", chosen_.login, "Who submitted it, with * and ?")
      ->type_name("ACCOUNT");
  command.add_option("--older", older_, "At least so old: 90s, 15m, 4h, 2d")->type_name("AGE");
  command.add_option("--newer", newer_, "At most so old")->type_name("AGE");
  command.add_flag("--held", chosen_.held_only, "Only what is held");
}

void QueueSelection::add_all_option(CLI::App& command) {
  command.add_flag("--all", all, "The whole queue");
}

bool QueueSelection::names_ids_only() const {
  const queue::Selection& c = chosen_;
  return !ids_.empty() && c.sender.empty() && c.recipient.empty() && c.domain.empty() &&
         c.destination.empty() && c.reason.empty() && c.login.empty() && older_.empty() &&
         newer_.empty() && !c.held_only;
}

bool QueueSelection::is_empty() const {
  const queue::Selection& c = chosen_;
  return ids_.empty() && c.sender.empty() && c.recipient.empty() && c.domain.empty() &&
         c.destination.empty() && c.reason.empty() && c.login.empty() && older_.empty() &&
         newer_.empty() && !c.held_only;
}

Wanted<queue::Selection> QueueSelection::selection() const {
  queue::Selection made = chosen_;
  for (const std::string& text : ids_) {
    const Result<MessageId> id = MessageId::parse(text);
    if (!id)
      return fail(Exit::invalid, "bad_queue_id", "not a queue id", text,
                  "toastctl queue list shows the ids; they have 13 characters");
    made.ids.push_back(*id);
  }
  if (made.ids.size() > queue::kMaxSelectedIds)
    return fail(Exit::invalid, "too_many_ids", "more than 1000 queue ids", "queue",
                "name them in several calls, or use --from, --domain, --why");
  for (const std::string* text :
       {&made.sender, &made.recipient, &made.domain, &made.destination, &made.reason, &made.login})
    if (text->size() > queue::kMaxPattern)
      return fail(Exit::invalid, "pattern_too_long", "longer than 320 characters",
                  text->substr(0, 40));
  const Wanted<std::int64_t> older = seconds_of(older_, "--older");
  if (!older) return tl::unexpected(older.error());
  const Wanted<std::int64_t> newer = seconds_of(newer_, "--newer");
  if (!newer) return tl::unexpected(newer.error());
  made.min_age_seconds = *older;
  made.max_age_seconds = *newer;
  return made;
}

}  // namespace toast::admin
