#include "auth/keyd/keyd.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/tls/server.h"

namespace toast::keyd {
namespace {

constexpr std::chrono::seconds kRefusalLogPause{1};

bool is_front_end(const std::string& peer) {
  return peer.starts_with("toast-smtpd.") || peer.starts_with("toast-pop3d.");
}

std::size_t size_of(const OfferedCertificate& one) {
  std::size_t bytes = 0;
  for (const std::string& der : one.chain) bytes += der.size();
  for (const std::string& name : one.names) bytes += name.size() + 4;
  return bytes;
}

// A message handler that knows which front end it serves.
struct AnswerSign {
  Keyd& keyd;
  std::string peer;
  Allowance allowance;
  Task<Result<Sign::Reply>> operator()(Sign request) {
    co_return keyd.sign(peer, allowance, request);
  }
};
struct AnswerCertificates {
  Keyd& keyd;
  Task<Result<GetCertificates::Reply>> operator()(GetCertificates request) {
    return keyd.answer(request);
  }
};
struct AnswerTicketKeys {
  Keyd& keyd;
  Task<Result<GetTicketKeys::Reply>> operator()(GetTicketKeys) { co_return keyd.ticket_keys(); }
};

// One whole list of certificates of the database, as it arrives.
struct Arrival {
  Keyd& keyd;
  std::vector<StoredRow> rows;
};
struct AnswerOffer {
  std::shared_ptr<Arrival> arrival;
  Task<Result<OfferStored::Reply>> operator()(OfferStored offer) {
    arrival->rows.clear();
    co_return OfferStored::Reply{!arrival->keyd.knows_stored(offer.number)};
  }
};
struct TakeRow {
  std::shared_ptr<Arrival> arrival;
  Task<Result<ipc::Done>> operator()(StoredRow row) {
    if (arrival->rows.size() >= auth::kMaxStoredCertificates)
      co_return permanent("too many certificates");
    arrival->rows.push_back(std::move(row));
    co_return ipc::Done{};
  }
};
struct TakeEnd {
  std::shared_ptr<Arrival> arrival;
  Task<Result<ipc::Done>> operator()(StoredEnd end) {
    arrival->keyd.take_stored(end.number, std::exchange(arrival->rows, {}));
    co_return ipc::Done{};
  }
};

}  // namespace

bool Allowance::take(SteadyTime now) {
  const std::chrono::duration<double> passed = now - since_;
  since_ = now;
  left_ = std::min(kSignaturesPerSecond, left_ + passed.count() * kSignaturesPerSecond);
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

Keyd::Keyd(asio::any_io_executor executor, std::string tls_folder, const Clock& clock,
           Random& random, Logger& log, Metrics& metrics)
    : executor_(std::move(executor)),
      clock_(clock),
      random_(random),
      log_(log),
      counters_(metrics),
      store_(std::move(tls_folder), log),
      generation_(random.u64() | 1U),  // never 0, which a front end begins with
      changed_(executor_, SteadyTime::max()) {
  rotate_ticket_keys();
}

void Keyd::load(const std::string& own_name) {
  own_name_ = own_name;
  const bool changed = store_.load(own_name, clock_.wall());
  count_certificates();
  if (!changed) return;
  log_.info("keyd.certificates.loaded", {{"certificates", counters_.certificates.value()}});
  announce();
}

void Keyd::take_stored(std::uint64_t number, std::vector<StoredRow> rows) {
  stored_number_ = number;
  store_.set_stored(std::move(rows));
  load(own_name_);
}

void Keyd::count_certificates() {
  counters_.certificates.set(store_.pairs().size());
  counters_.expiring.set(store_.expiring(clock_.wall()));
  counters_.expired.set(store_.expired(clock_.wall()));
  counters_.unusable.set(store_.unusable());
}

void Keyd::start() { spawn(executor_, rotate_hourly()); }

Task<> Keyd::rotate_hourly() {
  asio::steady_timer timer(executor_);
  while (true) {
    timer.expires_after(kTicketKeyLife);
    auto [failed] = co_await timer.async_wait(no_throw);
    if (failed) co_return;
    rotate_ticket_keys();
    count_certificates();
  }
}

void Keyd::rotate_ticket_keys() {
  ticket_keys_.insert(ticket_keys_.begin(), Secret::random(random_, tls::kTicketSecretBytes));
  if (ticket_keys_.size() > kMaxTicketKeys) ticket_keys_.pop_back();
  announce();
}

void Keyd::announce() {
  ++generation_;
  changed_.cancel();
}

std::shared_ptr<const ipc::Dispatcher> Keyd::dispatcher_for(const std::string& peer) {
  if (peer.starts_with("toast-authd.")) return dispatcher_for_authd();
  if (!is_front_end(peer)) return nullptr;
  auto dispatcher = std::make_shared<ipc::Dispatcher>();
  dispatcher->on<GetCertificates>(AnswerCertificates{*this});
  dispatcher->on<GetTicketKeys>(AnswerTicketKeys{*this});
  dispatcher->on<Sign>(AnswerSign{*this, peer, Allowance(clock_.steady())});
  return dispatcher;
}

std::shared_ptr<const ipc::Dispatcher> Keyd::dispatcher_for_authd() {
  auto arrival = std::make_shared<Arrival>(Arrival{*this, {}});
  auto dispatcher = std::make_shared<ipc::Dispatcher>();
  dispatcher->on<OfferStored>(AnswerOffer{arrival});
  dispatcher->on<StoredRow>(TakeRow{arrival});
  dispatcher->on<StoredEnd>(TakeEnd{arrival});
  return dispatcher;
}

Task<Result<GetCertificates::Reply>> Keyd::answer(GetCertificates request) {
  if (request.from == 0 && request.known == generation_) {
    auto [ignored] = co_await changed_.async_wait(no_throw);
    (void)ignored;
  }
  GetCertificates::Reply reply;
  reply.generation = generation_;
  const std::vector<const Pair*> pairs = store_.pairs();
  reply.total = static_cast<std::uint32_t>(pairs.size());
  std::size_t bytes = 0;
  for (std::size_t i = request.from; i < pairs.size(); ++i) {
    OfferedCertificate one{pairs[i]->certificate.key_id, pairs[i]->certificate.chain,
                           store_.names_of(*pairs[i])};
    one.names.resize(std::min(one.names.size(), kMaxNames));
    bytes += size_of(one);
    if (!reply.page.empty() && (bytes > kPageBytes || reply.page.size() == kMaxPage)) break;
    reply.page.push_back(std::move(one));
  }
  co_return reply;
}

Result<GetTicketKeys::Reply> Keyd::ticket_keys() const {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return system_error("pipe2", "");
  GetTicketKeys::Reply reply;
  reply.descriptor = Fd(ends[0]);
  const Fd writing(ends[1]);
  for (const Secret& key : ticket_keys_) {  // far less than a pipe holds
    Result<void> written = write_all(writing, key.view(), "ticket keys");
    if (!written) return pass(written);
    ++reply.count;
  }
  return reply;
}

Result<Sign::Reply> Keyd::sign(const std::string& peer, Allowance& allowance, const Sign& request) {
  if (!allowance.take(clock_.steady())) return refuse(peer, "too many signatures at once");
  if (!is_tls_handshake(request.text, request.scheme))
    return refuse(peer, "what is to be signed is no TLS handshake");
  const std::shared_ptr<const tls::PrivateKey> key = store_.find(request.key_id);
  if (!key) return refuse(peer, "no such key");
  Result<std::string> signature = key->sign(request.scheme, request.text);
  if (!signature) return refuse(peer, signature.error().detail);
  counters_.signatures.add();
  return Sign::Reply{std::move(*signature)};
}

Result<Sign::Reply> Keyd::refuse(const std::string& peer, std::string why) {
  counters_.refused.add();
  if (clock_.steady() - last_refusal_logged_ >= kRefusalLogPause) {
    last_refusal_logged_ = clock_.steady();
    log_.warning("keyd.request.refused", {{"peer", peer}, {"reason", why}});
  }
  return transient("keyd: " + why);
}

}  // namespace toast::keyd
