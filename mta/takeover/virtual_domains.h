// qmail's rewriting of recipients in virtual domains, undone: "info@v.test" waits in local/ as
// "owner-info@v.test" when control/virtualdomains says "v.test:owner". Our directory knows the
// first.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace toast::takeover {

class VirtualDomains {
 public:
  // The contents of control/virtualdomains and control/locals (of me, if that is not there).
  VirtualDomains(std::string_view virtualdomains, std::string_view locals);
  // Of a record in local/. Unchanged when no entry made it what it is.
  std::string undo(std::string_view recipient) const;

 private:
  // None: there is no entry for this key, in lower case.
  const std::string* find(const std::string& key) const;
  std::map<std::string, std::string> prepends_;
  std::set<std::string> locals_;
};

}  // namespace toast::takeover
