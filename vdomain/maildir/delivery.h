// Maildir delivery. The order, which is never bent for speed:
//
//   1 check   the path, the loop (5.4.6), the quota (4.2.2), whether it happened before
//   2 write   tmp/NAME, exclusively created
//   3 fsync   tmp/NAME
//   4 rename  tmp/NAME to new/NAME, replacing nothing
//   5 fsync   new/ (once for a batch)
//   6 ledger  one line in maildirsize, where there is a quota
//   7 report
//
// The process may die between any two steps: before 4 there is nothing in new/, after 4 a whole
// message. Asked again it finds its own name in tmp/ (removed and written anew), new/ or cur/
// (taken as done, after step 5, if size and content match). A batch takes these steps together,
// each step for all before the next: the waits for the disk overlap, the order of each message is
// the same.
//
// Threads may call deliver() at the same time with different batches.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "base/fd.h"
#include "base/result.h"
#include "mta/message/address.h"
#include "vdomain/maildir/delivery_memory.h"
#include "vdomain/maildir/mail_store.h"
#include "vdomain/maildir/maildirsize.h"
#include "vdomain/maildir/message_name.h"
#include "vdomain/maildir/quota_gate.h"

namespace toast::maildir {

struct DeliveryJob {
  DeliveryKey key;
  MaildirPath maildir;
  Address mailbox;
  vdomain::Quota quota;
  ReversePath reverse_path;
  Address recipient;
  std::string body;              // LF line ends; unused when there is a blob
  Fd blob;                       // read-only, from its start
  std::uint64_t blob_bytes = 0;  // what its journal record says
};

struct Delivered {
  bool already_there = false;
  std::string file_name;
};

// One job on its way through the steps. Made by the caller, filled by deliver().
struct Delivery {
  explicit Delivery(DeliveryJob what) : job(std::move(what)) {}
  DeliveryJob job;
  std::optional<Error> failed;
  Delivered result;
  // Step 7, called once from deliver(), with the delivery itself.
  std::function<void(std::unique_ptr<Delivery>)> report;

  // Between the steps.
  std::shared_ptr<const OpenMaildir> maildir;
  QuotaGate::Reservation reservation;
  std::optional<DeliveryMemory::Claim> claim;
  std::string fields;
  MessageSize size;
  std::optional<MessageNamer> namer;  // the same for all names that this delivery tries
  std::string name;
  unsigned again = 0;
  Fd file;
  int to_sync = -1;  // the directory of step 5: new/, or cur/ when found there
  Fd found_in;
};

class Deliverer {
 public:
  Deliverer(MailStore& store, MessageNamer namer, QuotaGate& quota, const Clock& clock);
  // Every delivery is reported, in the order of the batch, after the last sync of the batch; the
  // batch is empty pointers then.
  void deliver(std::span<std::unique_ptr<Delivery>> batch);
  // For deliveries that begin from now on.
  void set_namer(MessageNamer namer);

 private:
  MessageNamer namer() const;
  void check(Delivery& d);
  Result<void> check_loop(Delivery& d);
  Result<void> measure(Delivery& d);
  void find_moved(Delivery& d);
  Result<bool> adopt(Delivery& d, int directory, const std::string& name);
  void write(Delivery& d, bool more_follow);
  Result<void> write_content(Delivery& d);
  void sync_file(Delivery& d);
  void publish(Delivery& d);
  void sync_directories(std::span<std::unique_ptr<Delivery>> batch);
  void finish(std::unique_ptr<Delivery> delivery);
  void abandon(Delivery& d);

  MailStore& store_;
  FileSystem& files_;
  mutable std::mutex namer_mutex_;
  MessageNamer namer_;
  QuotaGate& quota_;
  const Clock& clock_;
  DeliveryMemory memory_;
};

}  // namespace toast::maildir
