#include "toastd_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "mta/master/program_table.h"

namespace toast::master {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::seconds kPatience{60};  // loaded machines, sanitizers

void place(const std::string& file, const std::string& as) {
  std::error_code error;
  fs::create_hard_link(file, as, error);
  if (error) fs::copy_file(file, as);
}

Fd connect_tcp(const std::string& address) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  const std::size_t colon = address.rfind(':');
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return {};
  return socket;
}

Fd connect_unix(const std::string& path) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  path.copy(to.sun_path, sizeof to.sun_path - 1);
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return {};
  return socket;
}

bool readable(const Fd& fd) {
  pollfd entry{fd.get(), POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(std::chrono::milliseconds{kPatience}.count())) == 1;
}

}  // namespace

void ToastdTest::SetUp() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);  // a successor of toastd becomes ours
  char path[] = "/tmp/toastd_XXXXXX";
  ASSERT_NE(::mkdtemp(path), nullptr);
  root_ = path;
  programs_ = root_ + "/programs";
  ::chmod(path, 0755);
  for (const char* folder : {"control", "queue", "run", "mail", "db", "db-auth", "tls", "programs"})
    fs::create_directory(root_ + "/" + folder);
  place(TOASTD_FILE, programs_ + "/toastd");
  for (const Program& program : programs())
    place(TEST_CHILD_FILE, programs_ + "/" + std::string(program.name));
  set("me", "mx.example.test\n");
  set("smtplisten", "127.0.0.1:0\n");
  set("submissionlisten", "127.0.0.1:0\n");
  set("submissionslisten", "127.0.0.1:0\n");
  set("pop3listen", "127.0.0.1:0\n");
  set("pop3slisten", "127.0.0.1:0\n");
  set("smtpprocesses", "2\n");
  set("pop3processes", "1\n");
}

void ToastdTest::TearDown() {
  // Whoever still runs on this instance: named by its status, or the one we started.
  const nlohmann::json last = status();
  if (last.is_object() && last["pid"] != toastd_) {
    const pid_t successor = last["pid"];
    if (::waitpid(successor, nullptr, WNOHANG) == 0) {
      ::kill(successor, SIGKILL);
      ::waitpid(successor, nullptr, 0);
    }
  }
  if (toastd_ > 0) {
    ::kill(toastd_, SIGKILL);
    ::waitpid(toastd_, nullptr, 0);
  }
  if (HasFailure()) std::fprintf(stderr, "--- log\n%s---\n", log_text().c_str());
  fs::remove_all(root_);
}

void ToastdTest::set(const std::string& setting, const std::string& content) const {
  std::ofstream(root_ + "/control/" + setting) << content;
}
void ToastdTest::unset(const std::string& setting) const {
  fs::remove(root_ + "/control/" + setting);
}

void ToastdTest::launch(std::vector<std::string> arguments) {
  launch_on(root_, std::move(arguments));
}

void ToastdTest::launch_on(const std::string& root, std::vector<std::string> arguments) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  output_ = Fd(ends[0]);
  const Fd write_end(ends[1]);
  const std::string program = programs_ + "/toastd";
  const std::string log = root_ + "/log.txt";
  arguments.insert(arguments.begin(), {program, "--root", root});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  toastd_ = ::fork();
  if (toastd_ != 0) return;
  ::setpgid(0, 0);  // a shell gives every job its own group, too
  const int log_fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(write_end.get(), STDOUT_FILENO);
  ::dup2(log_fd, STDERR_FILENO);
  ::execv(program.c_str(), argv.data());
  ::_exit(127);
}

void ToastdTest::launch_and_wait_ready() {
  launch();
  ASSERT_TRUE(wait_ready()) << log_text();
  // The file is written a moment after the line.
  ASSERT_TRUE(eventually([&] { return status().is_object() && status()["state"] == "ready"; }));
}

bool ToastdTest::wait_ready() {
  while (output_text_.find('\n') == std::string::npos) {
    char buffer[256];
    if (!readable(output_)) return false;
    const ssize_t n = ::read(output_.get(), buffer, sizeof buffer);
    if (n <= 0) return false;
    output_text_.append(buffer, static_cast<std::size_t>(n));
  }
  const bool as_promised = output_text_ == "toastd: ready\n";
  output_text_.clear();
  return as_promised;
}

int ToastdTest::wait_exit_of(pid_t pid) {
  int wait_status = 0;
  const bool ended = eventually([&] { return ::waitpid(pid, &wait_status, WNOHANG) == pid; });
  if (ended && pid == toastd_) toastd_ = 0;
  return ended && WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
}
int ToastdTest::wait_exit() { return wait_exit_of(toastd_); }

void ToastdTest::signal_toastd(int number) const { ASSERT_EQ(::kill(toastd_, number), 0); }

nlohmann::json ToastdTest::status() const {
  std::ifstream file(root_ + "/run/status.json");
  if (!file) return nullptr;
  return nlohmann::json::parse(file, nullptr, false);
}

pid_t ToastdTest::pid_of(const std::string& process) const {
  const nlohmann::json now = status();
  for (const nlohmann::json& entry : now["processes"])
    if (entry["name"] == process) return entry["pid"];
  return 0;
}

std::string ToastdTest::port_of(const std::string& listener) const {
  const nlohmann::json now = status();
  for (const nlohmann::json& entry : now["listeners"])
    if (entry["name"] == listener) return entry["address"];
  return {};
}

bool ToastdTest::eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

std::string ToastdTest::ask(const std::string& listener, const std::string& line) const {
  const std::string address = port_of(listener);
  const Fd socket = address.starts_with("/") ? connect_unix(address) : connect_tcp(address);
  if (!socket || !write_all(socket, line + "\n", "question")) return {};
  std::string reply;
  char byte = 0;
  while (readable(socket) && ::read(socket.get(), &byte, 1) == 1 && byte != '\n') reply += byte;
  return reply;
}

std::string ToastdTest::log_text() const {
  Result<std::string> text = read_file(root_ + "/log.txt", 1 << 20);
  return text ? *text : "";
}

}  // namespace toast::master
