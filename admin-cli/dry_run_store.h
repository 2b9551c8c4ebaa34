// A directory in which every change is checked and none is kept: --dry-run runs the same code as
// the real thing, and its transaction is rolled back instead of committed.
#pragma once

#include <memory>

#include "vdomain/directory_store.h"

namespace toast::admin {

std::unique_ptr<vdomain::DirectoryStore> make_dry_run(
    std::unique_ptr<vdomain::DirectoryStore> store);

}  // namespace toast::admin
