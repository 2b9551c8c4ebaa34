#include "mta/queue/send_limits.h"

#include "mta/queue/small_file.h"

namespace toast::queue {
namespace {

constexpr std::size_t kMaxSendingFile = kMaxSenders * 512;

constexpr const char* kLimitReply = "4.7.1 sending limit reached, try again later";

constexpr std::string_view kLogin = "login ";

// What counts how often a login was put off.
std::string put_off_key(const std::string& login) { return "put-off " + login; }

bool is_set(const Options::SendLimit& limit) { return limit.hour != 0 || limit.day != 0; }

// The setting, unless the directory says otherwise.
Options::SendLimit effective(const Options::SendLimit& setting, const vdomain::SendLimits& own) {
  return {own.hour.value_or(setting.hour), own.day.value_or(setting.day)};
}

}  // namespace

SendLimits::SendLimits(Services services, const Options& options)
    : services_(services), options_(options) {
  if (services_.disk == nullptr) return;
  const std::string name(kSendingFile);
  Result<std::optional<std::string>> text = read_small_file(*services_.disk, name, kMaxSendingFile);
  Result<SendCounts> counts = SendCounts();
  if (text && *text) counts = SendCounts::parse(**text);
  const Error* error = !text ? &text.error() : !counts ? &counts.error() : nullptr;
  if (error == nullptr) {
    counts_ = std::move(*counts);
    return;
  }
  services_.log.warning("queue.sending.unreadable", {{"reason", error->detail}});
}

SendLimits::~SendLimits() {
  *self_ = nullptr;
  if (timer_) timer_->cancel();
}

std::vector<SendLimitOf> SendLimits::of_login(const std::string& mailbox,
                                              const DomainSending& sending) const {
  std::vector<SendLimitOf> limits;
  if (is_set(options_.login_limit)) limits.push_back({"login " + mailbox, options_.login_limit});
  const Options::SendLimit of_domain = effective(options_.domain_limit, sending.domain);
  if (is_set(of_domain))
    limits.push_back({"domain " + mailbox.substr(mailbox.rfind('@') + 1), of_domain});
  const Options::SendLimit of_owner = effective(options_.owner_limit, sending.of_owner);
  if (!sending.owner.empty() && is_set(of_owner))
    limits.push_back({"owner " + sending.owner, of_owner});
  return limits;
}

std::vector<SendLimitOf> SendLimits::of_local(const std::string& peer) const {
  if (!is_set(options_.uid_limit) || !peer.starts_with("uid ") || peer == "uid 0") return {};
  return {{peer, options_.uid_limit}};
}

const SendLimitOf* SendLimits::find_passed(const std::vector<SendLimitOf>& limits,
                                           std::uint64_t recipients, std::string& what) const {
  for (const SendLimitOf& one : limits) {
    const SendCounts::Sent sent = counts_.sent(one.who, services_.clock.wall());
    const bool hour = one.limit.hour != 0 && sent.hour + recipients > one.limit.hour;
    const bool day = one.limit.day != 0 && sent.day + recipients > one.limit.day;
    if (!hour && !day) continue;
    what = one.who + " may send to " + std::to_string(hour ? one.limit.hour : one.limit.day) +
           " recipients in " + (hour ? "an hour" : "a day");
    return &one;
  }
  return nullptr;
}

// The limit of a domain is not the fault of whoever meets it.
void SendLimits::put_off(const SendLimitOf& limit, const std::string& what) {
  if (options_.suspend_after == 0 || !limit.who.starts_with(kLogin)) return;
  const std::string login = limit.who.substr(kLogin.size());
  const std::string key = put_off_key(login);
  counts_.add(key, 1, services_.clock.wall());
  save_soon();
  const std::uint64_t times = counts_.sent(key, services_.clock.wall()).hour;
  if (times < options_.suspend_after || !on_runaway_) return;
  on_runaway_(login, what + ", and was put off " + std::to_string(times) + " times in an hour");
}

Result<void> SendLimits::may_go_on(const std::vector<SendLimitOf>& limits) {
  std::string what;
  const SendLimitOf* passed = find_passed(limits, 1, what);
  if (passed == nullptr) return {};
  put_off(*passed, what);
  return transient(std::move(what), kLimitReply);
}

ShowSender::Reply SendLimits::state_of(const std::string& login) const {
  const WallTime now = services_.clock.wall();
  const SendCounts::Sent sent = counts_.sent(std::string(kLogin) + login, now);
  ShowSender::Reply reply;
  reply.sent_hour = sent.hour;
  reply.sent_day = sent.day;
  reply.limit_hour = options_.login_limit.hour;
  reply.limit_day = options_.login_limit.day;
  reply.put_off_hour = counts_.sent(put_off_key(login), now).hour;
  reply.suspended_at = options_.suspend_after;
  return reply;
}

void SendLimits::forgive(const std::string& login) {
  counts_.forget(put_off_key(login));
  save_soon();
}

Result<void> SendLimits::take(const std::vector<SendLimitOf>& limits, std::uint64_t recipients) {
  if (limits.empty() || recipients == 0) return {};
  std::string what;
  if (const SendLimitOf* passed = find_passed(limits, recipients, what)) {
    services_.log.warning("queue.sender.limited", {{"reason", what}, {"recipients", recipients}});
    if (on_reached_) on_reached_(*passed, what);
    put_off(*passed, what);
    return transient(std::move(what), kLimitReply);
  }
  for (const SendLimitOf& one : limits) counts_.add(one.who, recipients, services_.clock.wall());
  save_soon();
  return {};
}

void SendLimits::take_back(const std::vector<SendLimitOf>& limits, std::uint64_t recipients) {
  for (const SendLimitOf& one : limits)
    counts_.take_back(one.who, recipients, services_.clock.wall());
}

void SendLimits::save_soon() {
  unsaved_ = true;
  if (services_.disk == nullptr || timer_) return;
  timer_ = std::make_shared<asio::steady_timer>(services_.loop, kSaveSendingAfter);
  spawn(services_.loop, save_later(self_, timer_));
}

// It may outlive the object by its wait.
Task<> SendLimits::save_later(std::shared_ptr<SendLimits*> self,
                              std::shared_ptr<asio::steady_timer> timer) {
  auto [failed] = co_await timer->async_wait(no_throw);
  if (failed || *self == nullptr) co_return;
  (*self)->timer_.reset();
  co_await (*self)->save();
}

Task<> SendLimits::save() {
  if (timer_) std::exchange(timer_, nullptr)->cancel();
  if (services_.disk == nullptr || !std::exchange(unsaved_, false)) co_return;
  Disk& disk = *services_.disk;
  Logger& log = services_.log;
  Result<void> saved =
      co_await run_blocking(services_.pool, [&disk, text = counts_.text(services_.clock.wall())] {
        return replace_small_file(disk, std::string(kSendingFile), text);
      });
  if (!saved) log.warning("queue.sending.unwritten", {{"reason", saved.error().detail}});
}

}  // namespace toast::queue
