// Keepers in memory, for tests of the POP3 session: accounts, a mailbox, and switches that make
// each of them fail.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "auth/md5_proof.h"
#include "auth/sasl/mechanisms.h"
#include "pop3d/services.h"
#include "pop3d/wire_encoder.h"

namespace toast::pop3 {

// Runs a coroutine to its end, at once.
template <class T>
T run_now(Task<T> task) {
  asio::io_context context;
  std::optional<T> value;
  asio::co_spawn(context, std::move(task), [&value](std::exception_ptr failure, T result) {
    if (failure) std::abort();
    value = std::move(result);
  });
  context.run();
  return std::move(*value);
}

inline Fd make_message_file(const std::string& content) {
  Fd file(::memfd_create("message", MFD_CLOEXEC));
  if (!file || !write_all(file, content, "message")) std::abort();
  return file;
}

struct FakeMail {
  struct Message {
    std::string unique_id;
    std::string content;
    bool removed_by_others = false;
  };
  std::vector<Message> messages;
  bool open_fails = false;   // the mailbox cannot be opened
  bool fetch_fails = false;  // messages cannot be opened
  bool listing_fails = false;
  bool remove_fails = false;
  std::set<std::uint32_t> cannot_remove;
  std::vector<std::uint32_t> removed;
  unsigned removals = 0;  // how often somebody asked
  std::uint32_t visit_step = 2;
};

inline std::uint64_t wire_octets(const std::string& content) {
  WireSize size;
  size.feed(content);
  return size.total();
}

class FakeMaildrop final : public Maildrop {
 public:
  explicit FakeMaildrop(FakeMail& mail) : mail_(mail) {}
  std::uint32_t count() const override { return static_cast<std::uint32_t>(mail_.messages.size()); }
  std::uint64_t octets() const override {
    std::uint64_t sum = 0;
    for (const FakeMail::Message& m : mail_.messages) sum += wire_octets(m.content);
    return sum;
  }
  Result<std::uint32_t> visit(std::uint32_t first, Columns columns,
                              const Visitor& visitor) override {
    const std::uint32_t end = std::min(first + mail_.visit_step, count() + 1);
    for (std::uint32_t n = first; n < end; ++n) {
      std::string unique_id;
      Result<ListedMessage> message = find(n, unique_id);
      if (!message) return pass(message);
      if (columns == Columns::octets) message->unique_id = {};
      visitor(*message);
    }
    return end;
  }
  Result<ListedMessage> find(std::uint32_t number, std::string& unique_id) override {
    if (mail_.listing_fails) return transient("listing is gone");
    const FakeMail::Message& m = mail_.messages[number - 1];
    unique_id = m.unique_id;
    return ListedMessage{number, wire_octets(m.content), unique_id};
  }
  Task<Result<Fd>> open_message(std::uint32_t number) override {
    if (mail_.fetch_fails) co_return transient("disk trouble");
    if (mail_.messages[number - 1].removed_by_others) co_return permanent("no such file");
    co_return make_message_file(mail_.messages[number - 1].content);
  }
  Task<Result<std::uint32_t>> remove(std::vector<std::uint32_t> numbers) override {
    ++mail_.removals;
    if (mail_.remove_fails) co_return transient("maild is not running");
    std::uint32_t left = 0;
    for (const std::uint32_t number : numbers) {
      if (mail_.cannot_remove.contains(number)) {
        ++left;
      } else {
        mail_.removed.push_back(number);
      }
    }
    co_return left;
  }

 private:
  FakeMail& mail_;
};

class FakeMaildrops final : public MaildropService {
 public:
  explicit FakeMaildrops(FakeMail& mail) : mail_(mail) {}
  Task<Result<std::unique_ptr<Maildrop>>> open(Client client, Ticket ticket) override {
    if (mail_.open_fails) co_return transient("maild is not running");
    if (ticket.bytes != "ticket for " + client.connection) co_return permanent("forged ticket");
    co_return std::make_unique<FakeMaildrop>(mail_);
  }

 private:
  FakeMail& mail_;
};

class FakeLogins : public LoginService {
 public:
  std::map<std::string, std::string> passwords;
  auth::sasl::Offer offer;
  bool outage = false;
  bool throttled = false;
  unsigned attempts = 0;

  // SASL: the real mechanisms, the passwords above.
  SaslOpening opened;  // of the last exchange, its initial response taken
  unsigned cancelled = 0;
  Task<tl::expected<SaslAnswer, LoginRefusal>> sasl_begin(Client client,
                                                          SaslOpening opening) override {
    if (outage) co_return tl::unexpected(LoginRefusal{LoginRefusal::Reason::outage, "no authd"});
    auth::sasl::MechanismContext context;
    context.offer = offer;
    context.challenge = "<1896.697170952@postoffice.reston.mci.net>";  // RFC 2195 section 2
    mechanism_ = auth::sasl::make_mechanism(opening.mechanism, std::move(context));
    if (!mechanism_)
      co_return tl::unexpected(LoginRefusal{LoginRefusal::Reason::unsupported, "unknown"});
    client_ = std::move(client);
    const bool begun = !opening.initial.has_value();
    auth::sasl::Step step = begun ? mechanism_->begin() : mechanism_->hear(opening.initial->view());
    opened = std::move(opening);
    co_return co_await follow(std::move(step));
  }
  Task<tl::expected<SaslAnswer, LoginRefusal>> sasl_step(std::uint64_t exchange,
                                                         Secret response) override {
    if (exchange != kExchange) std::abort();
    auth::sasl::Step step = mechanism_->hear(response.view());
    co_return co_await follow(std::move(step));
  }
  Task<> sasl_cancel(std::uint64_t exchange) override {
    if (exchange != kExchange) std::abort();
    ++cancelled;
    co_return;
  }

  Task<tl::expected<Ticket, LoginRefusal>> login(Client client, std::string name,
                                                 Secret password) override {
    using Reason = LoginRefusal::Reason;
    ++attempts;
    if (outage) co_return tl::unexpected(LoginRefusal{Reason::outage, "database is locked"});
    if (throttled) co_return tl::unexpected(LoginRefusal{Reason::throttled, "throttled"});
    const auto account = passwords.find(name);
    if (account == passwords.end() || !password.equals(account->second))
      co_return tl::unexpected(LoginRefusal{Reason::wrong, "refused"});
    co_return Ticket{"ticket for " + client.connection};
  }

  Task<tl::expected<Ticket, LoginRefusal>> apop(Client client, Apop given,
                                                std::string stamp) override {
    auth::Md5Proof proof{auth::Md5Proof::By::apop, std::move(stamp), std::move(given.digest)};
    co_return co_await prove(std::move(client), std::move(given.name), std::move(proof));
  }

 private:
  Task<tl::expected<Ticket, LoginRefusal>> prove(Client client, std::string name,
                                                 auth::Md5Proof proof) {
    const auto account = passwords.find(name);
    Secret password(account == passwords.end() ? "nobody has this" : account->second);
    const bool right = auth::Md5().proves(proof, password).value();
    if (!right) password = Secret("wrong");
    co_return co_await login(std::move(client), std::move(name), std::move(password));
  }
  static constexpr std::uint64_t kExchange = 77;
  Task<tl::expected<SaslAnswer, LoginRefusal>> follow(auth::sasl::Step step) {
    if (auto* challenge = std::get_if<auth::sasl::Challenge>(&step))
      co_return SaslChallenge{kExchange, std::move(challenge->text)};
    if (std::holds_alternative<auth::sasl::Malformed>(step))
      co_return tl::unexpected(LoginRefusal{LoginRefusal::Reason::malformed, "malformed"});
    if (auto* digest = std::get_if<auth::sasl::CheckDigest>(&step)) {
      Client client = client_;
      std::string mailbox = digest->login;
      auto ticket =
          co_await prove(std::move(client), std::move(digest->login), std::move(digest->proof));
      if (!ticket) co_return tl::unexpected(std::move(ticket.error()));
      co_return SaslGrant{std::move(*ticket), std::move(mailbox)};
    }
    auto question = std::move(std::get<auth::sasl::CheckPassword>(step));
    std::string name = question.login;
    Client client = client_;
    auto ticket = co_await login(std::move(client), std::move(name), std::move(question.password));
    if (!ticket) co_return tl::unexpected(std::move(ticket.error()));
    co_return SaslGrant{std::move(*ticket), std::move(question.login)};
  }
  std::unique_ptr<auth::sasl::Mechanism> mechanism_;
  Client client_;
};

inline Task<bool> then_done(Task<> task) {
  co_await std::move(task);
  co_return true;
}

class FakePause final : public Pause {
 public:
  std::chrono::milliseconds waited{0};
  Task<> wait(std::chrono::milliseconds duration) override {
    waited += duration;
    co_return;
  }
};

// Offers TLS and has no engine: what a session says about it is tested, not what is encrypted.
class FakeTls final : public TlsService {
 public:
  bool offered = true;
  bool ready = true;
  bool is_offered() const override { return offered; }
  bool is_ready() const override { return ready; }
  std::unique_ptr<tls::Engine> begin() override { return nullptr; }
  tls::Signer& signer() override { std::abort(); }
};

class FakeOutput final : public ReplyOutput {
 public:
  std::string sent;  // what reached the client
  std::size_t block = 65536;
  std::size_t largest_buffer = 0;
  unsigned drains = 0;
  unsigned drains_before_hangup = 1U << 30U;

  std::string& buffer() override { return buffer_; }
  Task<bool> drain() override {
    largest_buffer = std::max(largest_buffer, buffer_.size());
    if (drains++ >= drains_before_hangup) co_return false;
    sent.append(buffer_);
    buffer_.clear();
    co_return true;
  }
  bool more_waits = false;  // behind the command that is being answered
  bool input_waits() const override { return more_waits; }
  std::size_t block_bytes() const override { return block; }

 private:
  std::string buffer_;
};

}  // namespace toast::pop3
