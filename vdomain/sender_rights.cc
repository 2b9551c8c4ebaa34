// Whose is an address that somebody wants to send as? His whose mailbox gets the mail for it: his
// own name in any of the domain's names, a sub-address, an alias that leads to him, a catch-all.
// The resolver says so, as it does for delivery.
#include <algorithm>

#include "vdomain/directory_keeper.h"

namespace toast::vdomain {
namespace {

bool leads_to(const Instruction& instruction, const Address& mailbox) {
  if (const auto* deliver = std::get_if<DeliverMaildir>(&instruction))
    return deliver->mailbox == mailbox;
  if (const auto* lmtp = std::get_if<HandOver>(&instruction)) return lmtp->mailbox == mailbox;
  const auto* forward = std::get_if<Forward>(&instruction);  // to a mailbox that LMTP serves
  return forward != nullptr && canonical(forward->target) == mailbox;
}

}  // namespace

Result<MaySendAs::Reply> DirectoryKeeper::may_send_as(const MaySendAs& question) {
  const Address login = canonical(question.login);
  // His own address is his, wherever its mail goes and even if none is taken for it.
  Result<Account> own = account(canonical(question.sender));
  if (!own) return pass(own);
  if (own->mailbox && own->mailbox->address == login) return MaySendAs::Reply{true};
  Result<Resolution> resolution = destination(question.sender);
  if (!resolution) return pass(resolution);
  const std::vector<Instruction>& instructions = resolution->instructions;
  return MaySendAs::Reply{
      std::any_of(instructions.begin(), instructions.end(),
                  [&login](const Instruction& one) { return leads_to(one, login); })};
}

Result<FindSendLimits::Reply> DirectoryKeeper::send_limits(const FindSendLimits& question) {
  return ask_now([&](DirectoryStore& store) -> Result<FindSendLimits::Reply> {
    FindSendLimits::Reply reply;
    Result<std::optional<HostedDomain>> domain = store.domain(question.domain);
    if (!domain) return pass(domain);
    if (!*domain) return reply;
    reply.domain = {(*domain)->limits.messages_per_hour, (*domain)->limits.messages_per_day};
    if (!(*domain)->owner) return reply;
    Result<std::optional<DomainOwner>> owner = store.owner(*(*domain)->owner);
    if (!owner) return pass(owner);
    if (!*owner) return reply;  // no row can name one that is not there
    reply.owner = (*owner)->name;
    reply.of_owner = {(*owner)->limits.messages_per_hour, (*owner)->limits.messages_per_day};
    return reply;
  });
}

}  // namespace toast::vdomain
