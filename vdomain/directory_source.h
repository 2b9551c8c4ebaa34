// Where the keeper of the directory gets it from: a store that is opened when it can be, let go
// when it fails, tried again without a restart.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "vdomain/directory_store.h"

namespace toast::vdomain {

class DirectorySource {
 public:
  virtual ~DirectorySource() = default;

  struct Current {
    DirectoryStore* store;
    // Equal: an answer of before may be given again.
    std::uint64_t epoch;
    // Every change makes another epoch. Otherwise only what turns nobody away is repeated: that
    // somebody is unknown may have ceased to be true.
    bool epoch_shows_changes;
  };
  // The directory as of now: the store may be asked until done(). An Error: it cannot be asked.
  [[nodiscard]] virtual Result<Current> current() = 0;
  virtual void done() = 0;
  // A lookup failed: is it that row, or the database?
  virtual void examine(const Error& failure) = 0;
};

}  // namespace toast::vdomain
