// toastctl vacation: what mailboxes answer while their people are away.
#include <unistd.h>

#include <charconv>

#include "admin-cli/arguments.h"
#include "admin-cli/stores.h"
#include "base/fd.h"

namespace toast::admin {
namespace {

using vdomain::Vacation;

struct VacationOptions {
  std::string name;
  std::vector<std::string> names;
  std::optional<std::string> subject, text, file, from, until, only_if_named;
  std::optional<std::uint32_t> days;
};

// "2026-12-20", or "2026-12-20T08:00Z"; a day alone is its beginning, or with `end_of_day` the
// beginning of the next. "none" is no date.
Wanted<std::optional<WallTime>> parse_date(const std::string& text, const std::string& option,
                                           bool end_of_day) {
  if (text == "none") return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t digits) -> int {
    int value = -1;
    const char* end = text.data() + at + digits;
    const auto [stop, error] = std::from_chars(text.data() + at, end, value);
    return error == std::errc() && stop == end ? value : -1;
  };
  const bool is_day = text.size() == 10;
  const bool is_time = text.size() == 17 && text[10] == 'T' && text[13] == ':' && text[16] == 'Z';
  if ((is_day || is_time) && text[4] == '-' && text[7] == '-') {
    const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                          std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                          std::chrono::day(static_cast<unsigned>(number(8, 2)))};
    const int hour = is_time ? number(11, 2) : 0;
    const int minute = is_time ? number(14, 2) : 0;
    if (day.ok() && hour >= 0 && hour < 24 && minute >= 0 && minute < 60) {
      const auto days =
          std::chrono::sys_days(day) + std::chrono::days(is_day && end_of_day ? 1 : 0);
      return WallTime{std::chrono::duration_cast<WallTime::duration>(
          days.time_since_epoch() + std::chrono::hours(hour) + std::chrono::minutes(minute))};
    }
  }
  return fail(Exit::invalid, "bad_date", option + ": " + text + " is no date", text,
              "like 2026-12-20 or 2026-12-20T08:00Z (UTC), or none");
}

Value date(const std::optional<WallTime>& time) {
  if (!time) return {};
  return iso_time(*time);
}

Record to_record(const Vacation& vacation, WallTime now) {
  const bool begun = !vacation.begins || *vacation.begins <= now;
  const bool ended = vacation.ends && *vacation.ends <= now;
  return Record{{"mailbox", vacation.mailbox.str()},
                {"answers_now", begun && !ended},
                {"from", date(vacation.begins)},
                {"until", date(vacation.ends)},
                {"days", vacation.days},
                {"only_if_named", vacation.only_if_named},
                {"subject", optional_text(vacation.subject)},
                {"text", vacation.text}};
}

Wanted<std::string> text_of(const VacationOptions& options) {
  if (options.text) return *options.text + "\n";
  const std::size_t most = vdomain::kMaxVacationText + 1;
  const Result<std::string> read = *options.file == "-"
                                       ? read_all(Fd(::dup(STDIN_FILENO)), most, "standard input")
                                       : read_file(*options.file, most);
  if (!read) return fail(read.error(), *options.file);
  return *read;
}

tl::expected<void, Failure> apply(const VacationOptions& options, Vacation& vacation) {
  if (options.text || options.file) {
    Wanted<std::string> text = text_of(options);
    if (!text) return tl::unexpected(std::move(text.error()));
    vacation.text = std::move(*text);
  }
  if (options.subject) vacation.subject = *options.subject;
  if (options.days) vacation.days = *options.days;
  if (options.from) {
    const auto begins = parse_date(*options.from, "--from", false);
    if (!begins) return tl::unexpected(begins.error());
    vacation.begins = *begins;
  }
  if (options.until) {
    const auto ends = parse_date(*options.until, "--until", true);
    if (!ends) return tl::unexpected(ends.error());
    vacation.ends = *ends;
  }
  if (options.only_if_named) {
    const Wanted<bool> only = parse_switch(*options.only_if_named, "--only-if-named");
    if (!only) return tl::unexpected(only.error());
    vacation.only_if_named = *only;
  }
  return {};
}

Outcome set_vacation(Context& context, const VacationOptions& options) {
  const Wanted<Address> address = parse_address(options.name);
  if (!address) return tl::unexpected(address.error());
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  const auto present = (*directory)->find_vacation(*address);
  if (!present) return fail(present.error(), address->str());
  Vacation vacation{.mailbox = *address, .subject = {}, .text = {}};
  if (*present) vacation = **present;
  vacation.mailbox = *address;
  if (!*present && !options.text && !options.file)
    return fail(Exit::usage, "no_text", "what is it to say?", address->str(),
                "--text 'I am away until ...', or --file FILE");
  if (const auto applied = apply(options, vacation); !applied)
    return tl::unexpected(applied.error());
  Outcome outcome = report(context, (*directory)->set_vacation(vacation, context.actor), "vacation",
                           "set", address->str());
  if (!outcome && outcome.error().exit == Exit::not_found)
    return not_found(*directory, "mailbox", address->str());
  return outcome;
}

Outcome show_vacation(Context& context, const VacationOptions& options) {
  const Wanted<Address> address = parse_address(options.name);
  if (!address) return tl::unexpected(address.error());
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  const auto mailbox = (*directory)->find_mailbox(*address);
  if (!mailbox) return fail(mailbox.error(), address->str());
  if (!*mailbox) return not_found(*directory, "mailbox", address->str());
  const auto found = (*directory)->find_vacation(*address);
  if (!found) return fail(found.error(), address->str());
  if (!*found)
    return fail(Exit::not_found, "vacation_not_found", address->str() + " has no vacation",
                address->str(), "toastctl vacation set " + address->str() + " --text TEXT");
  context.out.show(to_record(**found, context.clock.wall()));
  return Exit::done;
}

Outcome clear_vacations(Context& context, const VacationOptions& options) {
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  return for_each_name(context, options.names, [&](const std::string& text) -> Outcome {
    const Wanted<Address> address = parse_address(text);
    if (!address) return tl::unexpected(address.error());
    return report(context, (*directory)->clear_vacation(*address, context.actor), "vacation",
                  "cleared", address->str());
  });
}

}  // namespace

void add_vacation(CLI::App& app, Context& context) {
  CLI::App* noun =
      app.add_subcommand("vacation", "What a mailbox answers while its person is away");
  noun->require_subcommand(1);
  auto options = std::make_shared<VacationOptions>();
  const auto bind = [&context, options](CLI::App* command,
                                        Outcome (*work)(Context&, const VacationOptions&)) {
    command->callback([&context, options, work] {
      context.action = [&context, options, work] { return work(context, *options); };
    });
  };
  CLI::App* set = noun->add_subcommand("set", "Set it, or change only what is named");
  set->add_option("ADDRESS", options->name)->required();
  auto* text = set->add_option("--text", options->text, "What it says")->type_name("TEXT");
  set->add_option("--file", options->file, "A file with what it says; - is standard input")
      ->type_name("FILE")
      ->excludes(text);
  set->add_option("--subject", options->subject,
                  "Its subject; empty: Auto: and the subject that is answered")
      ->type_name("TEXT");
  set->add_option("--from", options->from, "First day (UTC), or none: at once")->type_name("DATE");
  set->add_option("--until", options->until, "Last day (UTC), or none")->type_name("DATE");
  set->add_option("--days", options->days, "Days between two answers to one sender")
      ->type_name("N")
      ->default_str("7");
  set->add_option("--only-if-named", options->only_if_named,
                  "Answer only where the address stands in To or Cc")
      ->type_name("on|off");
  set->footer(
      "Examples:\n"
      "  toastctl vacation set ann@example.org --from 2026-12-20 --until 2027-01-06 --file text\n"
      "  toastctl vacation set ann@example.org --subject 'On holiday' --text 'Back on Monday.'");
  bind(set, set_vacation);

  CLI::App* show = noun->add_subcommand("show", "Show what a mailbox answers");
  show->add_option("ADDRESS", options->name)->required();
  bind(show, show_vacation);

  CLI::App* clear = noun->add_subcommand("clear", "Answer no more");
  clear->add_option("ADDRESS", options->names)->required();
  clear->footer("Example:\n  toastctl vacation clear ann@example.org");
  bind(clear, clear_vacations);
}

}  // namespace toast::admin
