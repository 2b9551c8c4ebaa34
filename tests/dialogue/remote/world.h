// One dialogue of the client: requests as queued makes them, hosts that play their part, a DNS that
// answers from the file.
//
//   given  hop example.org                the destination; its hosts are those of `hosts`
//   given  hosts 192.0.2.1 192.0.2.2      best first; called mx1.test, mx2.test
//   given  sender bob@client.test         or "<>"
//   given  recipient ann@example.org [notify=4] [orcpt=rfc822;x@y.test]
//   given  body "Subject: x\n\ntext\n" [* 100]
//   given  verp | smtputf8 | ret headers | envid abc | outgoingip "192.0.2.9 out.test"
//   given  hop host:joe@relay.test:587    where we log in
//   given  route ":relay.test:587 joe pw" which file has the password for that
//   given  password pw "secret"           what is in the file; without this line it is missing
//   given  dns fails                      the hosts cannot be found
//   given  refuses 192.0.2.1              no connection there
//   given  connection 192.0.2.1           what follows is said on the next connection to there
//   given  tls-off                        TLS is not to be used
//   given  tls-fails "reason"             so does the next handshake; others change nothing
//   given  abandoned                      queued has ended meanwhile
//   given  again                          the same request once more
//   then   delivered "2.0.0 ..."          the outcome of the next recipient, in order of requests
//   then   deferred ["4.4.2 ..."]         also failed; delivered-dsn: the host took the reports
//                                         over
//   then   reached yes                    or no, by the last request
//   then   server-name mx1.test           whom the last handshake was with
//   then   certificate verified           or ignored, by the last handshake
//   then   log "remote.connection.failed"
#pragma once

#include <deque>
#include <map>

#include "mta/remote/courier.h"
#include "mta/remote/outcome.h"
#include "tests/dialogue/remote/scripted_host.h"

namespace toast::remote {

// Plays the script; what does not hold is told, one complaint a line.
std::string play(const dialogue::Script& script, std::size_t block);

}  // namespace toast::remote
