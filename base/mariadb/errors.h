// What a MariaDB error number means for us. Everything that can pass is transient: it costs a
// deferral, never a bounce. Only a violated constraint is permanent.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace toast::mariadb {

// `where` names database and server. The text says what is wrong and what to do about it.
[[nodiscard]] Error make_error(unsigned code, std::string_view where, std::string_view message);

// The connection is of no use any more, whatever was asked.
bool is_connection_lost(unsigned code);
// The statement was not carried out and may be sent again as it is: a deadlock, a lost
// certification in a Galera cluster, a prepared statement that went stale.
bool may_be_repeated(unsigned code);
// The same of a transaction: a new one, perhaps on another server, may well succeed.
bool may_be_begun_anew(unsigned code);

}  // namespace toast::mariadb
