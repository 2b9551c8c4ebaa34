// Accepts connections on the listening sockets that toastd hands over and runs a Session on each.
// Connections over the limits hear 421 and are closed. Trusts nobody who connects.
#pragma once

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/async.h"
#include "base/connection_limits.h"
#include "base/fd.h"
#include "base/result.h"
#include "mta/smtp/socket_wire.h"
#include "mta/smtpd/options.h"
#include "mta/smtpd/services.h"

namespace toast::smtpd {

class Session;

class Server {
 public:
  // Outlives the io_context's run().
  Server(asio::any_io_executor executor, Services& services,
         std::shared_ptr<const Options> options);
  // A bound, listening, non-blocking TCP socket, shared with other processes.
  [[nodiscard]] Result<void> listen(Fd listener, Port port = Port::smtp);
  // For connections from now on.
  void set_options(std::shared_ptr<const Options> options);
  // The account is locked: its sessions end between two commands, where no message is under way;
  // what is under way is queued's to refuse.
  void end_sessions_of(const std::string& mailbox);
  // Accepts nothing more; sessions end when their transaction does. Completes when all have ended.
  Task<> drain();
  std::size_t connections() const { return limits_.total(); }

 private:
  using Acceptor = asio::ip::tcp::acceptor;
  Task<> accept_loop(std::shared_ptr<Acceptor> acceptor, Port port);
  void take(asio::ip::tcp::socket socket, const asio::ip::tcp::endpoint& peer, Port port);
  void refuse(asio::ip::tcp::socket socket, const IpAddress& peer, ConnectionLimits::Refusal why,
              Port port);
  Task<> serve(asio::ip::tcp::socket socket, IpAddress peer, IpAddress local,
               ConnectionLimits::Place place, Port port);
  Task<> serve_proxied(asio::ip::tcp::socket socket, IpAddress balancer,
                       ConnectionLimits::Place place, Port port);
  void let_drain_end();
  Task<> pause(std::chrono::milliseconds time);

  asio::any_io_executor executor_;
  Services& services_;
  std::shared_ptr<const Options> options_;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
  ConnectionLimits limits_;
  std::unordered_set<smtp::SocketWire*> wires_;
  std::unordered_map<Session*, smtp::SocketWire*> sessions_;
  asio::steady_timer all_ended_;  // cancelled when the last session of a drain is over
  std::shared_ptr<smtp::ReadBlock> block_ = std::make_shared<smtp::ReadBlock>();
  bool draining_ = false;
};

}  // namespace toast::smtpd
