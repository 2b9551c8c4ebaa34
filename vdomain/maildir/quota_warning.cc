#include "vdomain/maildir/quota_warning.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <map>

#include "mta/message/date.h"

namespace toast::maildir {
namespace {

constexpr const char* kStampName = "quotawarn";  // vpopmail's name for the same
constexpr const char* kDomainStampName = "quotawarn-domain";
constexpr std::string_view kInstance = "toast-quota-warn";
static_assert(kInstance.size() == kInstanceBytes);

std::string amount(std::uint64_t bytes) {
  constexpr std::uint64_t kMiB = 1U << 20U;
  if (bytes < kMiB) return fmt::format("{} kB", (bytes + 1023) / 1024);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / static_cast<double>(kMiB));
}

std::uint64_t positive(std::int64_t n) { return n < 0 ? 0 : static_cast<std::uint64_t>(n); }

// Lines of "<percent> <Unix time>"; what cannot be read is forgotten.
std::map<unsigned, std::int64_t> parse_stamps(std::string_view text) {
  std::map<unsigned, std::int64_t> stamps;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const std::size_t blank = line.find(' ');
    unsigned percent = 0;
    std::int64_t at = 0;
    if (blank != std::string_view::npos) {
      const auto first = std::from_chars(line.data(), line.data() + blank, percent);
      const auto second = std::from_chars(line.data() + blank + 1, line.data() + line.size(), at);
      if (first.ec == std::errc() && second.ec == std::errc() && percent <= 100)
        stamps[percent] = at;
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return stamps;
}

// What fills up, and what can be done about it.
std::string quota_warning_body(const QuotaWarning& w) {
  const bool full = w.percent >= 100;
  const std::string what = w.domain ? w.domain->str() : w.mailbox.str();
  const std::string_view begin =
      w.domain
          ? (full ? "New mail for the domain\n\n    {}\n\nis being refused, because its "
                    "mailboxes use together all that they may:\n\n"
                  : "The mailboxes of your domain\n\n    {}\n\ntogether fill up what they may "
                    "use:\n\n")
          : (full ? "New mail for your mailbox\n\n    {}\n\nis being refused, because there is "
                    "no room for it:\n\n"
                  : "Your mailbox\n\n    {}\n\nfills up:\n\n");
  std::string text = fmt::format(fmt::runtime(begin), what);
  if (w.quota.bytes != 0)
    text += fmt::format("    {} of {} are used\n", amount(positive(w.used.bytes)),
                        amount(w.quota.bytes));
  if (w.quota.messages != 0)
    text += fmt::format("    {} of {} messages are there\n", w.used.messages, w.quota.messages);
  if (w.domain)
    return text + (full ? "\nDelete messages or mailboxes, or ask for more room. New mail is "
                          "accepted again as soon as\nthere is room.\n"
                        : "\nWhen it is full, new mail is refused for all of them.\n");
  return text +
         (full ? "\nDelete messages, or move them away from the server. New mail is accepted again "
                 "as soon as there is\nroom.\n"
               : "\nWhen it is full, new mail is refused. Delete messages that you do not need, or "
                 "move them away from\nthe server.\n");
}

}  // namespace

std::vector<unsigned> parse_percentages(std::string_view text) {
  std::vector<unsigned> percents;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    unsigned percent = 0;
    const auto [stop, error] = std::from_chars(at, end, percent);
    if (error != std::errc()) break;
    percents.push_back(percent);
    at = stop < end ? stop + 1 : end;
  }
  return percents;
}

std::string quota_warning_text(const QuotaWarning& w) {
  const bool full = w.percent >= 100;
  const std::string subject_of = w.domain ? w.domain->str() : "Your mailbox";
  const std::string subject =
      full ? subject_of + " is full" : fmt::format("{} is {} % full", subject_of, w.percent);
  std::string text = fmt::format(
      "Date: {}\nFrom: Mail system <MAILER-DAEMON@{}>\nTo: {}\nSubject: {}\n"
      "Message-ID: <quota.{}.{}@{}>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
      "Content-Type: text/plain; charset=us-ascii\n\n",
      format_date(w.now), w.host, w.mailbox.str(), subject, unix_microseconds(w.now), w.percent,
      w.host);
  return text + quota_warning_body(w);
}

QuotaWarnings::QuotaWarnings(MailStore& store, Deliverer& deliverer, QuotaGate& gate,
                             std::string host, Logger& log, Counter warned)
    : store_(store),
      deliverer_(deliverer),
      gate_(gate),
      log_(log),
      warned_(warned),
      host_(std::move(host)) {}

void QuotaWarnings::set_host(std::string_view host) {
  const std::lock_guard lock(mutex_);
  host_ = host;
}

// True: it is time for a warning, and that is written down.
Result<bool> QuotaWarnings::stamp(const OpenMaildir& maildir, const std::string& stamp_name,
                                  unsigned percent, WallTime now) {
  std::string text(kMaxWarningStamps, '\0');
  const int old = open_beneath(maildir.top.get(), stamp_name.c_str(), O_RDONLY | O_NONBLOCK);
  ssize_t size = 0;
  if (old >= 0) {
    const Fd file(old);
    size = ::pread(old, text.data(), text.size(), 0);
  }
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  std::map<unsigned, std::int64_t> stamps = parse_stamps(text);
  const std::int64_t seconds = unix_seconds(now);
  constexpr auto kInterval = std::chrono::seconds(kQuotaWarningInterval).count();
  const auto last = stamps.find(percent);
  // A stamp of the future is one of a clock that was wrong.
  if (last != stamps.end() && last->second <= seconds && seconds - last->second < kInterval)
    return false;
  stamps[percent] = seconds;
  std::string next;
  for (const auto& [at, when] : stamps) next += fmt::format("{} {}\n", at, when);
  const std::string name = fmt::format("{}.{}.{}", stamp_name, ::getpid(), unix_microseconds(now));
  FileSystem& files = store_.files();
  const int fd = files.create_file(maildir.tmp.get(), name.c_str());
  if (fd < 0) return system_error("create", name, -fd);
  const Fd file(fd);
  const int written = files.append(fd, next.data(), next.size());
  if (written < 0 ||
      ::renameat(maildir.tmp.get(), name.c_str(), maildir.top.get(), stamp_name.c_str()) != 0) {
    const int error = written < 0 ? -written : errno;
    files.remove_file(maildir.tmp.get(), name.c_str());
    return system_error("replace", stamp_name, error);
  }
  return true;
}

void QuotaWarnings::warn(const QuotaHolder& holder, unsigned percent, Usage used) {
  send(holder, kStampName, {{}, holder.mailbox, percent, holder.quota, used, {}});
}

void QuotaWarnings::warn_of_domain(const QuotaHolder& reader, const vdomain::DomainQuota& domain,
                                   unsigned percent, Usage used) {
  send(reader, kDomainStampName,
       {{}, reader.mailbox, percent, domain.quota, used, {}, domain.name});
}

void QuotaWarnings::send(const QuotaHolder& holder, const std::string& stamp_name,
                         QuotaWarning warning) {
  const std::lock_guard lock(mutex_);
  const WallTime now = store_.clock().wall();
  warning.host = host_;
  warning.now = now;
  const unsigned percent = warning.percent;
  const auto failed = [&](const Error& error) {
    log_.error("maild.warning.failed",
               {{"mailbox", holder.mailbox.str()}, {"reason", error.detail}});
  };
  Result<std::shared_ptr<const OpenMaildir>> maildir = store_.open_or_create(holder.maildir);
  if (!maildir) return failed(maildir.error());
  Result<bool> due = stamp(**maildir, stamp_name, percent, now);
  if (!due) return failed(due.error());
  if (!*due) return;
  std::string body = quota_warning_text(warning);
  DeliveryKey key{std::string(kInstance),
                  MessageId(static_cast<std::uint64_t>(unix_microseconds(now))),
                  percent,
                  0,
                  holder.mailbox.str(),
                  unix_seconds(now)};
  const std::uint64_t bytes = body.size();
  // Without its quota: that asks for no room, and counts nothing.
  auto delivery = std::make_unique<Delivery>(DeliveryJob{std::move(key),
                                                         holder.maildir,
                                                         holder.mailbox,
                                                         {},
                                                         std::nullopt,
                                                         holder.mailbox,
                                                         std::move(body),
                                                         Fd(),
                                                         bytes});
  std::optional<Error> failure;
  std::uint64_t on_disk = 0;
  delivery->report = [&](const std::unique_ptr<Delivery>& done) {
    failure = done->failed;
    on_disk = done->size.disk;
  };
  deliverer_.deliver(std::span(&delivery, 1));
  if (failure) return failed(*failure);
  gate_.added((*maildir)->top, holder, {static_cast<std::int64_t>(on_disk), 1});
  warned_.add();
  log_.info("maild.quota.warned",
            {{"mailbox", holder.mailbox.str()},
             {"domain", warning.domain ? warning.domain->str() : std::string()},
             {"percent", percent},
             {"bytes", positive(warning.used.bytes)},
             {"messages", positive(warning.used.messages)}});
}

}  // namespace toast::maildir
