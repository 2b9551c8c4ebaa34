#include "mta/queue/history.h"

namespace toast::queue {

History::History(Services services, const Options& options, std::string trace_directory,
                 QmailLog::Write write_line)
    : writer_(services.loop, services.pool, services.log, std::move(trace_directory),
              options.trace_bytes),
      sink_({services.loop, services.pool, services.store, services.clock, writer_}),
      qmail_log_(std::move(write_line), options),
      desk_(services.pool, writer_, options) {
  observers_.add(sink_);
  observers_.add(qmail_log_);
}

void History::set_options(const Options& options) {
  writer_.set_capacity(options.trace_bytes);
  qmail_log_.set_options(options);
  desk_.set_options(options);
}

Task<> History::finish() {
  co_await writer_.flush();
  qmail_log_.exited();
}

}  // namespace toast::queue
