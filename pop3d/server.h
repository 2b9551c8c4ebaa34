// The POP3 server of one process: accepts, counts, and runs connections.
#pragma once

#include <asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/async.h"
#include "base/connection_limits.h"
#include "base/fd.h"
#include "base/random.h"
#include "pop3d/connection.h"
#include "pop3d/session.h"

namespace toast::pop3 {

struct Options {
  std::string host_name;  // in the greeting
  ConnectionTimes times;
  tls::Floor tls_floor = tls::Floor::tls12;
  SessionLimits session;
  std::size_t max_connections = 10'000;  // of this process
  std::size_t max_per_client = 200;
  std::vector<Network> proxy_networks;  // balancers: each connection of theirs has a PROXY header
};

// Destroy it only when nothing runs on the executor any more.
class Server {
 public:
  Server(asio::any_io_executor executor, Options options, Services services, Random& random);
  ~Server();

  enum class Encryption : unsigned char { on_request, from_the_start };
  // `socket`: bound, listening, non-blocking, shared with other processes.
  void listen(Fd socket, Encryption encryption = Encryption::on_request);
  // For connections that come after it.
  void change(Options options);
  // The account is locked: its sessions end after the reply that is being given.
  void end_sessions_of(const std::string& mailbox);
  // Accepts no more, lets every command in hand finish, and returns when all connections are closed
  // or `patience` is over.
  Task<> drain(std::chrono::milliseconds patience);
  std::size_t connections() const { return connections_.size(); }

 private:
  struct Listener;
  struct Shared;  // what connections use; lives as long as the last of them
  Task<> accept_loop(std::shared_ptr<Listener> listener);
  bool accept_one(const Listener& listener, bool& out_of_resources);
  Task<> admit_proxied(Fd socket, IpAddress balancer, Encryption encryption);
  // `local`: where the client has connected to.
  void admit(Fd socket, const IpAddress& peer, const IpAddress& local, Encryption encryption,
             bool exempt = false);
  void count_refusal(const IpAddress& peer, ConnectionLimits::Refusal why);
  void refuse(const Fd& socket, const IpAddress& peer, ConnectionLimits::Refusal why,
              Encryption encryption);
  Task<> serve(std::shared_ptr<Shared> shared, ConnectionLimits::Place place,
               std::shared_ptr<Connection> connection, std::string peer, Encryption encryption);
  Task<bool> begin_tls(Connection& connection, std::string peer);

  asio::any_io_executor executor_;
  Options options_;
  Services services_;
  Random& random_;
  std::shared_ptr<Shared> shared_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  asio::steady_timer all_closed_;
  bool draining_ = false;
};

}  // namespace toast::pop3
