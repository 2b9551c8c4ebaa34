// The session's services as the real keepers give them: authd checks passwords, maild hands out the
// listing and the messages as descriptors. Nothing here opens a file by name.
#pragma once

#include <memory>

#include "base/ipc.h"
#include "pop3d/services.h"

namespace toast::pop3 {

class AuthdLogins final : public LoginService {
 public:
  explicit AuthdLogins(ipc::Link& authd) : authd_(authd) {}
  Task<tl::expected<Ticket, LoginRefusal>> login(Client client, std::string name,
                                                 Secret password) override;
  Task<tl::expected<Ticket, LoginRefusal>> apop(Client client, Apop given,
                                                std::string stamp) override;
  Task<tl::expected<SaslAnswer, LoginRefusal>> sasl_begin(Client client,
                                                          SaslOpening opening) override;
  Task<tl::expected<SaslAnswer, LoginRefusal>> sasl_step(std::uint64_t exchange,
                                                         Secret response) override;
  Task<> sasl_cancel(std::uint64_t exchange) override;

 private:
  ipc::Link& authd_;
};

class MaildMaildrops final : public MaildropService {
 public:
  explicit MaildMaildrops(ipc::Link& maild) : maild_(maild) {}
  // The maildrop stays with the maild that opened it: when that one is gone, everything but what
  // was listed fails as transient, and the client logs in again.
  Task<Result<std::unique_ptr<Maildrop>>> open(Client client, Ticket ticket) override;

 private:
  ipc::Link& maild_;
};

class TimerPause final : public Pause {
 public:
  Task<> wait(std::chrono::milliseconds duration) override;
};

}  // namespace toast::pop3
