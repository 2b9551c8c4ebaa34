// A hijacked front end's bytes as authd reads them, and a keeper of the directory's. Whatever
// decodes is within its limits and encodes to the same bytes again.
#include <cstdint>

#include "auth/account_messages.h"
#include "auth/checkpassword_messages.h"
#include "auth/desk_messages.h"
#include "auth/login_messages.h"
#include "auth/sasl_messages.h"
#include "auth/session_messages.h"
#include "tests/fuzz/round_trip.h"

using namespace toast;
using fuzz::require;
using fuzz::round_trips;
using namespace toast::auth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Login login;
  if (round_trips(input, login))
    require(login.login.size() <= kMaxLoginName && login.password.size() <= kMaxPassword &&
            login.peer.size() <= kMaxPeerAddress && login.connection.size() <= kMaxConnection &&
            login.service <= kLastService);
  Login::Reply reply;
  if (round_trips(input, reply))
    require(reply.ticket.size() <= kMaxTicketBytes && reply.mailbox.size() <= kMaxLoginName);
  ApopLogin apop;
  if (round_trips(input, apop))
    require(apop.login.size() <= kMaxLoginName && apop.stamp.size() <= kMaxStamp &&
            apop.digest.size() <= kMd5Digits);
  SaslStart start;
  if (round_trips(input, start))
    require(start.mechanism.size() <= kMaxMechanismName &&
            start.initial.size() <= kMaxSaslMessage && start.service <= kLastService &&
            start.channel_binding.size() <= kMaxChannelBinding);
  SaslStep step;
  if (round_trips(input, step)) require(step.response.size() <= kMaxSaslMessage);
  SaslReply answer;
  if (round_trips(input, answer))
    require(answer.challenge.size() <= kMaxSaslMessage && answer.ticket.size() <= kMaxTicketBytes &&
            answer.mailbox.size() <= kMaxLoginName);
  CheckLogin check;
  if (round_trips(input, check))
    require(check.login.size() <= kMaxLoginName && check.password.size() <= kMaxPassword);
  CheckLogin::Reply checked;
  if (round_trips(input, checked))
    require(checked.mailbox.size() <= kMaxLoginName && checked.maildir.size() <= kMaxMaildirPath);
  FindAccount question;
  if (round_trips(input, question)) require(question.login.size() <= kMaxLoginName);
  FindAccount::Reply account;
  if (round_trips(input, account))
    require(account.mailbox.size() <= kMaxLoginName && account.maildir.size() <= kMaxMaildirPath);
  ListLogins logins;
  if (round_trips(input, logins))
    require(logins.account.size() <= kMaxLoginName && logins.limit <= kMaxListedLogins);
  ListLogins::Reply listed;
  if (round_trips(input, listed)) require(listed.events.size() <= kMaxListedLogins);
  BanNetwork ban;
  if (round_trips(input, ban)) require(ban.network.size() <= kMaxNetworkText);
  LetIn let_in;
  if (round_trips(input, let_in)) require(let_in.who.size() <= kMaxLoginName);
  ListForeignSenders::Reply senders;
  if (round_trips(input, senders)) require(senders.senders.size() <= kMaxListedSenders);
  SawForeignSender seen;
  if (round_trips(input, seen)) require(seen.login.size() <= kMaxLoginName);
  EndSessions end;
  if (round_trips(input, end)) require(end.mailbox.size() <= kMaxLoginName);
  ListBans::Reply bans;
  if (round_trips(input, bans))
    require(bans.bans.size() <= kMaxListedBans && bans.hindered.size() <= kMaxListedHindered);
  return 0;
}
