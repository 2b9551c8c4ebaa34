#include "admin-cli/credentials_process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/codec.h"

namespace toast::admin {
namespace {

using auth::AppPassword;
using auth::Credential;
using auth::CredentialsRepository;
using auth::CredentialState;
using auth::LastLogin;

enum class Question : std::uint8_t {
  find,
  put,
  put_all,
  put_scram,
  set_reversible,
  set_state,
  app_passwords,
  put_app_password,
  remove_app_password,
  remove,
  last_logins,
};

constexpr std::size_t kMaxPacket = 65536;
constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kMaxPutBytes = 60'000;  // of credentials in one packet
constexpr std::size_t kMaxPut = 4096;
constexpr std::size_t kMaxLogins = 16;  // one for each service

void put_error(Encoder& e, const Error& error) {
  e.boolean(false);
  e.enumeration(error.failure);
  e.bytes(error.detail.substr(0, kMaxText));
}

void answer_find(CredentialsRepository& store, const std::string& account, Encoder& e) {
  const Result<std::optional<Credential>> found = store.find(account);
  if (!found) return put_error(e, found.error());
  e.boolean(true);
  e.boolean(found->has_value());
  if (!*found) return;
  e.bytes((*found)->hash);
  e.enumeration((*found)->state);
  e.i64(unix_microseconds((*found)->changed));
  e.bytes((*found)->scram);
  e.boolean((*found)->reversible);
  e.bytes((*found)->sealed);
}

void put_app(Encoder& e, const AppPassword& password) {
  e.bytes(password.name);
  e.bytes(password.hash);
  e.bytes(password.services);
  e.enumeration(password.state);
  e.i64(unix_microseconds(password.made));
  e.boolean(password.used.has_value());
  e.i64(unix_microseconds(password.used.value_or(WallTime{})));
  e.bytes(password.used_from);
}

AppPassword get_app(Decoder& d) {
  AppPassword password;
  password.name = d.string(auth::kMaxAppPasswordName);
  password.hash = d.string(auth::kMaxHashBytes);
  password.services = d.string(kMaxText);
  password.state = d.enumeration(CredentialState::locked);
  password.made = WallTime{std::chrono::microseconds{d.i64()}};
  const bool used = d.boolean();
  const WallTime at{std::chrono::microseconds{d.i64()}};
  if (used) password.used = at;
  password.used_from = d.string(kMaxText);
  return password;
}

void put_new(Encoder& e, const auth::NewCredential& c) {
  e.bytes(c.account);
  e.bytes(c.hash);
  e.bytes(c.scram);
}

auth::NewCredential get_new(Decoder& d) {
  auth::NewCredential c;
  c.account = d.string(auth::kMaxAccountBytes);
  c.hash = d.string(auth::kMaxHashBytes);
  c.scram = d.string(auth::kMaxScramBytes);
  return c;
}

void answer_done(const Result<void>& done, Encoder& e) {
  if (!done) return put_error(e, done.error());
  e.boolean(true);
}

void answer_whether(const Result<bool>& done, Encoder& e) {
  if (!done) return put_error(e, done.error());
  e.boolean(true);
  e.boolean(*done);
}

void answer_app_passwords(CredentialsRepository& store, const std::string& account, Encoder& e) {
  const Result<std::vector<AppPassword>> found = store.app_passwords(account);
  if (!found) return put_error(e, found.error());
  e.boolean(true);
  e.list(*found, put_app);
}

void answer_logins(CredentialsRepository& store, const std::string& account, Encoder& e) {
  const Result<std::vector<LastLogin>> logins = store.last_logins(account);
  if (!logins) return put_error(e, logins.error());
  e.boolean(true);
  e.list(*logins, [](Encoder& to, const LastLogin& login) {
    to.enumeration(login.service);
    to.i64(unix_microseconds(login.at));
    to.bytes(login.peer);
  });
}

std::string answer(CredentialsRepository& store, const std::string& request) {
  Decoder d(request);
  const auto question = d.enumeration(Question::last_logins);
  const std::string account = d.string(auth::kMaxAccountBytes);
  Encoder e;
  switch (question) {
    case Question::find:
      answer_find(store, account, e);
      break;
    case Question::put: {
      const std::string hash = d.string(auth::kMaxHashBytes);
      const WallTime now{std::chrono::microseconds{d.i64()}};
      answer_done(store.put(account, hash, now), e);
      break;
    }
    case Question::put_all: {
      const WallTime now{std::chrono::microseconds{d.i64()}};
      answer_done(store.put_all(d.list(kMaxPut, get_new), now), e);
      break;
    }
    case Question::put_scram: {
      const std::string hash = d.string(auth::kMaxHashBytes);
      answer_whether(store.put_scram(account, hash, d.string(auth::kMaxScramBytes)), e);
      break;
    }
    case Question::set_reversible:
      answer_whether(store.set_reversible(account, d.boolean()), e);
      break;
    case Question::set_state:
      answer_whether(store.set_state(account, d.enumeration(CredentialState::locked)), e);
      break;
    case Question::app_passwords:
      answer_app_passwords(store, account, e);
      break;
    case Question::put_app_password:
      answer_done(store.put_app_password(account, get_app(d)), e);
      break;
    case Question::remove_app_password:
      answer_whether(store.remove_app_password(account, d.string(auth::kMaxAppPasswordName)), e);
      break;
    case Question::remove:
      answer_whether(store.remove(account), e);
      break;
    case Question::last_logins:
      answer_logins(store, account, e);
      break;
  }
  return e.take();
}

[[noreturn]] void serve(const Fd& socket,
                        const std::function<CredentialsProcess::Repository()>& open,
                        const Owner& owner) {
  if (!become(owner)) std::_Exit(1);
  const CredentialsProcess::Repository store = open();
  std::string packet(kMaxPacket, '\0');
  for (;;) {
    const ssize_t n = ::recv(socket.get(), packet.data(), packet.size(), 0);
    if (n <= 0) std::_Exit(0);  // toastctl is done
    const std::string reply = answer(*store, packet.substr(0, static_cast<std::size_t>(n)));
    if (::send(socket.get(), reply.data(), reply.size(), MSG_NOSIGNAL) < 0) std::_Exit(1);
  }
}

Encoder question_about(Question question, const std::string& account) {
  Encoder e;
  e.enumeration(question);
  e.bytes(account);
  return e;
}

std::string ask_for(Question question, const std::string& account) {
  return question_about(question, account).take();
}

}  // namespace

Result<CredentialsProcess::Repository> CredentialsProcess::start(
    const std::function<Repository()>& open, const Owner& owner) {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
    return system_error("socketpair", "");
  Fd ours(sockets[0]);
  const Fd theirs(sockets[1]);
  const pid_t child = ::fork();
  if (child < 0) return system_error("fork", "");
  if (child == 0) {
    ours.reset();
    serve(theirs, open, owner);
  }
  return std::unique_ptr<CredentialsRepository>(new CredentialsProcess(std::move(ours), child));
}

CredentialsProcess::~CredentialsProcess() {
  socket_.reset();
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<std::string> CredentialsProcess::ask(std::string request) {
  if (::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
    return system_error("ask", "the credentials process");
  std::string packet(kMaxPacket, '\0');
  const ssize_t n = ::recv(socket_.get(), packet.data(), packet.size(), 0);
  if (n <= 0) return transient("the credentials process ended; is its user allowed to run?");
  packet.resize(static_cast<std::size_t>(n));
  Decoder d(packet);
  if (d.boolean()) return packet.substr(1);
  Error error;
  error.failure = d.enumeration(toast::Failure::permanent);
  error.detail = d.string(kMaxText);
  return tl::unexpected(std::move(error));
}

Result<std::optional<Credential>> CredentialsProcess::find(const std::string& account) {
  const Result<std::string> reply = ask(ask_for(Question::find, account));
  if (!reply) return tl::unexpected(reply.error());
  Decoder d(*reply);
  if (!d.boolean()) return std::nullopt;
  Credential found;
  found.hash = d.string(auth::kMaxHashBytes);
  found.state = d.enumeration(CredentialState::locked);
  found.changed = WallTime{std::chrono::microseconds{d.i64()}};
  found.scram = d.string(auth::kMaxScramBytes);
  found.reversible = d.boolean();
  found.sealed = d.string(auth::kMaxSealedBytes);
  return found;
}

Result<void> CredentialsProcess::put(const std::string& account, const std::string& hash,
                                     WallTime now) {
  Encoder e = question_about(Question::put, account);
  e.bytes(hash);
  e.i64(unix_microseconds(now));
  const Result<std::string> reply = ask(e.take());
  if (!reply) return tl::unexpected(reply.error());
  return {};
}

Result<void> CredentialsProcess::put_all(std::span<const auth::NewCredential> credentials,
                                         WallTime now) {
  for (std::size_t i = 0; i < credentials.size();) {
    std::vector<auth::NewCredential> some;
    for (std::size_t bytes = 0; i < credentials.size() && some.size() < kMaxPut; ++i) {
      const auth::NewCredential& c = credentials[i];
      bytes += c.account.size() + c.hash.size() + c.scram.size() + 3 * sizeof(std::uint32_t);
      if (!some.empty() && bytes > kMaxPutBytes) break;
      some.push_back(c);
    }
    Encoder e = question_about(Question::put_all, "");
    e.i64(unix_microseconds(now));
    e.list(some, put_new);
    const Result<std::string> reply = ask(e.take());
    if (!reply) return tl::unexpected(reply.error());
  }
  return {};
}

Result<bool> CredentialsProcess::ask_whether(std::string request) {
  const Result<std::string> reply = ask(std::move(request));
  if (!reply) return tl::unexpected(reply.error());
  return Decoder(*reply).boolean();
}

Result<bool> CredentialsProcess::put_scram(const std::string& account, const std::string& hash,
                                           const std::string& scram) {
  Encoder e = question_about(Question::put_scram, account);
  e.bytes(hash);
  e.bytes(scram);
  return ask_whether(e.take());
}

Result<bool> CredentialsProcess::set_reversible(const std::string& account, bool reversible) {
  Encoder e = question_about(Question::set_reversible, account);
  e.boolean(reversible);
  return ask_whether(e.take());
}

Result<bool> CredentialsProcess::set_state(const std::string& account, CredentialState state) {
  Encoder e = question_about(Question::set_state, account);
  e.enumeration(state);
  return ask_whether(e.take());
}

Result<std::vector<AppPassword>> CredentialsProcess::app_passwords(const std::string& account) {
  const Result<std::string> reply = ask(ask_for(Question::app_passwords, account));
  if (!reply) return tl::unexpected(reply.error());
  Decoder d(*reply);
  return d.list(auth::kMaxAppPasswords, get_app);
}

Result<void> CredentialsProcess::put_app_password(const std::string& account,
                                                  const AppPassword& password) {
  Encoder e = question_about(Question::put_app_password, account);
  put_app(e, password);
  const Result<std::string> reply = ask(e.take());
  if (!reply) return tl::unexpected(reply.error());
  return {};
}

Result<bool> CredentialsProcess::remove_app_password(const std::string& account,
                                                     const std::string& name) {
  Encoder e = question_about(Question::remove_app_password, account);
  e.bytes(name);
  return ask_whether(e.take());
}

Result<bool> CredentialsProcess::remove(const std::string& account) {
  return ask_whether(ask_for(Question::remove, account));
}

Result<std::vector<LastLogin>> CredentialsProcess::last_logins(const std::string& account) {
  const Result<std::string> reply = ask(ask_for(Question::last_logins, account));
  if (!reply) return tl::unexpected(reply.error());
  Decoder d(*reply);
  return d.list(kMaxLogins, [&account](Decoder& from) {
    LastLogin login;
    login.account = account;
    login.service = from.enumeration(auth::kLastService);
    login.at = WallTime{std::chrono::microseconds{from.i64()}};
    login.peer = from.string(kMaxText);
    return login;
  });
}

Result<bool> CredentialsProcess::replace_hash(const std::string&, const std::string&,
                                              const std::string&) {
  return permanent("toastctl does not replace hashes");
}
Result<std::optional<AppPassword>> CredentialsProcess::find_app_password(const std::string&,
                                                                         const std::string&) {
  return permanent("toastctl does not check app passwords");
}
Result<bool> CredentialsProcess::put_sealed(const std::string&, const std::string&,
                                            const std::string&) {
  return permanent("toastctl has no key to seal passwords with");
}
Result<std::string> CredentialsProcess::secret(const std::string&, const std::string&) {
  return permanent("toastctl needs no secret of authd's");
}
Result<void> CredentialsProcess::record_logins(std::span<const LastLogin>) {
  return permanent("toastctl does not record logins");
}
Result<std::vector<std::string>> CredentialsProcess::accounts(const std::string&, std::size_t) {
  return permanent("toastctl does not list credentials");
}

}  // namespace toast::admin
