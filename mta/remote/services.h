// What the parts of remote delivery are given, built once in main or in a test.
#pragma once

#include <asio/thread_pool.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mta/remote/connection_pool.h"
#include "mta/remote/dialer.h"
#include "mta/remote/host_finder.h"
#include "mta/remote/host_troubles.h"
#include "mta/remote/login.h"
#include "mta/remote/tls_starter.h"

namespace toast::remote {

struct Counters {
  explicit Counters(Metrics& metrics)
      : connections(metrics.counter("remote.connections")),
        reused_connections(metrics.counter("remote.connections.reused")),
        tls_connections(metrics.counter("remote.connections.tls")),
        tls_resumed(metrics.counter("remote.connections.tls.resumed")),
        tls_failed(metrics.counter("remote.tls.failed")),
        failed_connections(metrics.counter("remote.connections.failed")),
        transactions(metrics.counter("remote.transactions")),
        unreachable(metrics.counter("remote.destinations.unreachable")),
        delivered(metrics.counter("remote.recipients.delivered")),
        deferred(metrics.counter("remote.recipients.deferred")),
        failed(metrics.counter("remote.recipients.failed")) {}
  Counter connections;
  Counter reused_connections;
  Counter tls_connections;
  Counter tls_resumed;
  Counter tls_failed;
  Counter failed_connections;
  Counter transactions;
  Counter unreachable;
  Counter delivered;
  Counter deferred;
  Counter failed;
};

struct Services {
  const Clock& clock;
  Logger& log;
  HostFinder& hosts;
  Dialer& dialer;
  ConnectionPool& pool;
  HostTroubles& troubles;
  TlsStarter& tls;
  RecentHosts& without_tls;  // their TLS has failed
  PasswordSource& passwords;
  asio::thread_pool& disk;  // reads of large messages
  Counters& counters;
};

}  // namespace toast::remote
