#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace toast {

tl::unexpected<Error> system_error(std::string_view doing, std::string_view object,
                                   int error_number) {
  std::string detail(doing);
  if (!object.empty()) detail.append(" ").append(object);
  detail.append(": ").append(std::generic_category().message(error_number));
  return transient(std::move(detail));
}

tl::unexpected<Error> system_error(std::string_view doing, std::string_view object) {
  return system_error(doing, object, errno);
}

}  // namespace toast
