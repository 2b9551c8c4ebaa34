// One libunbound context with its thread, as coroutines: the only place that includes unbound.h.
// The thread does the resolving and hears nothing but DNS; every answer arrives on the executor's
// thread, through a pipe. A single-threaded executor is required.
#pragma once

#include <asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/async.h"
#include "base/dns/records.h"
#include "base/ip_address.h"

struct ub_ctx;
struct ub_result;

namespace toast::dns {

class UnboundContext : public std::enable_shared_from_this<UnboundContext> {
 public:
  // Asks `servers`, which resolve for us; with none, the Internet's name servers from the root
  // down. Validates by `trust_anchors` (DNSKEY or DS records as text); without any not at all.
  // Starts the thread and opens what it needs: to be called before system calls are restricted.
  [[nodiscard]] static Result<std::shared_ptr<UnboundContext>> open(
      const asio::any_io_executor& executor, const std::vector<Endpoint>& servers,
      const std::vector<std::string>& trust_anchors);
  UnboundContext(const UnboundContext&) = delete;
  UnboundContext& operator=(const UnboundContext&) = delete;
  ~UnboundContext();

  // Errors are transient: no answer within `patience`, a failure code, a signature that fails.
  static Task<Result<Records>> ask(std::shared_ptr<UnboundContext> self, std::string name, int type,
                                   std::chrono::milliseconds patience);
  // Whoever waits gets an error; the thread ends.
  void close();

 private:
  struct Question;
  struct DeleteContext {
    void operator()(ub_ctx* context) const;
  };
  UnboundContext(const asio::any_io_executor& executor, ub_ctx* context);
  Result<void> configure(const std::vector<Endpoint>& servers,
                         const std::vector<std::string>& trust_anchors);
  Result<void> start_thread();
  void watch();
  static void on_answer(void* question, int error, ub_result* result);

  asio::any_io_executor executor_;
  asio::posix::stream_descriptor answers_;
  std::unique_ptr<ub_ctx, DeleteContext> context_;
  std::unordered_map<Question*, std::shared_ptr<Question>> waiting_;  // libunbound holds the keys
};

}  // namespace toast::dns
