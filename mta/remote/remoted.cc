#include "mta/remote/remoted.h"

namespace toast::remote {

Remoted::Remoted(const asio::any_io_executor& executor, std::shared_ptr<const Options> options,
                 Services& services)
    : options_(std::move(options)), services_(services), idle_(executor) {
  dispatcher_->on<DeliverRemote>(
      [this](DeliverRemote request) { return answer(std::move(request)); });
}

std::shared_ptr<const ipc::Dispatcher> Remoted::dispatcher_for(const std::string& peer) {
  if (peer.substr(0, peer.find('.')) == "toast-queued") return dispatcher_;
  return nullptr;
}

Task<Result<DeliverRemote::Reply>> Remoted::answer(DeliverRemote request) {
  ++in_hand_;
  DeliverRemote::Reply reply =
      co_await deliver(options_, services_, std::move(request), abandoned_);
  count(reply);
  if (--in_hand_ == 0) idle_.cancel();
  co_return std::move(reply);
}

void Remoted::count(const DeliverRemote::Reply& reply) {
  for (const Outcome& outcome : reply.outcomes) {
    if (outcome.kind == Outcome::Kind::delivered) services_.counters.delivered.add();
    if (outcome.kind == Outcome::Kind::deferred) services_.counters.deferred.add();
    if (outcome.kind == Outcome::Kind::failed) services_.counters.failed.add();
  }
}

void Remoted::queue_gone() {
  *abandoned_ = true;
  abandoned_ = std::make_shared<bool>(false);
}

Task<> Remoted::drain() {
  services_.pool.close_all();
  if (in_hand_ == 0) co_return;
  idle_.expires_at(SteadyTime::max());
  (void)co_await idle_.async_wait(no_throw);
}

}  // namespace toast::remote
