#include "admin-cli/accounts.h"

#include "admin-cli/arguments.h"

namespace toast::admin {

Wanted<Accounts> Accounts::open(Context& context) {
  Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(std::move(instance.error()));
  auto credentials = open_credentials(*instance, context.clock);
  if (!credentials) return tl::unexpected(std::move(credentials.error()));
  Wanted<Directory> directory = Directory::open(*instance, context);
  if (!directory) return tl::unexpected(std::move(directory.error()));
  return Accounts{std::move(*instance), std::move(*credentials), std::move(*directory)};
}

Wanted<vdomain::Mailbox> find_mailbox(Directory& directory, const Address& address) {
  const auto found = directory->find_mailbox(address);
  if (!found) return fail(found.error(), address.str());
  if (!*found) return not_found(directory, "mailbox", address.str());
  return **found;
}

Wanted<vdomain::Mailbox> find_mailbox(Directory& directory, const std::string& address) {
  const Wanted<Address> parsed = parse_address(address);
  if (!parsed) return tl::unexpected(parsed.error());
  return find_mailbox(directory, *parsed);
}

Wanted<Address> account_for(Directory& directory, const Address& address) {
  const auto alias = directory->find_domain_alias(address.domain());
  if (!alias) return fail(alias.error(), address.str());
  if (!*alias) return vdomain::canonical(address);
  const Result<Address> real = Address::from_parts(address.local_part(), (*alias)->target);
  if (!real) return fail(Exit::invalid, "bad_address", real.error().detail, address.str());
  return vdomain::canonical(*real);
}

void record_change(Context& context, Accounts& accounts, const std::string& action,
                   const std::string& account) {
  const Result<void> recorded = accounts.directory->record(action, account, context.actor);
  if (!recorded) context.out.warn("not in the audit: " + recorded.error().detail);
}

}  // namespace toast::admin
