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
        messages_deleted(metrics.counter("pop3.messages.deleted")) {}

  Counter sessions;
  Counter sessions_refused;    // a cap was reached
  Gauge sessions_open;         // connections
  Counter logins;              // with their mailbox open
  Counter logins_refused;      // wrong or throttled
  Counter logins_unavailable;  // authd or maild could not say
  Counter messages_sent;       // RETR and TOP, to their end
  Counter messages_deleted;    // at QUIT
};

}  // namespace toast::pop3
