// toastctl status: how the server is, in one word, with reasons and what to do next.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <map>
#include <nlohmann/json.hpp>

#include "admin-cli/context.h"
#include "admin-cli/database_check.h"
#include "admin-cli/password_programs.h"
#include "admin-cli/queue_client.h"
#include "base/fd.h"
#include "base/metrics.h"

namespace toast::admin {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxStatusFile = 4UL << 20U;
constexpr std::int64_t kRecentSeconds = 300;  // a restart so long ago is worth a look

enum class Level : unsigned char { ok, warn, crit };
std::string_view level_name(Level level) {
  if (level == Level::ok) return "OK";
  return level == Level::warn ? "WARN" : "CRIT";
}

struct Reason {
  Level level;
  std::string message;
  std::string next;  // the command to go on with
};

class StatusReport {
 public:
  StatusReport(Context& context, const Instance& instance)
      : context_(context), instance_(instance) {}

  Outcome run() {
    running_ = is_running();
    read_status_file();
    check_settings();
    check_databases();
    if (running_) {
      check_processes();
      check_queue();
    } else {
      add(Level::crit, "toastd is not running", "toastd --root " + instance_.root());
    }
    read_counters();
    if (running_) check_certificates();
    print();
    return level() == Level::crit ? Exit::failure : Exit::done;
  }

 private:
  void add(Level level, std::string message, std::string next) {
    reasons_.push_back({level, std::move(message), std::move(next)});
  }
  std::string command(const std::string& words) const {
    return "toastctl --root " + instance_.root() + " " + words;
  }
  Level level() const {
    Level worst = Level::ok;
    for (const Reason& reason : reasons_) worst = std::max(worst, reason.level);
    return worst;
  }

  // toastd holds this lock for as long as it lives, however it ends.
  bool is_running() {
    const Result<Fd> lock = open_file(instance_.path("run/toastd.lock"), O_RDONLY);
    if (!lock) return false;
    return ::flock(lock->get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  }

  void read_status_file() {
    const Result<std::string> text = read_file(instance_.path("run/status.json"), kMaxStatusFile);
    status_ = json::object();
    if (!text && !running_) return;
    if (text) status_ = json::parse(*text, nullptr, false);
    if (status_.is_object()) return;
    status_ = json::object();
    add(Level::warn, "run/status.json cannot be read", "restart toastd to have it written anew");
  }

  // Whatever is in the file: a field of another type is an absent one.
  template <class T>
  static T field(const json& object, const char* name, T otherwise) {
    const auto found = object.find(name);
    if (found == object.end()) return otherwise;
    if constexpr (std::is_same_v<T, std::string>) {
      return found->is_string() ? found->template get<std::string>() : otherwise;
    } else if constexpr (std::is_same_v<T, bool>) {
      return found->is_boolean() ? found->template get<bool>() : otherwise;
    } else {
      return found->is_number() ? found->template get<T>() : otherwise;
    }
  }
  std::vector<json> items(const char* name) const {
    const auto found = status_.find(name);
    if (found == status_.end() || !found->is_array()) return {};
    std::vector<json> objects;
    for (const json& item : *found)
      if (item.is_object() || item.is_string()) objects.push_back(item);
    return objects;
  }

  void check_settings() {
    const Settings::Read read = Settings::read_directory(instance_.path("control"));
    for (const SettingProblem& problem : read.problems) {
      if (problem.is_warning) continue;
      add(running_ ? Level::warn : Level::crit, problem.str(), command("config check"));
    }
    if (read.ok()) {
      for (const SettingProblem& problem : program_problems(instance_, read.settings))
        add(running_ ? Level::warn : Level::crit, problem.str(), command("config check"));
      for (std::string& why : unusable_programs(instance_, read.settings))
        add(Level::crit, std::move(why), "put it right; " + command("status") + " says when it is");
    }
    const auto reload = status_.find("reload");
    if (reload != status_.end() && reload->is_object() && !field(*reload, "ok", true))
      add(Level::warn, "the last reload was refused: " + field<std::string>(*reload, "reason", "?"),
          command("config check") + ", then send SIGHUP to toastd");
  }

  void check_databases() {
    for (const StoreInfo& store : stores()) {
      const Wanted<SchemaStatus> status = look_at(instance_, store);
      if (!status) {
        add(Level::crit, status.error().message, command("schema status"));
      } else if (status->version == 0) {
        add(Level::crit, "database " + location_of(instance_, store) + " is missing",
            "restore it from a backup; " + command("schema migrate") + " makes an empty one");
      } else if (status->version < status->known) {
        add(Level::crit, fmt::format("the {} database is behind this program", store.name),
            command("schema migrate"));
      } else if (status->works_with > status->known) {
        add(Level::crit, fmt::format("the {} database is newer than this program", store.name),
            "upgrade the programs");
      }
    }
  }

  void check_processes() {
    const std::string state = field<std::string>(status_, "state", "");
    if (state == "starting" || state == "stopping")
      add(Level::warn, "toastd is " + state, command("status"));
    const std::int64_t now = unix_seconds(context_.clock.wall());
    for (const json& process : items("processes")) {
      if (!process.is_object()) continue;
      const auto name = field<std::string>(process, "name", "?");
      const auto restarts = field<std::uint64_t>(process, "restarts", 0);
      const auto last_exit = field<std::string>(process, "last_exit", "");
      const std::string log = "look for " + name + " in the log of toastd";
      if (field<std::int64_t>(process, "pid", 0) == 0) {
        add(Level::crit,
            name + " is not running" + (last_exit.empty() ? "" : ", it ended with " + last_exit),
            log);
      } else if (restarts > 0 && now - field<std::int64_t>(process, "since", 0) < kRecentSeconds) {
        add(Level::warn, fmt::format("{} was restarted, it had ended with {}", name, last_exit),
            log);
      }
    }
  }

  void check_queue() {
    const auto client = QueueClient::connect(instance_);
    if (!client) {
      const bool denied = client.error().exit == Exit::permission;
      return add(denied ? Level::warn : Level::crit, client.error().message,
                 denied ? client.error().hint : "look for toast-queued in the log of toastd");
    }
    Wanted<queue::QueueStatus::Reply> status = (*client)->status();
    if (!status) return add(Level::crit, status.error().message, command("queue list"));
    queue_ = std::move(*status);
    if (queue_->journal == queue::QueueStatus::Journal::failed)
      add(Level::crit, "the queue's journal has failed: " + queue_->journal_text,
          "repair the disk under " + instance_.path("queue") + ", then restart toastd");
    if (!queue_->accepting)
      add(Level::crit, "no mail is accepted: " + queue_->accepting_text,
          "free space under " + instance_.path("queue"));
    for (const std::string& warning : queue_->warnings)
      add(Level::warn, warning, "look for toast-queued in the log of toastd");
  }

  // Over all processes of a program; gauges and counters alike.
  void read_counters() {
    if (!running_) return;
    const auto pages = read_metrics(instance_.path("run/metrics"));
    if (!pages) return;
    for (const ProcessMetrics& page : *pages)
      for (const MetricSample& sample : page.samples) counters_[sample.name] += sample.value;
  }

  // As toast-keyd counted them; an older toastd has none to count.
  void check_certificates() {
    const auto usable = counters_.find("keyd.certificates");
    if (usable == counters_.end()) return;
    const std::uint64_t unusable = counters_["keyd.certificates.unusable"];
    if (unusable > 0)
      add(Level::warn, fmt::format("{} TLS certificates cannot be used", unusable),
          command("tls list"));
    if (usable->second == 0)
      return add(Level::warn, "there is no TLS certificate: no connection is encrypted",
                 command("tls install DOMAIN --cert FILE --key FILE"));
    const std::uint64_t expired = counters_["keyd.certificates.expired"];
    const std::uint64_t soon = counters_["keyd.certificates.expiring"] - expired;
    if (expired > 0)
      add(Level::warn, fmt::format("{} TLS certificates have expired", expired),
          command("tls list"));
    if (soon > 0)
      add(Level::warn, fmt::format("{} TLS certificates expire within 21 days", soon),
          command("tls list"));
  }

  std::string headline() const {
    for (const Reason& reason : reasons_)
      if (reason.level == level()) return reason.message;
    std::string text = fmt::format("{} programs run", items("processes").size());
    if (queue_) text += fmt::format(", {} messages in the queue", queue_->messages);
    return text;
  }

  void print() {
    if (context_.json) return context_.out.show(as_record());
    context_.out.line(fmt::format("{}: {}", level_name(level()), printable(headline())));
    for (const Reason& reason : reasons_) {
      context_.out.line(
          fmt::format("  {}: {}", level_name(reason.level), printable(reason.message)));
      if (!reason.next.empty()) context_.out.line("    next: " + printable(reason.next));
    }
    if (!running_) return;
    for (const json& listener : items("listeners"))
      if (listener.is_object())
        context_.out.line(fmt::format("  listens: {} on {}",
                                      printable(field<std::string>(listener, "name", "?")),
                                      printable(field<std::string>(listener, "address", "?"))));
    if (queue_)
      context_.out.line(fmt::format("  queue: {} messages, {} recipients deferred",
                                    queue_->messages, queue_->deferred));
    for (const json& gap : items("sandbox_gaps"))
      if (gap.is_string())
        context_.out.line("  not enforced here: " + printable(gap.get<std::string>()));
    for (const json& warning : items("warnings"))
      if (warning.is_string())
        context_.out.line("  note: " + printable(warning.get<std::string>()));
  }

  std::vector<Value> texts(const char* name) const {
    std::vector<Value> values;
    for (const json& item : items(name))
      if (item.is_string()) values.emplace_back(item.get<std::string>());
    return values;
  }

  std::vector<Value> process_records() const {
    std::vector<Value> values;
    if (!running_) return values;
    for (const json& process : items("processes")) {
      if (!process.is_object()) continue;
      values.emplace_back(Record{{"name", field<std::string>(process, "name", "")},
                                 {"program", field<std::string>(process, "program", "")},
                                 {"pid", field<std::int64_t>(process, "pid", 0)},
                                 {"state", field<std::string>(process, "state", "")},
                                 {"since", iso_time(field<std::int64_t>(process, "since", 0))},
                                 {"restarts", field<std::uint64_t>(process, "restarts", 0)},
                                 {"last_exit", field<std::string>(process, "last_exit", "")}});
    }
    return values;
  }

  Value queue_record() const {
    if (!queue_) return {};
    Value oldest;
    if (queue_->oldest_arrival_seconds != 0) oldest = iso_time(queue_->oldest_arrival_seconds);
    return Record{
        {"messages", queue_->messages},
        {"waiting", queue_->waiting},
        {"in_hand", queue_->in_hand},
        {"deferred", queue_->deferred},
        {"oldest", oldest},
        {"accepting", queue_->accepting},
        {"journal", queue_->journal == queue::QueueStatus::Journal::good ? "good" : "failed"},
        {"free_bytes", queue_->free_bytes},
        {"accepted", queue_->accepted},
        {"deliveries", queue_->deliveries},
        {"deferrals", queue_->deferrals},
        {"failures", queue_->failures},
        {"bounces", queue_->bounces}};
  }

  Record as_record() const {
    std::vector<Value> reasons;
    reasons.reserve(reasons_.size());
    for (const Reason& reason : reasons_)
      reasons.emplace_back(Record{{"severity", level_name(reason.level)},
                                  {"message", reason.message},
                                  {"next", reason.next}});
    std::vector<Value> listeners;
    for (const json& listener : items("listeners"))
      if (running_ && listener.is_object())
        listeners.emplace_back(Record{{"name", field<std::string>(listener, "name", "")},
                                      {"address", field<std::string>(listener, "address", "")}});
    Record counters;
    for (const auto& [name, value] : counters_) counters.add(name, value);
    const std::int64_t pid = field<std::int64_t>(status_, "pid", 0);
    const std::int64_t started = field<std::int64_t>(status_, "started", 0);
    return Record{
        {"status", level_name(level())},
        {"reasons", std::move(reasons)},
        {"running", running_},
        {"pid", running_ ? Value(pid) : Value()},
        {"started", running_ ? Value(iso_time(started)) : Value()},
        {"version", running_ ? Value(field<std::string>(status_, "version", "")) : Value()},
        {"listeners", std::move(listeners)},
        {"processes", process_records()},
        {"queue", queue_record()},
        {"sandbox_gaps", texts("sandbox_gaps")},
        {"notes", texts("warnings")},
        {"counters", counters}};
  }

  Context& context_;
  const Instance& instance_;
  bool running_ = false;
  json status_;
  std::vector<Reason> reasons_;
  std::optional<queue::QueueStatus::Reply> queue_;
  std::map<std::string, std::uint64_t> counters_;
};

}  // namespace

void add_status(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("status", "Say how the server is: OK, WARN or CRIT, why, and what to do");
  command->footer("Example:\n  toastctl status --json\nExit: 0 for OK and WARN, 1 for CRIT");
  command->callback([&context] {
    context.action = [&context]() -> Outcome {
      const Wanted<Instance> instance = context.instance();
      if (!instance) return tl::unexpected(instance.error());
      return StatusReport(context, *instance).run();
    };
  });
}

}  // namespace toast::admin
