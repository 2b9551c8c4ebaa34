#include "vdomain/store_view.h"

namespace toast::vdomain {

Result<std::optional<HostedDomain>> StoreView::domain(const Domain& name) {
  if (!last_ || last_->name != name) {
    Result<std::optional<HostedDomain>> found = find_domain(name);
    if (!found) return found;
    last_.emplace(Found{name, std::move(*found)});
  }
  return last_->domain;
}

Result<std::optional<HostedDomain>> StoreView::find_domain(const Domain& name) {
  Result<std::optional<HostedDomain>> own = store_.domain(name);
  if (!own || *own) return own;
  Result<std::optional<DomainAlias>> alias = store_.domain_alias(name);
  if (!alias) return pass(alias);
  if (!*alias) return std::nullopt;
  return store_.domain((*alias)->target);
}

}  // namespace toast::vdomain
