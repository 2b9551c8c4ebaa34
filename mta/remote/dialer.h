// Opens connections to other hosts.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/async.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "mta/smtp/socket_wire.h"

namespace toast::remote {

class Dialer {
 public:
  virtual ~Dialer() = default;
  // TCP, from `source` if given. Errors are transient: 4.4.1 the host, 4.3.5 our own address.
  virtual Task<Result<std::unique_ptr<smtp::Wire>>> connect(Endpoint host,
                                                            std::optional<IpAddress> source,
                                                            std::chrono::seconds patience) = 0;
  // A local stream socket. The same errors.
  virtual Task<Result<std::unique_ptr<smtp::Wire>>> connect_local(std::string path) = 0;
};

class SocketDialer final : public Dialer {
 public:
  explicit SocketDialer(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  Task<Result<std::unique_ptr<smtp::Wire>>> connect(Endpoint host, std::optional<IpAddress> source,
                                                    std::chrono::seconds patience) override;
  Task<Result<std::unique_ptr<smtp::Wire>>> connect_local(std::string path) override;

 private:
  asio::any_io_executor executor_;
  std::shared_ptr<smtp::ReadBlock> block_ = std::make_shared<smtp::ReadBlock>();
};

}  // namespace toast::remote
