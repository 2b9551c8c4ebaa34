#include "mta/queue/queue.h"

namespace toast::queue {

Queue::Queue(Services services, const Options& options, MessageId newest,
             std::vector<std::string> warnings)
    : services_(services),
      ids_(services.clock, MessageIdSource::kQueueMaker),
      metrics_(services.metrics),
      commits_(services.loop, services.store, options.sync_delay),
      history_({services.loop, pool_, services.store, services.clock, services.log}, options,
               services.trace_directory, services.qmail_line),
      ledger_({services.loop, pool_, services.store, commits_, services.clock, services.log, ids_,
               metrics_, history_.observer()},
              options),
      early_(services.loop, services.directory, services.clock),
      local_domains_(services.directory, services.clock),
      sending_domains_(services.directory, services.clock),
      limits_({services.loop, pool_, services.clock, services.log, services.sending_disk}, options),
      stopped_(services.stopped),
      intake_({services.loop, pool_, services.store, commits_, ledger_, early_, services.clock,
               services.log, local_domains_, sending_domains_, limits_, stopped_, services.tickets,
               services.filter},
              options),
      limit_notices_({services.loop, intake_, ids_, services.clock, services.log}, options),
      local_({intake_, ids_, services.clock, services.log}, options),
      deliverer_({services.loop, pool_, services.store, ledger_, early_, services.clock,
                  services.log, ids_, services.directory, services.mailboxes},
                 options, services.answers),
      remote_deliverer_({services.loop, ledger_, services.clock, services.log, services.remote}),
      pauses_(services.pauses),
      desk_({services.store, ledger_, intake_, deliverer_, remote_deliverer_, pauses_,
             services.clock, metrics_},
            options, std::move(warnings)),
      operator_({services.loop, ledger_, intake_, remote_deliverer_, pauses_, services.log},
                options),
      sender_desk_({services.loop, ledger_, limits_, stopped_, services.clock, services.log}),
      take_over_({pool_, services.store, ledger_, intake_}) {
  ids_.skip_past(newest);
  desk_.serve(*admin_);
  history_.serve(*admin_);
  operator_.serve(*admin_);
  sender_desk_.serve(*admin_);
  operator_.apply_pauses();
  limits_.on_reached([this](const SendLimitOf& limit, const std::string& what) {
    limit_notices_.tell(limit, what);
  });
  limits_.on_runaway([this](const std::string& login, const std::string& what) {
    if (sender_desk_.suspend(login, what)) limit_notices_.tell_suspended(login, what);
  });
  ledger_.on_work([this] {
    deliverer_.pump();
    intake_.room_again();
  });
  deliverer_.on_turn([this] {
    ledger_.warn_of_delays();
    remote_deliverer_.pump();
  });
}

PeerSocket::Guest Queue::admin_guest() {
  auto dispatcher = std::make_shared<ipc::Dispatcher>(*admin_);
  std::function<void()> forget = take_over_.serve(*dispatcher);
  return {"toastctl", std::move(dispatcher), std::move(forget)};
}

void Queue::start(std::span<const MessageState> live) {
  ledger_.load(live);
  deliverer_.pump();
}

void Queue::set_options(const Options& options) {
  commits_.set_urgent_wait(options.sync_delay);
  intake_.set_options(options);
  limits_.set_options(options);
  limit_notices_.set_options(options);
  local_.set_options(options);
  deliverer_.set_options(options);
  desk_.set_options(options);
  history_.set_options(options);
  operator_.set_options(options);
  ledger_.set_options(options);
}

Task<> Queue::drain() {
  intake_.close();
  history_.exit_as_soon_as_possible();
  deliverer_.stop();
  remote_deliverer_.stop();
  while (intake_.under_way() > 0 && !commits_.failure()) {
    asio::steady_timer tick(services_.loop, std::chrono::milliseconds(5));
    auto [ignored] = co_await tick.async_wait(no_throw);
    (void)ignored;
  }
  co_await ledger_.settle();
  co_await limits_.save();
  co_await history_.finish();
  intake_.drop_all();
  local_.drop_all();
  take_over_.drop_all();
}

}  // namespace toast::queue
