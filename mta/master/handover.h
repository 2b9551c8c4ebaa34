// SIGUSR2: a running toastd starts a new one (the program file may have been replaced) and offers
// it the lock and the listening sockets over the new one's descriptor 3. When the new one has
// checked its settings and programs it accepts; only then does the old one drain. Listeners stay
// open throughout: what connects in between waits in their backlog.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/codec.h"
#include "base/ipc.h"
#include "mta/master/listeners.h"
#include "mta/master/master.h"

namespace toast::master {

inline constexpr std::size_t kMaxListeners = 256;

struct OfferListener {
  static constexpr std::uint16_t kType = 1;
  using Reply = ipc::Done;
  std::string name;
  std::string configured;
  std::string bound;
  Fd descriptor;
  void encode(Encoder& e) const;
  static OfferListener decode(Decoder& d);
};
struct OfferLock {
  static constexpr std::uint16_t kType = 2;
  using Reply = ipc::Done;
  Fd descriptor;
  void encode(Encoder&) const {}
  static OfferLock decode(Decoder&) { return {}; }
};
// Everything has been offered: will you take it? An error reply says why not.
struct TakeOver {
  static constexpr std::uint16_t kType = 3;
  using Reply = ipc::Done;
  void encode(Encoder&) const {}
  static TakeOver decode(Decoder&) { return {}; }
};

// The new toastd's side. `accept` is called once; when it returns well, the answer is on its way to
// the old one and the new one may start.
class Successor {
 public:
  using Accept = std::function<Result<void>(Inheritance)>;
  Successor(asio::io_context& io, Fd channel, Accept accept, std::function<void()> on_lost);

 private:
  Task<Result<ipc::Done>> take_listener(OfferListener offered);
  Task<Result<ipc::Done>> take_lock(OfferLock offered);
  Task<Result<ipc::Done>> take_over();

  Inheritance inheritance_;
  Accept accept_;
  std::shared_ptr<ipc::Channel> channel_;
};

}  // namespace toast::master
