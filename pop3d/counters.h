// What a POP3 server counts; shown by toastctl status.
#pragma once

#include "base/metrics.h"

namespace toast::pop3 {

struct Counters {
  explicit Counters(Metrics& metrics)
      : sessions(metrics.counter("pop3.sessions")),
        sessions_refused(metrics.counter("pop3.sessions.refused")),
        sessions_open(metrics.gauge("pop3.sessions.open")),
        logins(metrics.counter("pop3.logins")),
        logins_refused(metrics.counter("pop3.logins.refused")),
        logins_unavailable(metrics.counter("pop3.logins.unavailable")),
        messages_sent(metrics.counter("pop3.messages.sent")),
        messages_deleted(metrics.counter("pop3.messages.deleted")),
        tls_sessions(metrics.counter("pop3.tls.sessions")),
        tls_resumed(metrics.counter("pop3.tls.resumed")),
        tls_failures(metrics.counter("pop3.tls.failures")) {}

  Counter sessions;
  Counter sessions_refused;    // a cap was reached
  Gauge sessions_open;         // connections
  Counter logins;              // with their mailbox open
  Counter logins_refused;      // wrong or throttled
  Counter logins_unavailable;  // authd or maild could not say
  Counter messages_sent;       // RETR and TOP, to their end
  Counter messages_deleted;    // at QUIT
  Counter tls_sessions;        // encrypted, by STLS or from the first byte
  Counter tls_resumed;         // of these: without a new key exchange by certificate
  Counter tls_failures;        // handshakes that came to nothing
};

}  // namespace toast::pop3
