// Takes over messages that waited in another queue (takeover_messages.h). Bodies are collected as
// those of new mail are: in memory up to the journal's inline size, beyond that in a file.
//
// Two bounds of new mail do not hold here, for this mail was accepted long ago: databytes, and the
// delay beyond the high water mark. Nor does the filter see it again.
#pragma once

#include <memory>
#include <vector>

#include "mta/queue/intake.h"
#include "mta/queue/ledger.h"
#include "mta/queue/takeover_messages.h"

namespace toast::queue {

class TakeOverDesk {
 public:
  struct Services {
    asio::thread_pool& pool;  // for body files
    Store& store;
    Ledger& ledger;
    Intake& intake;  // says whether anything may be taken now
  };
  explicit TakeOverDesk(Services services) : services_(services) {}
  TakeOverDesk(const TakeOverDesk&) = delete;
  TakeOverDesk& operator=(const TakeOverDesk&) = delete;

  // For one connection. Returns what forgets its message, to be called when it is over.
  std::function<void()> serve(ipc::Dispatcher& dispatcher);
  // Forgets every message that has not ended.
  void drop_all();

 private:
  struct Draft;
  struct Client;

  Task<Result<TakeOver::Reply>> begin(std::shared_ptr<Client> client, TakeOver message);
  Task<Result<ipc::Done>> recipients(std::shared_ptr<Client> client, TakeOverRecipients message);
  Task<Result<ipc::Done>> steps(std::shared_ptr<Client> client, TakeOverSteps message);
  Task<Result<ipc::Done>> chunk(std::shared_ptr<Client> client, TakeOverChunk message);
  Task<Result<ipc::Done>> end(std::shared_ptr<Client> client);
  Task<Result<ipc::Done>> confirm(TakeOverConfirm message);
  Task<Result<ipc::Done>> settle();
  Task<Result<void>> append(std::shared_ptr<Draft> draft, std::string bytes);
  Task<Result<void>> finish(std::shared_ptr<Draft> draft);

  Services services_;
  std::vector<std::weak_ptr<Client>> clients_;
};

}  // namespace toast::queue
