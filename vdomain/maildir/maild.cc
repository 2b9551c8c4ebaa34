#include "vdomain/maildir/maild.h"

#include <algorithm>
#include <asio/this_coro.hpp>
#include <atomic>
#include <unordered_map>
#include <utility>

#include "vdomain/maildir/quota_warning.h"

namespace toast::maildir {
namespace {

constexpr std::chrono::milliseconds kDrainStep{5};
// A listing is kept for the next visit when the client of this one has what it came for: the two
// would compete for the processor.
constexpr std::chrono::milliseconds kKeepDelay{5};

// Which program is at the other end: "toast-pop3d" of "toast-pop3d.1".
std::string_view program_of(std::string_view peer) { return peer.substr(0, peer.find('.')); }

// What is wrong here is a defect of ours: temporary, so that no mail bounces for it.
Result<DeliveryJob> job_from(Deliver request) {
  if (request.queue_instance.size() != kInstanceBytes)
    return transient("a delivery without the id of its queue");
  if (request.descriptor ? !request.body.empty() : request.body.size() != request.body_bytes)
    return transient("a delivery whose body is not of the size it says");
  Result<MaildirPath> maildir = MaildirPath::parse(request.target.maildir);
  if (!maildir) return pass(maildir);
  DeliveryKey key{std::move(request.queue_instance), request.message,
                  request.recipient_index,           request.instruction_index,
                  request.recipient.str(),           request.arrival_seconds};
  return DeliveryJob{std::move(key),
                     std::move(*maildir),
                     std::move(request.target.mailbox),
                     request.target.quota,
                     std::move(request.reverse_path),
                     std::move(request.recipient),
                     std::move(request.body),
                     std::move(request.descriptor),
                     request.body_bytes};
}

Result<QuotaHolder> holder_from(const auth::Grant& grant) {
  Result<Address> mailbox = Address::parse(grant.mailbox);
  if (!mailbox) return pass(mailbox, "ticket");
  Result<MaildirPath> maildir = MaildirPath::parse(grant.maildir);
  if (!maildir) return pass(maildir, "ticket");
  return QuotaHolder{std::move(*mailbox), std::move(*maildir),
                     vdomain::Quota{grant.quota_bytes, grant.quota_messages}};
}

// One front end's channel and what it has open: a mailbox each, no descriptors, no names. Owned by
// the channel's handlers, so it goes when the channel goes, and a restarted front end under the
// same name has nothing of it.
struct Client {
  Client(std::string name, Gauge gauge) : peer(std::move(name)), open_sessions(gauge) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { open_sessions.subtract(sessions.size()); }

  std::shared_ptr<const QuotaHolder> find(std::uint64_t session) const {
    const auto found = sessions.find(session);
    return found == sessions.end() ? nullptr : found->second;
  }
  void add(std::uint64_t session, std::shared_ptr<const QuotaHolder> mailbox) {
    sessions.emplace(session, std::move(mailbox));
    open_sessions.add();
  }
  void close(std::uint64_t session) {
    if (sessions.erase(session) != 0) open_sessions.subtract();
  }
  const std::string peer;
  Gauge open_sessions;
  std::unordered_map<std::uint64_t, std::shared_ptr<const QuotaHolder>> sessions;
};
using ClientPtr = std::shared_ptr<Client>;

}  // namespace

struct Maild::Parts : std::enable_shared_from_this<Maild::Parts> {
  Parts(asio::any_io_executor executor_, MaildOptions options, Fd mail_root,
        std::unique_ptr<FileSystem> own_files, FileSystem& files, const Clock& clock_, Logger& log_,
        Metrics& metrics, SendUsage send_usage_)
      : executor(std::move(executor_)),
        own(std::move(own_files)),
        send_usage(std::move(send_usage_)),
        clock(clock_),
        log(log_),
        delivered(metrics.counter("maild.deliveries")),
        repeated(metrics.counter("maild.deliveries.repeated")),
        failures(metrics.counter("maild.deliveries.failed")),
        opened(metrics.counter("maild.maildrops.opened")),
        removed(metrics.counter("maild.messages.removed")),
        open_sessions(metrics.gauge("maild.maildrops.open")),
        tickets(std::move(options.ticket_key), clock_),
        store(std::move(mail_root), files, clock_, options.open_maildirs),
        quota(store.files(), clock_,
              [this](const QuotaHolder& holder, vdomain::RoomState state, Usage usage) {
                report_usage(holder, state, usage);
              }),
        deliverer(store, MessageNamer(options.host_name), quota, clock_),
        warnings(store, deliverer, quota, options.host_name, log_,
                 metrics.counter("maild.quota.warnings")),
        domains(clock_),
        meter({executor, store, warnings, clock_, log_, metrics.counter("maild.domains.summed"),
               warnings_in_hand},
              domains),
        maildrops(store, quota, clock_, options.boot_id, &threads),
        threads(options.maildrop_threads),
        deliveries(deliverer, options.delivery_threads) {
    domains.set_percentages(options.quota_warnings);
    quota.set_percentages(std::move(options.quota_warnings));
    quota.measure_domains(domains);
    quota.on_crossed([this](const QuotaHolder& holder, unsigned percent, Usage used) {
      ++warnings_in_hand;
      asio::post(threads, [this, holder, percent, used] {
        warnings.warn(holder, percent, used);
        --warnings_in_hand;
      });
    });
  }

  // On any thread.
  void report_usage(const QuotaHolder& holder, vdomain::RoomState state, Usage usage) {
    vdomain::UsageReport report{holder.mailbox};
    report.state = state;
    report.quota = holder.quota;
    report.bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, usage.bytes));
    report.messages = static_cast<std::uint64_t>(std::max<std::int64_t>(0, usage.messages));
    asio::post(executor, [send = send_usage, report = std::move(report)]() mutable {
      if (send) send(std::move(report));
    });
  }

  Task<std::unique_ptr<Delivery>> carry_out(std::unique_ptr<Delivery> delivery);
  Task<Result<Deliver::Reply>> deliver(Deliver request);
  Task<Result<OpenMaildrop::Reply>> open(ClientPtr client, OpenMaildrop request);
  Task<Result<FetchMessage::Reply>> fetch(ClientPtr client, FetchMessage request);
  Task<Result<DeleteMessages::Reply>> remove(ClientPtr client, DeleteMessages request);
  Task<> keep_listing(MaildropReader::Unkept unkept);
  Task<> look_at_full_mailboxes();

  asio::any_io_executor executor;
  std::unique_ptr<FileSystem> own;
  SendUsage send_usage;
  const Clock& clock;
  Logger& log;
  Counter delivered;
  Counter repeated;
  Counter failures;
  Counter opened;
  Counter removed;
  Gauge open_sessions;
  auth::TicketVerifier tickets;
  MailStore store;
  QuotaGate quota;
  Deliverer deliverer;
  QuotaWarnings warnings;
  std::atomic<std::size_t> warnings_in_hand{0};
  DomainSums domains;
  DomainMeter meter;
  MaildropReader maildrops;
  std::uint64_t last_session = 0;
  std::size_t in_hand = 0;
  asio::thread_pool threads;
  DeliveryPool deliveries;
};

namespace {

// Counts a request as in hand until its coroutine ends, however it ends.
class InHand {
 public:
  explicit InHand(std::size_t& count) : count_(count) { ++count_; }
  InHand(const InHand&) = delete;
  InHand& operator=(const InHand&) = delete;
  ~InHand() { --count_; }

 private:
  std::size_t& count_;
};

}  // namespace

// ---- delivery

Task<std::unique_ptr<Delivery>> Maild::Parts::carry_out(std::unique_ptr<Delivery> delivery) {
  return asio::async_initiate<const asio::use_awaitable_t<>&,
                              void(std::exception_ptr, std::unique_ptr<Delivery>)>(
      [this](auto handler, std::unique_ptr<Delivery> job) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        job->report = [shared, to = executor](std::unique_ptr<Delivery> done) {
          asio::post(to, [shared, done = std::move(done)]() mutable {
            (*shared)(std::exception_ptr{}, std::move(done));
          });
        };
        deliveries.submit(std::move(job));
      },
      asio::use_awaitable, std::move(delivery));
}

Task<Result<Deliver::Reply>> Maild::Parts::deliver(Deliver request) {
  const InHand counted(in_hand);
  const std::uint64_t request_bytes = request.body_bytes;
  Result<DeliveryJob> job = job_from(std::move(request));
  if (!job) co_return pass(job);
  if (!domains.none()) {
    Domain domain = job->mailbox.domain();
    co_await meter.prepare(std::move(domain), request_bytes);
  }
  auto delivery = std::make_unique<Delivery>(std::move(*job));
  delivery = co_await carry_out(std::move(delivery));
  if (delivery->failed) {
    failures.add();
    log.warning(
        "maild.delivery.failed",
        {{"message", delivery->job.key.message.str()},
         {"maildir", delivery->job.maildir.str()},
         {"kind", delivery->failed->failure == Failure::permanent ? "permanent" : "transient"},
         {"reason", delivery->failed->detail}});
    co_return tl::unexpected(std::move(*delivery->failed));
  }
  delivered.add();
  if (delivery->result.already_there) {
    repeated.add();
    log.info("maild.delivery.repeated",
             {{"message", delivery->job.key.message.str()}, {"file", delivery->result.file_name}});
  }
  Deliver::Reply reply;
  reply.already_there = delivery->result.already_there;
  reply.file_name = std::move(delivery->result.file_name);
  co_return std::move(reply);
}

// ---- maildrops

Task<Result<OpenMaildrop::Reply>> Maild::Parts::open(ClientPtr client, OpenMaildrop request) {
  const InHand counted(in_hand);
  const auth::ConnectionId connection{client->peer, request.connection};
  Result<auth::Grant> grant = tickets.redeem(request.ticket, auth::Service::pop3, connection);
  if (!grant) {
    log.warning("maild.ticket.refused", {{"peer", client->peer}, {"reason", grant.error().detail}});
    co_return pass(grant);
  }
  Result<QuotaHolder> holder = holder_from(*grant);
  if (!holder) co_return pass(holder);
  if (client->sessions.size() >= kMaxSessions) co_return transient("too many open maildrops");
  auto mailbox = std::make_shared<const QuotaHolder>(std::move(*holder));
  auto work = [this, mailbox] { return maildrops.open(mailbox->maildir); };
  Result<MaildropReader::Opened> listing = co_await run_blocking(threads, std::move(work));
  if (!listing) {
    log.error("maild.maildrop.unreadable",
              {{"maildir", mailbox->maildir.str()}, {"reason", listing.error().detail}});
    co_return pass(listing);
  }
  if (listing->unkept) spawn(executor, keep_listing(std::move(*listing->unkept)));
  OpenMaildrop::Reply reply;
  reply.session = ++last_session;
  reply.messages = listing->messages;
  reply.octets = listing->octets;
  reply.descriptor = std::move(listing->listing);
  client->add(reply.session, std::move(mailbox));
  opened.add();
  co_return std::move(reply);
}

// Not waited for: a cache.
Task<> Maild::Parts::keep_listing(MaildropReader::Unkept unkept) {
  asio::steady_timer timer(executor, kKeepDelay);
  auto [ignored] = co_await timer.async_wait(no_throw);
  (void)ignored;
  asio::post(threads,
             [this, given = std::move(unkept)]() mutable { maildrops.keep(std::move(given)); });
}

Task<Result<FetchMessage::Reply>> Maild::Parts::fetch(ClientPtr client, FetchMessage request) {
  const InHand counted(in_hand);
  std::shared_ptr<const QuotaHolder> mailbox = client->find(request.session);
  if (!mailbox) co_return permanent("no such session");
  auto work = [this, mailbox, name = std::move(request.name)] {
    return maildrops.fetch(mailbox->maildir, name);
  };
  Result<MaildropReader::Message> message = co_await run_blocking(threads, std::move(work));
  if (!message) co_return pass(message);
  FetchMessage::Reply reply;
  reply.file_bytes = message->bytes;
  reply.descriptor = std::move(message->file);
  co_return std::move(reply);
}

Task<Result<DeleteMessages::Reply>> Maild::Parts::remove(ClientPtr client, DeleteMessages request) {
  const InHand counted(in_hand);
  std::shared_ptr<const QuotaHolder> mailbox = client->find(request.session);
  if (!mailbox) co_return permanent("no such session");
  auto work = [this, mailbox, names = std::move(request.names)] {
    return maildrops.remove(*mailbox, names);
  };
  Result<MaildropReader::Removed> done = co_await run_blocking(threads, std::move(work));
  if (!done) co_return pass(done);
  removed.add(done->removed);
  if (done->failed > 0)
    log.error("maild.remove.failed",
              {{"maildir", mailbox->maildir.str()}, {"messages", done->failed}});
  DeleteMessages::Reply reply;
  reply.removed = done->removed;
  reply.failed = done->failed;
  co_return std::move(reply);
}

// Without this a mailbox emptied by another program would stay closed at RCPT.
Task<> Maild::Parts::look_at_full_mailboxes() {
  const std::weak_ptr<Parts> alive = weak_from_this();
  asio::steady_timer timer(co_await asio::this_coro::executor);
  std::size_t looked_at = 0;
  for (;;) {
    timer.expires_after(
        std::max<std::chrono::milliseconds>(kLookAtFullMailboxes, looked_at * kPerFullMailbox));
    auto [failed] = co_await timer.async_wait(no_throw);
    const std::shared_ptr<Parts> self = alive.lock();
    if (failed || !self) co_return;
    auto work = [this] {  // alive as long as `self` is
      const std::vector<QuotaHolder> full = quota.to_look_at();
      for (const QuotaHolder& holder : full) {
        const Result<Fd> maildir = store.open_directory(holder.maildir, "");
        if (maildir && *maildir) quota.look_again(*maildir, holder);
      }
      return full.size();
    };
    looked_at = co_await run_blocking(threads, std::move(work));
  }
}

// ---- the outside

Maild::Maild(asio::any_io_executor executor, MaildOptions options, Fd mail_root, const Clock& clock,
             Logger& log, Metrics& metrics, SendUsage send_usage) {
  auto own = std::make_unique<FileSystem>();
  FileSystem& files = *own;
  parts_ =
      std::make_shared<Parts>(std::move(executor), std::move(options), std::move(mail_root),
                              std::move(own), files, clock, log, metrics, std::move(send_usage));
}

Maild::Maild(asio::any_io_executor executor, MaildOptions options, Fd mail_root, FileSystem& files,
             const Clock& clock, Logger& log, Metrics& metrics, SendUsage send_usage)
    : parts_(std::make_shared<Parts>(std::move(executor), std::move(options), std::move(mail_root),
                                     nullptr, files, clock, log, metrics, std::move(send_usage))) {}

Maild::~Maild() = default;

void Maild::measure_domains(std::shared_ptr<QuotaDirectory> directory) {
  parts_->meter.start(std::move(directory), parts_);
}

void Maild::start() { spawn(parts_->executor, parts_->look_at_full_mailboxes()); }

std::shared_ptr<const ipc::Dispatcher> Maild::dispatcher_for(const std::string& peer) {
  auto dispatcher = std::make_shared<ipc::Dispatcher>();
  Parts* parts = parts_.get();
  if (program_of(peer) == "toast-queued") {
    dispatcher->on<Deliver>(
        [parts](Deliver request) { return parts->deliver(std::move(request)); });
    return dispatcher;
  }
  if (program_of(peer) != "toast-pop3d") return nullptr;
  auto client = std::make_shared<Client>(peer, parts->open_sessions);
  dispatcher->on<OpenMaildrop>(
      [parts, client](OpenMaildrop request) { return parts->open(client, std::move(request)); });
  dispatcher->on<FetchMessage>(
      [parts, client](FetchMessage request) { return parts->fetch(client, std::move(request)); });
  dispatcher->on<DeleteMessages>([parts, client](DeleteMessages request) {
    return parts->remove(client, std::move(request));
  });
  dispatcher->on_notice<CloseMaildrop>(
      [client](CloseMaildrop notice) { client->close(notice.session); });
  return dispatcher;
}

void Maild::issuer_ended(SteadyTime at) { parts_->tickets.issuer_ended(at); }

void Maild::set_host_name(std::string_view host_name) {
  parts_->deliverer.set_namer(MessageNamer(host_name));
  parts_->warnings.set_host(host_name);
}

void Maild::set_quota_warnings(std::vector<unsigned> percentages) {
  parts_->domains.set_percentages(percentages);
  parts_->quota.set_percentages(std::move(percentages));
}

std::uint64_t Maild::sessions() const { return parts_->open_sessions.value(); }

Task<> Maild::drain() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (parts_->in_hand > 0 || parts_->warnings_in_hand > 0) {
    timer.expires_after(kDrainStep);
    co_await timer.async_wait(no_throw);
  }
}

}  // namespace toast::maildir
