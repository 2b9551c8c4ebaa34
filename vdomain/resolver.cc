#include "vdomain/resolver.h"

#include <fmt/format.h>

#include "vdomain/expansion.h"

namespace toast::vdomain {

Result<Resolution> resolve(const Address& recipient, DirectoryView& view,
                           const ResolverOptions& options, Trace* trace) {
  Expansion expansion(recipient, view, options, trace);
  Result<Resolution::Status> status = expansion.expand(recipient);
  if (!status) return pass(status);
  Resolution resolution{*status, {}};
  if (*status == Resolution::Status::unknown) resolution.words = expansion.words_of_refusal();
  if (*status != Resolution::Status::resolved) return resolution;
  resolution.instructions = expansion.take_instructions();
  if (resolution.instructions.empty()) {
    std::string reason =
        fmt::format("4.4.6 {} leads back to itself and nowhere else", recipient.str());
    resolution.instructions.emplace_back(Defer{std::move(reason)});
  }
  return resolution;
}

}  // namespace toast::vdomain
