#include "tests/unit/dns/name_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "base/fd.h"

namespace toast {
namespace {

constexpr int kStarts = 5;  // somebody else may take the port between its choice and its use
constexpr auto kStartTime = std::chrono::seconds(20);

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

std::string text_of(const std::string& path) {
  const Result<std::string> text = read_file(path, 1U << 24U);
  return text ? *text : std::string();
}

// Starts a program in `folder` with its output in log.txt there; it ends with us.
pid_t launch(const std::string& folder, std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const int log = ::open((folder + "/log.txt").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (log < 0 || ::chdir(folder.c_str()) != 0) ::_exit(127);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);  // nsd is not on every user's path
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

void run(const std::string& folder, const std::vector<std::string>& words) {
  int status = 0;
  if (::waitpid(launch(folder, words), &status, 0) < 0 || status != 0)
    fail(words.front() + " failed: " + text_of(folder + "/log.txt"));
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A port that is free for both UDP and TCP now.
std::uint16_t free_port() {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Fd udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(udp.get(), generic, size) != 0) continue;
    if (::getsockname(udp.get(), generic, &size) != 0) continue;
    if (::bind(tcp.get(), generic, size) == 0) return ntohs(address.sin_port);
  }
  fail("no free port");
}

bool accepts(std::uint16_t port) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(port);
  return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

std::string in_twenty_days() {  // as ldns-signzone -e takes it
  const std::time_t then = std::time(nullptr) + 20L * 24 * 3600;
  std::tm utc{};
  ::gmtime_r(&then, &utc);
  char text[16];
  std::strftime(text, sizeof text, "%Y%m%d", &utc);
  return text;
}

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

}  // namespace

NameServer::NameServer(const std::vector<Zone>& zones) {
  std::string pattern = std::filesystem::temp_directory_path() / "toast-nsd-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) fail("mkdtemp " + pattern);
  folder_ = pattern;
  for (const Zone& zone : zones) {
    write_zone(zone);
    if (zone.is_signed) sign(zone);
  }
  for (int attempt = 1; pid_ < 0; ++attempt) {
    port_ = free_port();
    write_configuration(zones);
    try {
      start();
    } catch (const std::runtime_error&) {
      if (attempt == kStarts) throw;
    }
  }
}

NameServer::~NameServer() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void NameServer::write_zone(const Zone& zone) {
  write_text(in_folder(zone.name), "$ORIGIN " + zone.name +
                                       ".\n$TTL 60\n"
                                       "@ SOA ns hostmaster 1 3600 600 86400 60\n"
                                       "@ NS ns\n"
                                       "ns A 127.0.0.1\n" +
                                       zone.records);
}

void NameServer::sign(const Zone& zone) {
  run(folder_, {"sh", "-c", "ldns-keygen -a ECDSAP256SHA256 -k " + zone.name + " > key-of-zone"});
  std::string key = text_of(in_folder("key-of-zone"));
  while (!key.empty() && key.back() == '\n') key.pop_back();
  run(folder_, {"ldns-signzone", "-n", "-e", in_twenty_days(), zone.name, key});
  anchors_[zone.name] = text_of(in_folder(key + ".key"));
  std::string text = text_of(in_folder(zone.name + ".signed"));
  if (!zone.spoil.empty()) {
    const std::size_t at = text.find(zone.spoil);
    if (at == std::string::npos) fail("nothing to spoil in " + text);
    text.replace(at, zone.spoil.size(), zone.spoiled);
  }
  write_text(in_folder(zone.name), text);
}

void NameServer::write_configuration(const std::vector<Zone>& zones) const {
  std::string text = "server:\n  ip-address: 127.0.0.1@" + std::to_string(port_) +
                     "\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n  server-count: 1\n  "
                     "rrl-ratelimit: 0\n"
                     "  zonesdir: \"" +
                     folder_ + "\"\n  pidfile: \"" + in_folder("nsd.pid") + "\"\n  xfrdfile: \"" +
                     in_folder("xfrd.state") + "\"\n  zonelistfile: \"" + in_folder("zone.list") +
                     "\"\n  xfrdir: \"" + folder_ + "\"\nremote-control:\n  control-enable: no\n";
  for (const Zone& zone : zones)
    text += "zone:\n  name: " + zone.name + "\n  zonefile: " + zone.name + "\n";
  write_text(in_folder("nsd.conf"), text);
}

void NameServer::start() {
  pid_ = launch(folder_, {"nsd", "-d", "-c", in_folder("nsd.conf")});
  const auto deadline = std::chrono::steady_clock::now() + kStartTime;
  while (!accepts(port_)) {
    const bool ended = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
    if (ended) pid_ = -1;
    if (ended || std::chrono::steady_clock::now() > deadline)
      fail("nsd does not start: " + text_of(in_folder("log.txt")));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // it tells nobody that it is ready
  }
}

void NameServer::stop() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace toast
