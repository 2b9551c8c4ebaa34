// A keeper over a real database file, with a clock that tests move.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "vdomain/directory_keeper.h"
#include "vdomain/directory_repository.h"

namespace toast::vdomain {

class EventList final : public Logger {
 public:
  void write(Severity, std::string_view event, std::initializer_list<Field> fields) override {
    std::string line(event);
    for (const Field& field : fields)
      if (field.name == "reason") line += " " + field.value;
    events.push_back(line);
  }
  std::vector<std::string> events;
};

class KeeperTest : public testing::Test {
 protected:
  KeeperTest();
  ~KeeperTest() override;

  DirectoryRepository writer();
  void add_domain(std::string_view name);
  void add_mailbox(std::string_view name, Quota quota = {});
  void restart();  // a keeper that remembers nothing
  // Past the interval in which an outage is not looked at again, and every cached answer's age.
  void wait() { clock_.advance(std::chrono::seconds{2}); }

  // "accept", "unknown", ..., or "transient: " and the operator's text with ROOT for the folder
  std::string check(std::string_view recipient, std::uint64_t size_bytes = 0);
  std::string resolve(std::string_view recipient);
  std::string account(std::string_view login, auth::Service service = auth::Service::pop3);
  std::string without_root(std::string text) const;

  std::string root_;
  std::string database_;
  FakeClock clock_;
  EventList log_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<DirectoryKeeper> keeper_;
  Actor actor_{"test", "test"};
};

}  // namespace toast::vdomain
