// What a POP3 session needs from others, as interfaces: the keeper of the credentials, the keeper
// of the mail, a way to wait, a way to send. The program talks to authd and maild; tests bring
// fakes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "base/async.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"
#include "base/secret.h"
#include "pop3d/command.h"
#include "pop3d/counters.h"
#include "pop3d/tls_service.h"

namespace toast::pop3 {

// Who is at the other end of the connection; tickets are bound to the connection.
struct Client {
  std::string address;     // "192.0.2.7" or "2001:db8::1"
  std::string connection;  // drawn at random for each connection
  std::string local = {};  // the address of ours that it has connected to
};

// Proof of a login, to be shown to maild once; opaque here.
struct Ticket {
  std::string bytes;
  std::string mailbox = {};  // canonical: whose it is
};

struct LoginRefusal {
  enum class Reason : unsigned char {
    wrong,        // unknown name, wrong password or POP3 switched off: nobody learns which
    throttled,    // too many failures from this address or for this account
    outage,       // we do not know now
    malformed,    // SASL: not what the mechanism calls for
    unsupported,  // SASL: no such mechanism, or not on this connection
  };
  Reason reason = Reason::outage;
  std::string detail;  // for the operator
};

// A SASL exchange, as authd sees it begin.
struct SaslOpening {
  std::string mechanism;
  std::optional<Secret> initial;
  bool encrypted = false;
  std::string channel_binding;  // of the TLS connection; empty: none
};
// Say this to the client, and its answer to sasl_step().
struct SaslChallenge {
  std::uint64_t exchange = 0;
  std::string text;
};
struct SaslGrant {
  Ticket ticket;
  std::string mailbox;  // whose password it was
};
using SaslAnswer = std::variant<SaslChallenge, SaslGrant>;

class LoginService {
 public:
  virtual ~LoginService() = default;
  virtual Task<tl::expected<SaslAnswer, LoginRefusal>> sasl_begin(Client client,
                                                                  SaslOpening opening) = 0;
  virtual Task<tl::expected<SaslAnswer, LoginRefusal>> sasl_step(std::uint64_t exchange,
                                                                 Secret response) = 0;
  virtual Task<> sasl_cancel(std::uint64_t exchange) = 0;
  virtual Task<tl::expected<Ticket, LoginRefusal>> login(Client client, std::string name,
                                                         Secret password) = 0;
  // `stamp`: what the client was greeted with.
  virtual Task<tl::expected<Ticket, LoginRefusal>> apop(Client client, Apop given,
                                                        std::string stamp) = 0;
};

// One message of a listing: a view that lives until the visitor returns.
struct ListedMessage {
  std::uint32_t number = 0;    // 1 is the first
  std::uint64_t octets = 0;    // on the wire: with CRLF, before byte stuffing
  std::string_view unique_id;  // 1 to 70 characters 0x21 to 0x7e (RFC 1939 section 7)
};

// A mailbox as it was when it was opened (a Maildir is shared: no lock, a snapshot).
class Maildrop {
 public:
  virtual ~Maildrop() = default;
  virtual std::uint32_t count() const = 0;
  virtual std::uint64_t octets() const = 0;
  // Shows messages from number `first` on, a block of bounded size at most; the result is the
  // number after the last one shown, greater than `first` as long as first <= count().
  enum class Columns : unsigned char { octets, unique_ids };  // octets: unique_id stays empty
  using Visitor = std::function<void(const ListedMessage&)>;
  [[nodiscard]] virtual Result<std::uint32_t> visit(std::uint32_t first, Columns columns,
                                                    const Visitor& visitor) = 0;
  // One message; `unique_id` is what the view in the result looks at.
  [[nodiscard]] virtual Result<ListedMessage> find(std::uint32_t number,
                                                   std::string& unique_id) = 0;
  // The message as stored, open for reading. A permanent error: it is gone, another program removed
  // it.
  virtual Task<Result<Fd>> open_message(std::uint32_t number) = 0;
  // Deletes for good (`numbers` rise); the result is how many could not be deleted. Those already
  // gone count as deleted.
  virtual Task<Result<std::uint32_t>> remove(std::vector<std::uint32_t> numbers) = 0;
};

class MaildropService {
 public:
  virtual ~MaildropService() = default;
  virtual Task<Result<std::unique_ptr<Maildrop>>> open(Client client, Ticket ticket) = 0;
};

// Waiting, so that tests need not.
class Pause {
 public:
  virtual ~Pause() = default;
  virtual Task<> wait(std::chrono::milliseconds duration) = 0;
};

// Where replies go. What is appended to buffer() leaves with the next drain(); the connection
// drains when no further command waits, so that the replies of a pipelined batch share a write.
// A drain() amid a reply keeps the buffer's memory for what comes next.
class ReplyOutput {
 public:
  virtual ~ReplyOutput() = default;
  virtual std::string& buffer() = 0;
  // Sends everything. False: the client is gone or too slow, nothing more can be sent.
  virtual Task<bool> drain() = 0;
  // The client has sent more than the command that is being answered.
  virtual bool input_waits() const = 0;
  // How much to let into buffer() before draining: less when many readers are slow.
  virtual std::size_t block_bytes() const = 0;
};

struct Services {
  LoginService& logins;
  MaildropService& maildrops;
  Pause& pause;
  Logger& log;
  Counters& counters;
  TlsService* tls = nullptr;  // none: STLS is not offered
};

}  // namespace toast::pop3
