#include "auth/ticket.h"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/codec.h"

namespace toast::auth {
namespace {

static_assert(kTicketKeyBytes == crypto_auth_KEYBYTES);
constexpr std::uint8_t kVersion = 1;
constexpr const char* kReply = "4.7.0 log in again";

std::int64_t nanoseconds(SteadyTime t) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count();
}

SteadyTime steady_from(std::int64_t ns) { return SteadyTime{std::chrono::nanoseconds{ns}}; }

Secret checked(Secret key) {
  if (key.size() != kTicketKeyBytes) throw std::invalid_argument("ticket key of the wrong size");
  return key;
}

struct Body {
  std::uint8_t version = 0;
  std::uint64_t life = 0;
  std::uint64_t serial = 0;
  std::int64_t issued_ns = 0;
  ConnectionId connection;
  Grant grant;
};

void encode(Encoder& e, const Body& body) {
  e.u8(body.version);
  e.u64(body.life);
  e.u64(body.serial);
  e.i64(body.issued_ns);
  e.enumeration(body.grant.service);
  e.bytes(body.connection.front_end);
  e.bytes(body.connection.connection);
  e.bytes(body.grant.mailbox);
  e.bytes(body.grant.maildir);
  e.u64(body.grant.quota_bytes);
  e.u64(body.grant.quota_messages);
}

Result<Body> decode(std::string_view bytes) {
  Decoder d(bytes);
  Body body;
  body.version = d.u8();
  if (body.version != kVersion) d.fail("unknown version");
  body.life = d.u64();
  body.serial = d.u64();
  body.issued_ns = d.i64();
  if (body.issued_ns < 0) d.fail("time before the host's start");
  body.grant.service = d.enumeration(kLastService);
  body.connection.front_end = d.string(kMaxFrontEndName);
  body.connection.connection = d.string(kMaxConnection);
  body.grant.mailbox = d.string(kMaxLoginName);
  body.grant.maildir = d.string(kMaxMaildirPath);
  body.grant.quota_bytes = d.u64();
  body.grant.quota_messages = d.u64();
  Result<void> whole = d.finish("ticket");
  if (!whole) return pass(whole);
  return body;
}

std::string authenticator(std::string_view body, const Secret& key) {
  std::string mac(crypto_auth_BYTES, '\0');
  crypto_auth(reinterpret_cast<unsigned char*>(mac.data()),
              reinterpret_cast<const unsigned char*>(body.data()), body.size(), key.data());
  return mac;
}

bool is_authentic(std::string_view body, std::string_view mac, const Secret& key) {
  return crypto_auth_verify(reinterpret_cast<const unsigned char*>(mac.data()),
                            reinterpret_cast<const unsigned char*>(body.data()), body.size(),
                            key.data()) == 0;
}

}  // namespace

TicketIssuer::TicketIssuer(Secret key, const Clock& clock)
    : key_(checked(std::move(key))),
      clock_(clock),
      life_(static_cast<std::uint64_t>(nanoseconds(clock.steady()))) {}

Result<std::string> TicketIssuer::issue(const Grant& grant, const ConnectionId& connection) {
  if (grant.mailbox.empty() || grant.mailbox.size() > kMaxLoginName)
    return permanent("ticket: mailbox of " + std::to_string(grant.mailbox.size()) + " bytes",
                     kReply);
  if (grant.maildir.empty() || grant.maildir.size() > kMaxMaildirPath)
    return permanent("ticket: maildir of " + std::to_string(grant.maildir.size()) + " bytes",
                     kReply);
  if (connection.front_end.empty() || connection.front_end.size() > kMaxFrontEndName)
    return permanent("ticket: front end without a proper name", kReply);
  if (connection.connection.size() > kMaxConnection)
    return permanent("ticket: connection name too long", kReply);
  Encoder e;
  encode(e, Body{kVersion, life_, next_serial_++, nanoseconds(clock_.steady()), connection, grant});
  std::string ticket = e.take();
  ticket += authenticator(ticket, key_);
  return ticket;
}

TicketVerifier::TicketVerifier(Secret key, const Clock& clock, std::size_t max_redeemed)
    : key_(checked(std::move(key))),
      clock_(clock),
      max_redeemed_(max_redeemed),
      not_before_(clock.steady()) {}

void TicketVerifier::issuer_ended(SteadyTime at) { not_before_ = std::max(not_before_, at); }

Result<Grant> TicketVerifier::redeem(std::string_view ticket, Service service,
                                     const ConnectionId& connection) {
  if (ticket.size() > kMaxTicketBytes || ticket.size() <= crypto_auth_BYTES)
    return permanent("ticket of " + std::to_string(ticket.size()) + " bytes", kReply);
  const std::string_view bytes = ticket.substr(0, ticket.size() - crypto_auth_BYTES);
  if (!is_authentic(bytes, ticket.substr(bytes.size()), key_))
    return permanent("ticket: not authentic", kReply);  // before a single field is looked at
  Result<Body> body = decode(bytes);
  if (!body) return pass(body);
  if (body->connection != connection)
    return permanent("ticket: issued for another connection", kReply);
  if (body->grant.service != service)
    return permanent("ticket: issued for " + std::string(service_name(body->grant.service)),
                     kReply);
  const SteadyTime now = clock_.steady();
  const SteadyTime issued = steady_from(body->issued_ns);
  if (issued > now) return permanent("ticket: issued in the future", kReply);
  if (now - issued >= kTicketLifetime) return permanent("ticket: expired", kReply);
  if (body->life < life_) return permanent("ticket: its issuer has been replaced", kReply);
  if (issued < not_before_)
    return transient("ticket: issued before its issuer or this program was restarted", kReply);
  if (body->life > life_) {
    life_ = body->life;
    used_.clear();
    by_age_.clear();
  }
  Result<void> fresh = remember(body->serial, issued + kTicketLifetime);
  if (!fresh) return pass(fresh);
  return std::move(body->grant);
}

Result<void> TicketVerifier::remember(std::uint64_t serial, SteadyTime expires) {
  const SteadyTime now = clock_.steady();
  while (!by_age_.empty() && by_age_.front().expires <= now) {
    used_.erase(by_age_.front().serial);
    by_age_.pop_front();
  }
  if (used_.contains(serial)) return permanent("ticket: used before", kReply);
  if (used_.size() >= max_redeemed_) return transient("ticket: too many logins at once", kReply);
  used_.insert(serial);
  // Redeemed out of order, an entry may wait behind a later one: it is kept a little longer, never
  // forgotten early.
  by_age_.push_back({serial, expires});
  return {};
}

}  // namespace toast::auth
