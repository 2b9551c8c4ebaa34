// What is remembered and said of messages besides the journal: the event store behind toastctl
// trace, and qmail-send's log lines.
#pragma once

#include <string>

#include "mta/queue/observer.h"
#include "mta/queue/qmail_log.h"
#include "mta/queue/trace_desk.h"
#include "mta/queue/trace_sink.h"

namespace toast::queue {

class History {
 public:
  struct Services {
    asio::any_io_executor loop;
    asio::thread_pool& pool;
    const Store& store;
    const Clock& clock;
    Logger& log;
  };
  // `trace_directory`: empty, or where events are kept. `write_line`: null, or for qmail's lines.
  History(Services services, const Options& options, std::string trace_directory,
          QmailLog::Write write_line);

  Observer& observer() { return observers_; }
  void serve(ipc::Dispatcher& dispatcher) { desk_.serve(dispatcher); }
  void set_options(const Options& options);
  // Shutting down, and shut down: all events are in the files.
  void exit_as_soon_as_possible() { qmail_log_.exit_as_soon_as_possible(); }
  Task<> finish();

 private:
  trace::Writer writer_;
  TraceSink sink_;
  QmailLog qmail_log_;
  TraceDesk desk_;
  Observers observers_;
};

}  // namespace toast::queue
