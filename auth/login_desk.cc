#include "auth/login_desk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/fd.h"

namespace toast::auth {
namespace {

constexpr std::string_view kBansFile = "bans";
constexpr std::size_t kMaxBansFile = kMaxBans * 1024;
constexpr std::string_view kLoginFiles[LoginHistory::kShelves] = {"logins-granted",
                                                                  "logins-failed"};
constexpr std::string_view kSendersFile = "foreign-senders";
constexpr std::size_t kMaxSendersFile = kMaxForeignSenders * 2048;
constexpr const char* kOld = ".old";
constexpr unsigned kDeskFileMode = 0600;

bool is_there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// Added at its end, and put aside before it would get too long.
Result<void> add_to_file(const std::string& path, const std::string& lines) {
  std::error_code ignored;
  const std::uintmax_t size = std::filesystem::file_size(path, ignored);
  if (!ignored && size + lines.size() > kMaxLoginFile &&
      std::rename(path.c_str(), (path + kOld).c_str()) != 0)
    return system_error("rename", path);
  Result<Fd> file = open_file(path, O_WRONLY | O_CREAT | O_APPEND, kDeskFileMode);
  if (!file) return pass(file);
  return write_all(*file, lines, path);
}

}  // namespace

LoginDesk::LoginDesk(Services services, std::string directory)
    : services_(services), directory_(std::move(directory)) {}

Result<void> LoginDesk::load() {
  if (directory_.empty()) return {};
  const std::string bans = path(kBansFile);
  if (is_there(bans)) {
    Result<std::string> text = read_file(bans, kMaxBansFile);
    if (!text) return pass(text);
    Result<Bans> parsed = Bans::parse(*text);
    if (!parsed) return pass(parsed, bans + ": remove the file to ban nobody");
    services_.watch.bans = std::move(*parsed);
  }
  std::size_t foreign = 0;
  for (const std::string_view name : kLoginFiles)
    for (const std::string& file : {path(name) + kOld, path(name)}) {
      if (!is_there(file)) continue;
      Result<std::string> text = read_file(file, 2 * kMaxLoginFile);
      if (text)
        foreign += services_.watch.history.load(*text);
      else
        services_.log.warning("auth.history.unreadable", {{"reason", text.error().detail}});
    }
  if (is_there(path(kSendersFile))) {
    Result<std::string> text = read_file(path(kSendersFile), kMaxSendersFile);
    Result<void> read;
    if (text)
      read = services_.watch.foreign_senders.load(*text);
    else
      read = pass(text);
    if (!read) services_.log.warning("auth.history.unreadable", {{"reason", read.error().detail}});
  }
  if (foreign > 0)
    services_.log.warning("auth.history.unreadable",
                          {{"reason", std::to_string(foreign) + " lines that are not ours"}});
  return {};
}

void LoginDesk::serve(ipc::Dispatcher& dispatcher) {
  dispatcher.on<ListLogins>([this](ListLogins question) { return list(std::move(question)); });
  dispatcher.on<BanNetwork>([this](BanNetwork question) { return ban(std::move(question)); });
  dispatcher.on<LetIn>([this](LetIn question) { return let_in(std::move(question)); });
  dispatcher.on<ListForeignSenders>(
      [this](ListForeignSenders question) { return list_senders(std::move(question)); });
  dispatcher.on<EndAccountSessions>(
      [this](EndAccountSessions question) { return end_sessions(std::move(question)); });
  dispatcher.on<ListBans>([this](ListBans) { return bans(); });
}

Task<> LoginDesk::save(bool all) {
  if (saving_) co_return;
  LoginHistory& history = services_.watch.history;
  history.close(all);
  std::string granted = history.take_lines(LoginHistory::Shelf::granted);
  std::string failed = history.take_lines(LoginHistory::Shelf::failed);
  ForeignSenders& foreign = services_.watch.foreign_senders;
  const SteadyTime now = services_.clock.steady();
  std::optional<std::string> senders;
  if (foreign.is_changed() && (all || now - senders_saved_ >= kSaveSendersEvery)) {
    senders = foreign.take_text();
    senders_saved_ = now;
  }
  if (directory_.empty() || (granted.empty() && failed.empty() && !senders)) co_return;
  saving_ = true;
  auto work = [granted = std::move(granted), failed = std::move(failed),
               senders = std::move(senders), senders_path = path(kSendersFile),
               granted_path = path(kLoginFiles[0]), failed_path = path(kLoginFiles[1])] {
    Result<void> done;
    if (!granted.empty()) done = add_to_file(granted_path, granted);
    if (done && !failed.empty()) done = add_to_file(failed_path, failed);
    if (done && senders) done = replace_file(senders_path, *senders, kDeskFileMode);
    return done;
  };
  Result<void> written = co_await run_blocking(thread_, std::move(work));
  saving_ = false;
  // Said once in an outage. What could not be written stays in memory, for as long as we run.
  if (!written && !failing_)
    services_.log.warning("auth.history.unwritten", {{"reason", written.error().detail}});
  failing_ = !written;
}

Task<Result<ListLogins::Reply>> LoginDesk::list(ListLogins question) {
  LoginFilter filter;
  filter.account = std::move(question.account);
  filter.failed_only = question.failed_only;
  filter.since = WallTime{std::chrono::seconds{question.since}};
  if (!question.network.empty()) {
    Result<Network> network = Network::parse(question.network);
    if (!network) co_return permanent(network.error().detail);
    filter.network = *network;
  }
  const LoginHistory& history = services_.watch.history;
  ListLogins::Reply reply;
  reply.events = history.find(filter, question.before, question.limit);
  if (const auto oldest = history.reaches_back_to()) reply.reaches_back_to = unix_seconds(*oldest);
  co_return reply;
}

Task<Result<void>> LoginDesk::put_in_force(Bans next) {
  if (changing_) co_return transient("the bans are being changed by somebody else");
  if (!directory_.empty()) {
    changing_ = true;
    auto work = [file = path(kBansFile), text = next.text()] {
      return replace_file(file, text, kDeskFileMode);
    };
    Result<void> written = co_await run_blocking(thread_, std::move(work));
    changing_ = false;
    if (!written)
      co_return transient("nothing was changed, for it could not be written down: " +
                          written.error().detail);
  }
  services_.watch.bans = std::move(next);
  co_return Result<void>{};
}

Task<Result<ipc::Done>> LoginDesk::ban(BanNetwork question) {
  Result<Network> network = Network::parse(question.network);
  if (!network) co_return permanent(network.error().detail);
  const std::string why_not = why_not_ban(*network, exempt_);
  if (!why_not.empty() && !question.force) co_return permanent(why_not);
  const WallTime now = services_.clock.wall();
  Ban made{*network, now, {}, question.reason.substr(0, kMaxBanReason)};
  if (question.seconds != 0) made.until = now + std::chrono::seconds{question.seconds};
  Bans next = services_.watch.bans;
  Result<void> added = next.add(std::move(made), now);
  if (!added) co_return pass(added);
  if (question.dry_run) co_return ipc::Done{};
  Result<void> done = co_await put_in_force(std::move(next));
  if (!done) co_return pass(done);
  services_.log.info(
      "auth.ban.made",
      {{"network", network->str()}, {"seconds", question.seconds}, {"reason", question.reason}});
  co_return ipc::Done{};
}

Task<Result<LetIn::Reply>> LoginDesk::let_in(LetIn question) {
  LetIn::Reply reply;
  const WallTime now = services_.clock.wall();
  const Result<Network> network = Network::parse(question.who);
  const Result<IpAddress> address = IpAddress::parse(question.who);
  Bans next = services_.watch.bans;
  if (network)
    reply.was_banned = std::ranges::any_of(next.in_force(now),
                                           [&](const Ban& b) { return b.network == *network; });
  std::string who = address ? accounting_address(*address).str() : question.who;
  reply.was_hindered = std::ranges::any_of(services_.watch.hindered_now(),
                                           [&](const Hindered& h) { return h.who == who; });
  if (question.dry_run) co_return reply;
  if (reply.was_banned) {
    next.remove(*network);
    Result<void> done = co_await put_in_force(std::move(next));
    if (!done) co_return pass(done);
    services_.log.info("auth.ban.lifted", {{"network", network->str()}});
  }
  if (address)
    services_.throttle.forgive_address(*address);
  else if (!network)
    services_.throttle.forgive_account(who);
  services_.watch.forget(who);
  if (reply.was_hindered) services_.log.info("auth.throttle.lifted", {{"account", who}});
  co_return reply;
}

Task<Result<ListForeignSenders::Reply>> LoginDesk::list_senders(ListForeignSenders question) {
  std::optional<ForeignSender> after;
  if (!question.after.login.empty()) after = std::move(question.after);
  co_return ListForeignSenders::Reply{
      services_.watch.foreign_senders.list(after, kMaxListedSenders)};
}

Task<Result<ipc::Done>> LoginDesk::end_sessions(EndAccountSessions question) {
  services_.watch.locked(question.mailbox);
  if (end_sessions_of_) end_sessions_of_(question.mailbox);
  services_.log.info("auth.sessions.ended", {{"account", question.mailbox}});
  co_return ipc::Done{};
}

Task<Result<ListBans::Reply>> LoginDesk::bans() {
  ListBans::Reply reply;
  for (const Ban& ban : services_.watch.bans.in_force(services_.clock.wall()))
    reply.bans.push_back({ban.network.str(), unix_seconds(ban.made),
                          ban.until ? unix_seconds(*ban.until) : 0, ban.reason});
  for (const Hindered& one : services_.watch.hindered_now())
    reply.hindered.push_back({one.who, std::string(name_of(one.limit)), one.peer,
                              unix_seconds(one.until), one.attempts});
  co_return reply;
}

}  // namespace toast::auth
