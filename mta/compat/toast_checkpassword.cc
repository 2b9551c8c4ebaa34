// toast-checkpassword PROGRAM ARGUMENTS...: reads a name and a password on descriptor 3, and
// becomes PROGRAM as that mailbox if they are right. Exit 1: they are not; 2: misused; 111: try
// again later.
//
// Called by Dovecot, which says so with ORIG_UID, it does not become the mailbox's owner but tells
// PROGRAM who that is: what it runs reports to Dovecot, and must not do so as an account that other
// sessions have, or they could speak in its place.
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "auth/checkpassword_messages.h"
#include "base/ip_address.h"
#include "base/ipc_client.h"
#include "mta/compat/checkpassword.h"
#include "mta/compat/program.h"

namespace {

using namespace toast;
using namespace toast::compat;

constexpr std::chrono::seconds kPatience{30};  // one password, behind others that are checked
constexpr mode_t kDomainMode = 0750;           // as toast-maild makes them
constexpr mode_t kMailboxMode = 0700;

int fail(const Invocation& program, CheckpasswordExit code, const std::string& why) {
  return complain(program, why, static_cast<int>(code));
}

tl::expected<CheckpasswordInput, CheckpasswordExit> read_input() {
  std::string bytes(kMaxCheckpasswordInput + 1, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = ::read(kCheckpasswordInput, bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return tl::unexpected(errno == EBADF ? CheckpasswordExit::misused
                                           : CheckpasswordExit::temporary);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  ::close(kCheckpasswordInput);
  auto input = parse_checkpassword(std::string_view(bytes).substr(0, size));
  wipe(bytes);
  return input;
}

// tcpserver's name for who is at the other end; without one it is this machine.
std::string peer_of(const Environment& environment) {
  std::string peer = environment.get("TCPREMOTEIP");
  return IpAddress::parse(peer) ? peer : std::string("127.0.0.1");
}

// mail/'s owner, for good; where we are not root we are that already, or have no business here.
bool become_owner(const struct stat& mail) {
  if (::geteuid() != 0) return ::geteuid() == mail.st_uid;
  if (mail.st_uid == 0) return true;  // an instance run as root with --unprivileged
  const gid_t group = mail.st_gid;
  return ::setgroups(1, &group) == 0 && ::setresgid(group, group, group) == 0 &&
         ::setresuid(mail.st_uid, mail.st_uid, mail.st_uid) == 0;
}

// A mailbox that never got a message has no folder yet. `mail`: its length in the path.
bool make_home(const std::string& home, std::size_t mail) {
  bool is_domain = true;
  for (std::size_t at = mail; at != std::string::npos;) {
    at = home.find('/', at + 1);
    const int made = ::mkdir(home.substr(0, at).c_str(), is_domain ? kDomainMode : kMailboxMode);
    if (made != 0 && errno != EEXIST) return false;
    is_domain = false;
  }
  return true;
}

int run(const Invocation& program, const auth::CheckLogin::Reply& reply) {
  CheckedAccount account = checked_account(program.root, reply.mailbox, reply.maildir);
  account.quota_bytes = reply.quota_bytes;
  account.quota_messages = reply.quota_messages;
  const std::string mail = program.root + "/mail";
  struct stat status {};
  const bool becomes = program.environment.get("ORIG_UID").empty();
  if (::stat(mail.c_str(), &status) != 0 || (becomes && !become_owner(status)))
    return fail(program, CheckpasswordExit::temporary, "cannot become the owner of " + mail);
  if (becomes && (!make_home(account.home, mail.size()) || ::chdir(account.home.c_str()) != 0))
    return fail(program, CheckpasswordExit::temporary,
                account.home + ": " + std::strerror(errno));  // NOLINT: one thread
  for (const auto& [name, value] : checkpassword_environment(account, status.st_uid, status.st_gid))
    ::setenv(name.c_str(), value.c_str(), 1);  // NOLINT: one thread
  std::vector<std::string> words = program.arguments;
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  return fail(program, CheckpasswordExit::temporary, words[0] + ": " + std::strerror(errno));
}

}  // namespace

int main(int argc, char** argv) {
  const Invocation program = read_invocation(argc, argv, environ);
  if (program.arguments.empty())
    return fail(program, CheckpasswordExit::misused,
                "usage: toast-checkpassword [--root DIR] PROGRAM [ARGUMENTS...], a name and a "
                "password on descriptor 3");
  auto input = read_input();
  if (!input) return static_cast<int>(input.error());
  const std::string path = program.root + "/run/" + std::string(auth::kCheckpasswordSocket);
  tl::expected<Fd, int> socket = ipc::connect_to(path);
  if (!socket)
    return fail(program, CheckpasswordExit::temporary, path + ": " + std::strerror(socket.error()));
  Result<auth::CheckLogin::Reply> reply;
  {
    ipc::BlockingClient authd(std::move(*socket), "toast-authd");
    auth::CheckLogin question{checked_service(program.environment.get("SERVICE")),
                              std::move(input->login), std::move(input->password),
                              peer_of(program.environment)};
    reply = authd.call(std::move(question), kPatience);
  }
  if (!reply) return fail(program, CheckpasswordExit::temporary, reply.error().detail);
  if (reply->outcome == auth::Login::Outcome::throttled)
    return fail(program, CheckpasswordExit::temporary, "too many failed logins");
  if (reply->outcome != auth::Login::Outcome::granted)
    return static_cast<int>(CheckpasswordExit::unacceptable);
  return run(program, *reply);
}
