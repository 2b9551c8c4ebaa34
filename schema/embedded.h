// The migrations of this folder as they were when the program was built:
// schema/DIALECT/STORE/*.sql. A file's first line says with which programs its result works: `--
// works-with: N`.
#pragma once

#include <span>

#include "base/migrations.h"

namespace toast::schema {

std::span<const Migration> sqlite_directory();
std::span<const Migration> sqlite_credentials();

}  // namespace toast::schema
