// The migrations of this folder as they were when the program was built:
// schema/DIALECT/STORE/*.sql. A file's first line says with which programs its result works: `--
// works-with: N`.
#pragma once

#include <span>
#include <string_view>

#include "base/migrations.h"

namespace toast::schema {

std::span<const Migration> sqlite_directory();
std::span<const Migration> sqlite_credentials();
std::span<const Migration> mariadb_directory();
std::span<const Migration> mariadb_credentials();
// Databases, users and rights; @names@ stand for what an instance says.
std::string_view mariadb_grants();
// What Dovecot may read there, in the same manner.
std::string_view mariadb_dovecot();

}  // namespace toast::schema
