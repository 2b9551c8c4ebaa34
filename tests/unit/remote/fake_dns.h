// A DNS out of tables. What is not in them does not exist.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/dns.h"

namespace toast {

class FakeDns final : public Dns {
 public:
  void add_mx(const std::string& name, std::vector<MxRecord> records, std::size_t dropped = 0) {
    std::sort(records.begin(), records.end());
    mx_[name] = {.status = DnsStatus::found, .records = std::move(records), .dropped = dropped};
  }
  void add_without_mx(const std::string& name) { mx_[name] = {.status = DnsStatus::no_data}; }
  // Addresses as text, both families together.
  void add_host(const std::string& name, const std::vector<std::string>& addresses) {
    AddressAnswer answer;
    for (const std::string& text : addresses) {
      const IpAddress address = *IpAddress::parse(text);
      (address.is_v4() ? answer.v4 : answer.v6).push_back(address);
    }
    if (!addresses.empty()) answer.status = DnsStatus::found;
    hosts_[name] = std::move(answer);
  }
  void fail(const std::string& name) { failing_.push_back(name); }

  Task<Result<MxAnswer>> mx(std::string name) override {
    ++questions;
    if (fails(name)) co_return transient("MX of " + name + ": SERVFAIL");
    const auto found = mx_.find(name);
    if (found != mx_.end()) co_return found->second;
    MxAnswer none{.status = DnsStatus::no_name};
    co_return none;
  }
  Task<Result<AddressAnswer>> addresses(std::string host) override {
    ++questions;
    most_at_a_time = std::max(most_at_a_time, ++under_way_);
    asio::steady_timer turn(co_await asio::this_coro::executor, std::chrono::seconds(0));
    auto [ignored] = co_await turn.async_wait(no_throw);
    (void)ignored;
    --under_way_;
    if (fails(host)) co_return transient("addresses of " + host + ": SERVFAIL");
    const auto found = hosts_.find(host);
    if (found != hosts_.end()) co_return found->second;
    AddressAnswer none{.status = DnsStatus::no_name};
    co_return none;
  }

  std::size_t questions = 0;
  std::size_t most_at_a_time = 0;

 private:
  bool fails(const std::string& name) const {
    return std::find(failing_.begin(), failing_.end(), name) != failing_.end();
  }
  std::map<std::string, MxAnswer> mx_;
  std::map<std::string, AddressAnswer> hosts_;
  std::vector<std::string> failing_;
  std::size_t under_way_ = 0;
};

}  // namespace toast
