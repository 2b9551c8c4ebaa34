#include "auth/bans.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "auth/kept_words.h"

namespace toast::auth {
namespace {

bool is_over(const Ban& ban, WallTime now) { return ban.until && *ban.until <= now; }

struct Extent {
  IpAddress first;
  unsigned bits = 0;
};

Extent extent_of(const Network& network) {
  const std::string text = network.str();
  const std::size_t slash = text.find('/');
  Extent extent{IpAddress::parse(text.substr(0, slash)).value(), 0};
  extent.bits = extent.first.width();
  if (slash != std::string::npos)
    std::from_chars(text.data() + slash + 1, text.data() + text.size(), extent.bits);
  return extent;
}

bool overlap(const Network& a, const Network& b) {
  return a.contains(extent_of(b).first) || b.contains(extent_of(a).first);
}

}  // namespace

const Ban* Bans::find(const IpAddress& peer, WallTime now) const {
  const Ban* longest = nullptr;
  for (const Ban& ban : bans_) {
    if (is_over(ban, now) || !ban.network.contains(peer)) continue;
    if (!ban.until) return &ban;
    if (longest == nullptr || *ban.until > *longest->until) longest = &ban;
  }
  return longest;
}

Result<void> Bans::add(Ban ban, WallTime now) {
  std::erase_if(bans_, [now](const Ban& old) { return is_over(old, now); });
  remove(ban.network);
  if (bans_.size() >= kMaxBans)
    return permanent("there are " + std::to_string(kMaxBans) + " bans already; use wider networks");
  bans_.push_back(std::move(ban));
  return {};
}

bool Bans::remove(const Network& network) {
  return std::erase_if(bans_, [&](const Ban& ban) { return ban.network == network; }) > 0;
}

std::vector<Ban> Bans::in_force(WallTime now) const {
  std::vector<Ban> bans = bans_;
  std::erase_if(bans, [now](const Ban& ban) { return is_over(ban, now); });
  return bans;
}

// network, when it was made, when it ends (0: never), why
std::string Bans::text() const {
  std::string text;
  for (const Ban& ban : bans_)
    text += ban.network.str() + ' ' + std::to_string(unix_seconds(ban.made)) + ' ' +
            std::to_string(ban.until ? unix_seconds(*ban.until) : 0) + ' ' + kept_word(ban.reason) +
            '\n';
  return text;
}

Result<Bans> Bans::parse(std::string_view text) {
  Bans bans;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string network;
    std::string reason;
    std::int64_t made = 0;
    std::int64_t until = 0;
    words >> network >> made >> until >> reason;
    Result<Network> parsed = Network::parse(network);
    if (words.fail() || !parsed || bans.bans_.size() >= kMaxBans)
      return permanent("a line that is not ours: " + line.substr(0, 100));
    Ban ban{*parsed, WallTime{std::chrono::seconds{made}}, {}, from_kept_word(reason)};
    if (until != 0) ban.until = WallTime{std::chrono::seconds{until}};
    bans.bans_.push_back(std::move(ban));
  }
  return bans;
}

std::string why_not_ban(const Network& network, const std::vector<Network>& exempt) {
  for (const char* loopback : {"127.0.0.0/8", "::1"})
    if (overlap(network, Network::parse(loopback).value()))
      return network.str() + " holds this host's own address";
  for (const Network& trusted : exempt)
    if (overlap(network, trusted))
      return network.str() + " meets " + trusted.str() + " of authexemptnetworks";
  const Extent extent = extent_of(network);
  const unsigned widest = extent.first.is_v4() ? kWidestBanV4 : kWidestBanV6;
  if (extent.bits < widest) return network.str() + " is wider than a /" + std::to_string(widest);
  return {};
}

}  // namespace toast::auth
