#include "auth/foreign_senders.h"

#include <sstream>

#include "auth/kept_words.h"

namespace toast::auth {

std::string_view sender_place_name(SenderPlace place) {
  return place == SenderPlace::mail_from ? "envelope" : "header";
}

std::size_t ForeignSenders::addresses_of(const std::string& login) const {
  std::size_t count = 0;
  for (auto at = senders_.lower_bound({login, SenderPlace::mail_from, {}});
       at != senders_.end() && at->first.login == login; ++at)
    ++count;
  return count;
}

void ForeignSenders::add(const std::string& login, SenderPlace place, const std::string& address,
                         bool refused) {
  const WallTime now = clock_.wall();
  Key key{login, place, address};
  if (!senders_.contains(key) && addresses_of(login) >= kMaxForeignOfLogin)
    key.address = kOtherAddresses;
  if (!senders_.contains(key) && senders_.size() >= kMaxForeignSenders) {
    std::erase_if(senders_, [now](const auto& e) { return now - e.second.last > kForeignKeptFor; });
    if (senders_.size() >= kMaxForeignSenders) return;
  }
  ForeignSender& sender = senders_[key];
  if (sender.count == 0) sender = {key.login, key.place, key.address, 0, refused, now, now};
  ++sender.count;
  sender.refused = refused;
  sender.last = now;
  changed_ = true;
}

std::vector<ForeignSender> ForeignSenders::list(const std::optional<ForeignSender>& after,
                                                std::size_t limit) const {
  std::vector<ForeignSender> found;
  auto at =
      after ? senders_.upper_bound({after->login, after->place, after->address}) : senders_.begin();
  const WallTime now = clock_.wall();
  for (; at != senders_.end() && found.size() < limit; ++at)
    if (now - at->second.last <= kForeignKeptFor) found.push_back(at->second);
  return found;
}

std::string ForeignSenders::take_text() {
  const WallTime now = clock_.wall();
  std::erase_if(senders_, [now](const auto& e) { return now - e.second.last > kForeignKeptFor; });
  changed_ = false;
  std::string text;
  for (const auto& [key, sender] : senders_)
    text += std::string(sender_place_name(key.place)) + ' ' + kept_word(key.login) + ' ' +
            kept_word(key.address) + ' ' + std::to_string(sender.count) + ' ' +
            (sender.refused ? "refused " : "accepted ") +
            std::to_string(unix_seconds(sender.first)) + ' ' +
            std::to_string(unix_seconds(sender.last)) + '\n';
  return text;
}

Result<void> ForeignSenders::load(std::string_view text) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string place;
    std::string login;
    std::string address;
    std::string effect;
    std::int64_t first = 0;
    std::int64_t last = 0;
    ForeignSender sender;
    words >> place >> login >> address >> sender.count >> effect >> first >> last;
    const bool envelope = place == sender_place_name(SenderPlace::mail_from);
    if (words.fail() || (!envelope && place != sender_place_name(SenderPlace::header_from)) ||
        senders_.size() >= kMaxForeignSenders)
      return permanent("a line that is not ours: " + line.substr(0, 100));
    sender.login = from_kept_word(login);
    sender.address = from_kept_word(address);
    sender.place = envelope ? SenderPlace::mail_from : SenderPlace::header_from;
    sender.refused = effect == "refused";
    sender.first = WallTime{std::chrono::seconds{first}};
    sender.last = WallTime{std::chrono::seconds{last}};
    Key key{sender.login, sender.place, sender.address};
    senders_.insert_or_assign(std::move(key), std::move(sender));
  }
  return {};
}

}  // namespace toast::auth
