// A real name server (nsd) on a free loopback port for the length of a test, serving zones that the
// test writes, out of a folder of its own. Errors of the set-up are std::runtime_error.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/ip_address.h"

namespace toast {

struct Zone {
  std::string name;          // "mail.test"
  std::string records;       // zone file lines; SOA and NS are added
  bool is_signed = false;    // with a key of its own
  std::string spoil = {};    // in a signed zone: this text...
  std::string spoiled = {};  // ...is replaced by this one, so that its signature does not hold
};

class NameServer {
 public:
  explicit NameServer(const std::vector<Zone>& zones);
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer();

  Endpoint endpoint() const { return {IpAddress::v4({127, 0, 0, 1}), port_}; }
  // The DNSKEY record of a signed zone.
  const std::string& anchor(const std::string& zone) const { return anchors_.at(zone); }
  void stop();
  void start();  // again, at the same port

 private:
  void write_zone(const Zone& zone);
  void sign(const Zone& zone);
  void write_configuration(const std::vector<Zone>& zones) const;
  std::string in_folder(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
  std::map<std::string, std::string> anchors_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace toast
