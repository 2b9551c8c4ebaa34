#include "auth/throttle.h"

#include <algorithm>
#include <cmath>

namespace toast::auth {
namespace {

constexpr double kForgotten = 0.01;                   // a count below this is as good as none
constexpr std::chrono::milliseconds kBusyWait{1000};  // told to an attempt too many in parallel

}  // namespace

Throttle::Throttle(ThrottleOptions options, const Clock& clock, Random& random)
    : options_(std::move(options)),
      clock_(clock),
      key_(Secret::random(random, kDigestKeyBytes)),
      addresses_(options_.max_addresses),
      accounts_(options_.max_accounts) {}

Digest Throttle::account_key(std::string_view account) const {
  return keyed_digest(key_, {"account", account});
}

Digest Throttle::address_key(const IpAddress& peer) const {
  return keyed_digest(key_, {"address", accounting_address(peer).str()});
}

bool Throttle::is_exempt(const IpAddress& peer) const {
  return contains(options_.exempt_networks, peer);
}

// When room must be made, entries that delay somebody right now stay if any other will do: else a
// flood of invented names or addresses would wash the guessed-at account out of memory.
Throttle::Counter& Throttle::address_counter(const Digest& address) {
  if (Counter* present = addresses_.find(address)) return *present;
  const SteadyTime now = clock_.steady();
  addresses_.make_room_sparing([now](const Counter& c) { return c.blocked_until > now; });
  return addresses_.find_or_make(address);
}

Throttle::Account& Throttle::account_entry(const Digest& account) {
  if (Account* present = accounts_.find(account)) return *present;
  const SteadyTime now = clock_.steady();
  accounts_.make_room_sparing([now](const Account& a) { return a.counter.blocked_until > now; });
  return accounts_.find_or_make(account);
}

void Throttle::decay(Counter& counter, const ThrottleRule& rule) const {
  const SteadyTime now = clock_.steady();
  if (counter.failures > 0) {
    const std::chrono::duration<double> age = now - counter.updated;
    counter.failures *= std::exp2(-age.count() / static_cast<double>(rule.half_life.count()));
    if (counter.failures < kForgotten) counter.failures = 0;
  }
  counter.updated = now;
}

// Zero: go on.
std::chrono::milliseconds Throttle::wait(Counter& counter, const ThrottleRule& rule) const {
  decay(counter, rule);
  const SteadyTime now = clock_.steady();
  if (counter.blocked_until > now)
    return std::chrono::ceil<std::chrono::milliseconds>(counter.blocked_until - now);
  const unsigned parallel = counter.failures < rule.free_failures ? rule.max_parallel : 1;
  return counter.in_flight < parallel ? std::chrono::milliseconds{0} : kBusyWait;
}

bool Throttle::finish(Counter& counter, const ThrottleRule& rule, Outcome outcome) const {
  if (counter.in_flight > 0) --counter.in_flight;
  if (outcome != Outcome::wrong) return false;
  decay(counter, rule);
  const bool was_free = counter.failures < rule.free_failures;
  counter.failures += 1;
  if (counter.failures < rule.free_failures) return false;
  const double doublings = std::min(counter.failures - rule.free_failures, 40.0);
  const std::chrono::duration<double, std::milli> delay{
      static_cast<double>(rule.first_delay.count()) * std::exp2(doublings)};
  const std::chrono::duration<double, std::milli> longest = rule.max_delay;
  counter.blocked_until = clock_.steady() + std::chrono::duration_cast<std::chrono::milliseconds>(
                                                std::min(delay, longest));
  return was_free;
}

Throttle::Known* Throttle::find_known(Account& account, const Digest& address) const {
  auto found = std::find_if(account.known.begin(), account.known.end(),
                            [&](const Known& k) { return k.address == address; });
  if (found == account.known.end()) return nullptr;
  if (clock_.steady() - found->last_right > kKnownFor) return nullptr;
  return &*found;
}

Throttle::Decision Throttle::begin(std::string_view account, const IpAddress& peer,
                                   Attempt& attempt) {
  attempt = {account_key(account), address_key(peer), false, false};
  Account& entry = account_entry(attempt.account);
  if (Known* known = find_known(entry, attempt.address)) {
    const auto delay = wait(known->counter, options_.known);
    if (delay.count() > 0) return {Limit::known, delay};
    ++known->counter.in_flight;
    attempt.by_known = true;
    return {};
  }
  attempt.by_address = !is_exempt(peer);
  if (attempt.by_address) {
    const auto delay = wait(address_counter(attempt.address), options_.address);
    if (delay.count() > 0) return {Limit::address, delay};
  }
  const auto delay = wait(entry.counter, options_.account);
  if (delay.count() > 0) return {Limit::account, delay};
  ++entry.counter.in_flight;
  if (attempt.by_address) ++address_counter(attempt.address).in_flight;
  return {};
}

bool Throttle::end(const Attempt& attempt, Outcome outcome) {
  bool begins = false;
  Account& entry = account_entry(attempt.account);
  if (attempt.by_known) {
    if (Known* known = find_known(entry, attempt.address))
      begins = finish(known->counter, options_.known, outcome);
  } else {
    begins = finish(entry.counter, options_.account, outcome);
    if (attempt.by_address && finish(address_counter(attempt.address), options_.address, outcome))
      begins = true;
  }
  if (outcome == Outcome::right) remember(attempt.account, attempt.address);
  return begins;
}

void Throttle::introduce(std::string_view account, const IpAddress& peer) {
  const Digest account_digest = account_key(account);
  const Digest address = address_key(peer);
  if (find_known(account_entry(account_digest), address) == nullptr)
    remember(account_digest, address);
}

// Attempts under way stay counted: their end() takes them back.
void Throttle::forgive(Counter& counter) {
  counter.failures = 0;
  counter.blocked_until = {};
}

void Throttle::forgive_address(const IpAddress& peer) {
  if (Counter* counter = addresses_.find(address_key(peer))) forgive(*counter);
}

void Throttle::forgive_account(std::string_view account) {
  Account* entry = accounts_.find(account_key(account));
  if (entry == nullptr) return;
  forgive(entry->counter);
  for (Known& known : entry->known) forgive(known.counter);
}

void Throttle::set_options(ThrottleOptions options) { options_ = std::move(options); }

// The counter of an address that becomes known again starts anew: the password was right.
void Throttle::remember(const Digest& account, const Digest& address) {
  std::vector<Known>& known = account_entry(account).known;
  auto found = std::find_if(known.begin(), known.end(),
                            [&](const Known& k) { return k.address == address; });
  if (found == known.end()) {
    if (known.size() >= kMaxKnownAddresses) known.pop_back();
    known.push_back(Known{address, {}, {}});
    found = std::prev(known.end());
  }
  found->last_right = clock_.steady();
  found->counter.failures = 0;
  found->counter.blocked_until = {};
  std::rotate(known.begin(), found, std::next(found));
}

std::string_view name_of(Throttle::Limit limit) {
  switch (limit) {
    case Throttle::Limit::address:
      return "address";
    case Throttle::Limit::account:
      return "account";
    case Throttle::Limit::known:
      return "known-address";
    case Throttle::Limit::none:
      break;
  }
  return "none";
}

}  // namespace toast::auth
