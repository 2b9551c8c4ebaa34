#include "vdomain/store_view.h"

namespace toast::vdomain {

Result<std::optional<HostedDomain>> StoreView::domain(const Domain& name) {
  Result<std::optional<HostedDomain>> own = store_.domain(name);
  if (!own || *own) return own;
  Result<std::optional<DomainAlias>> alias = store_.domain_alias(name);
  if (!alias) return pass(alias);
  if (!*alias) return std::nullopt;
  return store_.domain((*alias)->target);
}

}  // namespace toast::vdomain
