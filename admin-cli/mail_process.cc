#include "admin-cli/mail_process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/codec.h"
#include "vdomain/maildir/mail_store.h"
#include "vdomain/maildir/maildirsize.h"

namespace toast::admin {
namespace {

constexpr std::size_t kMaxMailPacket = 8192;
constexpr std::size_t kMaxMailError = 4096;

Result<maildir::Usage> measure(maildir::MailStore& store, maildir::Ledger& ledger,
                               const std::string& path, const vdomain::Quota& quota, bool anew) {
  Result<maildir::MaildirPath> parsed = maildir::MaildirPath::parse(path);
  if (!parsed) return pass(parsed);
  Result<Fd> opened = store.open_directory(*parsed, "");
  if (!opened) return pass(opened);
  if (!*opened) return maildir::Usage{};
  if (!quota.limited()) return maildir::count_messages(*opened);
  if (anew) return ledger.recount(*opened, quota);
  Result<maildir::Ledger::Reading> reading = ledger.read(*opened, quota);
  if (!reading) return pass(reading);
  return reading->usage;
}

std::string answer(maildir::MailStore& store, maildir::Ledger& ledger, const std::string& request) {
  Decoder d(request);
  const bool anew = d.boolean();
  const std::string path = d.string(vdomain::kMaxMaildirPath);
  vdomain::Quota quota;
  quota.bytes = d.u64();
  quota.messages = d.u64();
  const Result<maildir::Usage> used = measure(store, ledger, path, quota, anew);
  Encoder e;
  e.boolean(used.has_value());
  if (used) {
    e.u64(static_cast<std::uint64_t>(std::max<std::int64_t>(0, used->bytes)));
    e.u64(static_cast<std::uint64_t>(std::max<std::int64_t>(0, used->messages)));
  } else {
    e.bytes(used.error().detail.substr(0, kMaxMailError));
  }
  return e.take();
}

[[noreturn]] void serve_mail(const Fd& socket, const std::string& mail_root, const Owner& owner,
                             const Clock& clock) {
  if (!become(owner)) std::_Exit(1);
  Result<Fd> root = open_file(mail_root, O_RDONLY | O_DIRECTORY);
  if (!root) std::_Exit(1);
  maildir::FileSystem files;
  maildir::MailStore store(std::move(*root), files, clock, 1);
  maildir::Ledger ledger(files, clock);
  std::string packet(kMaxMailPacket, '\0');
  for (;;) {
    const ssize_t n = ::recv(socket.get(), packet.data(), packet.size(), 0);
    if (n <= 0) std::_Exit(0);  // toastctl is done
    const std::string reply = answer(store, ledger, packet.substr(0, static_cast<std::size_t>(n)));
    if (::send(socket.get(), reply.data(), reply.size(), MSG_NOSIGNAL) < 0) std::_Exit(1);
  }
}

}  // namespace

Result<std::unique_ptr<MailProcess>> MailProcess::start(const std::string& mail_root,
                                                        const Owner& owner, const Clock& clock) {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
    return system_error("socketpair", "");
  Fd ours(sockets[0]);
  const Fd theirs(sockets[1]);
  const pid_t child = ::fork();
  if (child < 0) return system_error("fork", "");
  if (child == 0) {
    ours.reset();
    serve_mail(theirs, mail_root, owner, clock);
  }
  return std::unique_ptr<MailProcess>(new MailProcess(std::move(ours), child));
}

MailProcess::~MailProcess() {
  socket_.reset();
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<MailUse> MailProcess::use(const std::string& maildir, const vdomain::Quota& quota,
                                 bool anew) {
  Encoder e;
  e.boolean(anew);
  e.bytes(maildir);
  e.u64(quota.bytes);
  e.u64(quota.messages);
  const std::string request = e.take();
  if (::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
    return system_error("ask", "the process that reads mail/");
  std::string packet(kMaxMailPacket, '\0');
  const ssize_t n = ::recv(socket_.get(), packet.data(), packet.size(), 0);
  if (n <= 0) return transient("the process that reads mail/ ended; is its owner allowed to run?");
  packet.resize(static_cast<std::size_t>(n));
  Decoder d(packet);
  if (!d.boolean()) return transient(d.string(kMaxMailError));
  MailUse use;
  use.bytes = d.u64();
  use.messages = d.u64();
  if (Result<void> good = d.finish("usage of a mailbox"); !good) return pass(good);
  return use;
}

}  // namespace toast::admin
