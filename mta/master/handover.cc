#include "mta/master/handover.h"

#include <csignal>

#include "mta/master/service_manager.h"

namespace toast::master {
namespace {

constexpr std::size_t kMaxListenerText = 256;  // an address with its port, or a path in run/
constexpr std::chrono::seconds kTakeOverTimeout{30};

}  // namespace

void OfferListener::encode(Encoder& e) const {
  e.bytes(name);
  e.bytes(configured);
  e.bytes(bound);
}

OfferListener OfferListener::decode(Decoder& d) {
  OfferListener m;
  m.name = d.string(kMaxListenerText);
  m.configured = d.string(kMaxListenerText);
  m.bound = d.string(kMaxListenerText);
  return m;
}

// --- the old toastd

Task<> Master::hand_over() {
  if (handing_over_ || supervisor_->stopping()) co_return;
  if (reloading_) {
    log_.error("toastd.handover.refused", {{"reason", "a reload is under way; try again"}});
    co_return;
  }
  handing_over_ = true;
  log_.info("toastd.handover.started", {{"program", options_.self}});
  Result<void> accepted = co_await offer_to_successor();
  if (!accepted) {
    log_.error("toastd.handover.refused",
               {{"reason", accepted.error().detail}, {"effect", "this toastd goes on"}});
    if (successor_ > 0) ::kill(successor_, SIGKILL);
    handing_over_ = false;
    co_return;
  }
  log_.info("toastd.handover.accepted", {{"pid", static_cast<std::int64_t>(successor_)}});
  handed_over_ = true;
  notify_service_manager(options_.notify_socket, "MAINPID=" + std::to_string(successor_));
  // From here on only the successor accepts; the sockets close with us, open in it.
  listeners_.clear();
  carry_out(supervisor_->stop(clock_.steady()));
}

Task<Result<void>> Master::offer_to_successor() {
  Result<SocketPair> pair = make_socket_pair();
  if (!pair) co_return pass(pair);
  Launch what{
      options_.self, {"--root", options_.root, "--take-over"}, options_.environment, {}, false};
  if (!options_.notify_socket.empty())
    what.environment.push_back("NOTIFY_SOCKET=" + options_.notify_socket);
  if (options_.unprivileged) what.arguments.emplace_back("--unprivileged");
  Result<pid_t> pid = launch(what, pair->right);
  if (!pid) co_return pass(pid);
  pair->right.reset();
  successor_ = *pid;
  std::shared_ptr<ipc::Channel> channel =
      ipc::Channel::open(io_.get_executor(), std::move(pair->left), "the new toastd");
  channel->start(nullptr, nullptr);
  Result<void> accepted = co_await offer(channel);
  channel->close("done");
  co_return accepted;
}

Task<Result<void>> Master::offer(std::shared_ptr<ipc::Channel> channel) {
  for (const Listener& listener : listeners_) {
    Result<Fd> copy = duplicate(listener.socket);
    if (!copy) co_return pass(copy);
    OfferListener offered{listener.name, listener.configured, listener.bound, std::move(*copy)};
    Result<ipc::Done> taken = co_await channel->call(std::move(offered));
    if (!taken) co_return pass(taken);
  }
  Result<Fd> lock = duplicate(lock_);
  if (!lock) co_return pass(lock);
  OfferLock offered{std::move(*lock)};
  Result<ipc::Done> taken = co_await channel->call(std::move(offered));
  if (!taken) co_return pass(taken);
  TakeOver question;
  Result<ipc::Done> accepted = co_await channel->call(std::move(question), kTakeOverTimeout);
  if (!accepted) co_return pass(accepted);
  co_return Result<void>{};
}

// --- the new toastd

Successor::Successor(asio::io_context& io, Fd channel, Accept accept, std::function<void()> on_lost)
    : accept_(std::move(accept)) {
  auto dispatcher = std::make_shared<ipc::Dispatcher>();
  dispatcher->on<OfferListener>([this](OfferListener m) { return take_listener(std::move(m)); });
  dispatcher->on<OfferLock>([this](OfferLock m) { return take_lock(std::move(m)); });
  dispatcher->on<TakeOver>([this](TakeOver) { return take_over(); });
  channel_ = ipc::Channel::open(io.get_executor(), std::move(channel), "the old toastd");
  channel_->start(std::move(dispatcher), [this, on_lost = std::move(on_lost)](const Error&) {
    if (accept_) on_lost();
  });
}

Task<Result<ipc::Done>> Successor::take_listener(OfferListener offered) {
  if (inheritance_.listeners.size() >= kMaxListeners) co_return permanent("too many listeners");
  inheritance_.listeners.push_back({std::move(offered.name), std::move(offered.configured),
                                    std::move(offered.bound), std::move(offered.descriptor)});
  co_return ipc::Done{};
}

Task<Result<ipc::Done>> Successor::take_lock(OfferLock offered) {
  inheritance_.lock = std::move(offered.descriptor);
  co_return ipc::Done{};
}

Task<Result<ipc::Done>> Successor::take_over() {
  if (!inheritance_.lock || !accept_) co_return permanent("offered out of order");
  Accept accept = std::exchange(accept_, nullptr);
  Result<void> accepted = accept(std::move(inheritance_));
  if (!accepted) co_return pass(accepted);
  co_return ipc::Done{};
}

}  // namespace toast::master
