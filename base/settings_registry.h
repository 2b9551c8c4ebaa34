// Every setting, once: name of the file in control/, default, bounds, meaning, reader. To add one,
// write its line here and its address in kAllSettings below; toastctl, the manual page and the
// checks follow. Names and defaults are qmail's where qmail has the setting; where a default
// differs, the line says why.
#pragma once

#include <span>

#include "base/settings.h"

namespace toast::setting {

inline constexpr std::int64_t kDay = 86400;
inline constexpr std::int64_t kMiB = 1 << 20;

// clang-format off
// --- the host
inline constexpr LineSetting me{"me", "", LineShape::host_name, "Fully qualified name of this host. The one setting without a default.", "smtpd queued maild remoted vdomaind authd keyd pop3d toastctl compat"};
inline constexpr ChoiceSetting databasebackend{"databasebackend", "sqlite", "sqlite|mariadb", "Where the directory and the credentials live: in two SQLite files, or on MariaDB servers.", "vdomaind authd toastctl", Applies::at_restart};
inline constexpr LineSetting mariadbsocket{"mariadbsocket", "/run/mysqld/mysqld.sock", LineShape::text, "Local socket of the MariaDB server. Used where mariadbservers is empty.", "vdomaind authd toastctl", Applies::at_restart};
inline constexpr EndpointListSetting mariadbservers{"mariadbservers", "", "MariaDB servers, one address:port or [address]:port a line, in the order they are tried: the nodes of a Galera cluster, or one server. Other hosts are spoken to with TLS only.", "vdomaind authd toastctl", Applies::at_restart};
inline constexpr LineSetting directorydb{"directorydb", "toast_directory", LineShape::account, "MariaDB database of the directory.", "vdomaind toastctl", Applies::at_restart};
inline constexpr LineSetting credentialsdb{"credentialsdb", "toast_credentials", LineShape::account, "MariaDB database of the credentials.", "authd toastctl", Applies::at_restart};

// --- listeners
inline constexpr EndpointListSetting smtplisten{"smtplisten", "0.0.0.0:25\n[::]:25", "Addresses and ports for SMTP, one address:port or [address]:port a line. An empty file: no SMTP server. Port 0: the kernel chooses, toastctl status shows it.", "toastd remoted toastctl", Applies::at_restart};
inline constexpr EndpointListSetting submissionlisten{"submissionlisten", "0.0.0.0:587\n[::]:587", "Addresses and ports for submission (RFC 6409): STARTTLS, then a login, then mail. As in smtplisten. An empty file: none.", "toastd toastctl", Applies::at_restart};
inline constexpr EndpointListSetting submissionslisten{"submissionslisten", "0.0.0.0:465\n[::]:465", "Addresses and ports for submission under TLS from the first byte (RFC 8314), as in smtplisten. An empty file: none.", "toastd toastctl", Applies::at_restart};
inline constexpr EndpointListSetting pop3listen{"pop3listen", "0.0.0.0:110\n[::]:110", "Addresses and ports for POP3, as in smtplisten. An empty file: no POP3 server.", "toastd toastctl", Applies::at_restart};
inline constexpr EndpointListSetting pop3slisten{"pop3slisten", "0.0.0.0:995\n[::]:995", "Addresses and ports for POP3 under TLS from the first byte (RFC 8314), as in smtplisten. An empty file: none.", "toastd toastctl", Applies::at_restart};
inline constexpr IntegerSetting listenbacklog{"listenbacklog", 1024, 1, 65535, "connections", "Connections that the kernel keeps waiting for each listener.", "toastd", Applies::at_restart};
inline constexpr NetworkListSetting proxynetworks{"proxynetworks", "", "Load balancers, one CIDR a line. Each SMTP, submission and POP3 connection from them must begin with a header of the PROXY protocol, version 2, which says who the client is. Nobody else's header counts. Whoever is in it can speak for any address.", "smtpd pop3d"};
inline constexpr IntegerSetting smtpprocesses{"smtpprocesses", 0, 0, 31, "processes", "Number of SMTP servers; 0: one per core.", "toastd", Applies::at_restart};
inline constexpr IntegerSetting pop3processes{"pop3processes", 0, 0, 256, "processes", "Number of POP3 servers; 0: one per core.", "toastd", Applies::at_restart};

// --- SMTP server
inline constexpr SizeSetting databytes{"databytes", 50 * kMiB, 0, 1LL << 40, "Largest message accepted, counted with CRLF line ends, as SIZE announces it; 0: no limit. qmail's default is no limit, which lets a single client fill the queue.", "smtpd queued"};
inline constexpr DurationSetting timeoutsmtpd{"timeoutsmtpd", 300, 1, kDay, "Longest wait for the client at each read or write. RFC 5321 asks for 5 minutes; qmail's default was 1200.", "smtpd"};
inline constexpr DurationSetting smtpsessionseconds{"smtpsessionseconds", 7200, 60, kDay, "Longest life of one connection, so that one byte every few minutes cannot hold it for ever.", "smtpd"};
inline constexpr NetworkListSetting relaynetworks{"relaynetworks", "", "Networks of our own, one CIDR a line. Their clients may send to recipients at other hosts, which to all others without a login is relaying denied (5.7.1), and smtpmaxperaddress does not count them.", "smtpd queued"};
inline constexpr IntegerSetting smtpmaxrecipients{"smtpmaxrecipients", 1000, 100, 100000, "recipients", "Recipients accepted in one message. RFC 5321 asks for at least 100.", "smtpd"};
inline constexpr IntegerSetting smtpmaxerrors{"smtpmaxerrors", 20, 1, 1000, "commands", "Refused commands after which the connection is closed with 421.", "smtpd"};
inline constexpr IntegerSetting smtpmaxnoops{"smtpmaxnoops", 100, 1, 100000, "commands", "NOOP, RSET, HELP, EHLO and VRFY commands in a row without a message before the connection is closed with 421.", "smtpd"};
inline constexpr IntegerSetting smtpmaxmessages{"smtpmaxmessages", 1000, 1, 1000000, "messages", "Messages accepted over one connection; then 421, and the client connects again.", "smtpd"};
inline constexpr IntegerSetting smtpmaxhops{"smtpmaxhops", 100, 20, 1000, "header fields", "Trace fields from which a message counts as looping and is refused: header lines that begin with Received or Delivered (Delivered-To), as qmail counts.", "smtpd"};
inline constexpr IntegerSetting smtpmaxconnections{"smtpmaxconnections", 2000, 1, 100000, "connections", "SMTP connections at a time, over all SMTP servers.", "smtpd"};
inline constexpr IntegerSetting smtpmaxperaddress{"smtpmaxperaddress", 100, 1, 100000, "connections", "SMTP connections at a time from one IPv4 address or one IPv6 /64; loopback and relaynetworks are not counted.", "smtpd"};
inline constexpr ChoiceSetting smtpbarenewline{"smtpbarenewline", "refuse", "refuse|normalise", "What to do with a CR or LF alone inside a message: refuse it with 550 5.6.11, or store a line end. Refusing is the safe choice against smuggled messages.", "smtpd"};
inline constexpr ChoiceSetting smtptlsversion{"smtptlsversion", "1.2", "1.2|1.3", "Oldest version of TLS that STARTTLS accepts.", "smtpd"};
inline constexpr LineSetting smtpgreeting{"smtpgreeting", kFromMe, LineShape::text, "Text after 220, 221 and 250; its first word should be this host's name.", "smtpd"};

// --- submission
inline constexpr BooleanSetting smtpauth{"smtpauth", false, "Offer AUTH, after STARTTLS, to clients of smtplisten too. Those of submissionlisten and submissionslisten must always log in.", "smtpd"};
inline constexpr ChoiceSetting submissiontlsversion{"submissiontlsversion", "1.2", "1.2|1.3", "Oldest version of TLS on submissionlisten and submissionslisten.", "smtpd"};
inline constexpr IntegerSetting smtpauthfailures{"smtpauthfailures", 3, 1, 100, "failures", "Failed logins over one SMTP connection; then 421.", "smtpd"};
inline constexpr ChoiceSetting sendercheck{"sendercheck", "warn", "off|warn|enforce", "Must the envelope sender (MAIL FROM) belong to the login: its own address, a sub-address, an alias that leads to its mailbox? warn: the log says who would be refused. enforce: 553 5.7.1.", "smtpd"};
inline constexpr ChoiceSetting fromcheck{"fromcheck", "warn", "off|warn|enforce", "The same for the addresses in the header's From; enforce: 550 5.7.1.", "smtpd"};
inline constexpr BooleanSetting submissionhideclient{"submissionhideclient", false, "Leave the address and the EHLO name of a client that has logged in out of the Received field. The log has them.", "smtpd"};
inline constexpr IntegerSetting sendlimithour{"sendlimithour", 500, 0, 100000000, "recipients", "Recipients at other hosts that one login may send to in an hour; beyond it 450 4.7.1. 0: no limit.", "queued"};
inline constexpr IntegerSetting sendlimitday{"sendlimitday", 2000, 0, 100000000, "recipients", "The same in a day.", "queued"};
inline constexpr IntegerSetting sendlimitdomainhour{"sendlimitdomainhour", 0, 0, 100000000, "recipients", "The same for all logins of a domain together, in an hour.", "queued"};
inline constexpr IntegerSetting sendlimitdomainday{"sendlimitdomainday", 0, 0, 100000000, "recipients", "The same for all logins of a domain together, in a day.", "queued"};
inline constexpr IntegerSetting sendlimitownerhour{"sendlimitownerhour", 0, 0, 100000000, "recipients", "The same for all logins of all domains of one owner together, in an hour. toastctl owner set and domain set can give one of them a limit of its own.", "queued"};
inline constexpr IntegerSetting sendlimitownerday{"sendlimitownerday", 0, 0, 100000000, "recipients", "The same for all domains of one owner together, in a day.", "queued"};
inline constexpr IntegerSetting sendlimituidhour{"sendlimituidhour", 0, 0, 100000000, "recipients", "The same for a user of this machine, root apart, who sends with sendmail and its kin, in an hour.", "queued"};
inline constexpr IntegerSetting sendlimituidday{"sendlimituidday", 0, 0, 100000000, "recipients", "The same for a user of this machine, in a day.", "queued"};
inline constexpr IntegerSetting sendlimitsuspend{"sendlimitsuspend", 1000, 0, 100000000, "refusals", "A login that is put off at its sending limit so many times in an hour, and does not stop, may send nothing more, and its waiting mail is held, until toastctl account resume. 0: never.", "queued"};

// --- queue
inline constexpr DurationSetting queuelifetime{"queuelifetime", 7 * kDay, 60, 365 * kDay, "Age at which a message that is still deferred goes back to its sender.", "queued"};
inline constexpr DurationSetting unknowngrace{"unknowngrace", 3600, 0, 7 * kDay, "For this long after a message was accepted, a recipient that is no longer known is deferred and not bounced.", "queued"};
inline constexpr IntegerSetting concurrencylocal{"concurrencylocal", 64, 1, 10000, "deliveries", "Local deliveries at a time. qmail's 10 counted processes; these are entries in a batch.", "queued"};
inline constexpr IntegerSetting queuesyncdelay{"queuesyncdelay", 0, 0, 100000, "microseconds", "Longest wait of an acknowledgement for others to share its disk sync; 0: a sync starts as soon as the one before it ends.", "queued"};
inline constexpr SizeSetting queuememory{"queuememory", 64 * kMiB, kMiB, 1LL << 40, "Memory for the bodies of messages in arrival; beyond it they are written to files at once.", "queued"};
inline constexpr SizeSetting queuereserve{"queuereserve", 64 * kMiB, kMiB, 1LL << 40, "Free disk space below which new mail is refused with 452, kept for outcomes and compaction.", "queued", Applies::at_restart};
inline constexpr IntegerSetting queuehighwater{"queuehighwater", 100000, 100, 100000000, "messages", "Backlog above which new mail is accepted more slowly.", "queued"};
inline constexpr IntegerSetting concurrencyremote{"concurrencyremote", 200, 1, 10000, "transactions", "SMTP transactions with other hosts at a time. qmail's 20 counted processes; these are connections of one process.", "queued"};
inline constexpr IntegerSetting concurrencydestination{"concurrencydestination", 20, 1, 1000, "transactions", "Of these, at most so many with one destination. It begins with 4, grows with success and shrinks with failure.", "queued"};
inline constexpr DurationSetting delaywarning{"delaywarning", 0, 0, 30 * kDay, "Age at which the sender of a deferred message is told once that it waits; 0: never. 14400 is customary.", "queued"};
inline constexpr BooleanSetting qmaillog{"qmaillog", false, "Write qmail-send's log lines (new msg, info msg, starting delivery, ...) beside our own, for programs that read them.", "queued"};
inline constexpr SizeSetting tracebytes{"tracebytes", 256 * kMiB, 0, 1LL << 40, "Disk space for the events that toastctl trace reads; the oldest go first. 0: nothing is kept.", "queued"};
inline constexpr LineSetting bouncefrom{"bouncefrom", "MAILER-DAEMON", LineShape::local_part, "Local part of the author of bounces.", "queued"};
inline constexpr LineSetting bouncehost{"bouncehost", kFromMe, LineShape::host_name, "Domain of the author of bounces, also named in their text.", "queued"};
inline constexpr LineSetting doublebounceto{"doublebounceto", "postmaster", LineShape::local_part, "Local part of the address for bounces that bounced.", "queued"};
inline constexpr LineSetting doublebouncehost{"doublebouncehost", kFromMe, LineShape::host_name, "Domain of the address for bounces that bounced.", "queued"};
inline constexpr SizeSetting bouncemaxbytes{"bouncemaxbytes", 50000, 0, 1LL << 30, "Bytes of the original message quoted in a bounce; 0: the whole message.", "queued"};

// --- local injection
inline constexpr LineSetting envnoathost{"envnoathost", kFromMe, LineShape::host_name, "Domain of a recipient that a local program names without one.", "queued"};
inline constexpr LineSetting defaulthost{"defaulthost", kFromMe, LineShape::host_name, "qmail-inject: host of an address in a header that has none.", "compat"};
inline constexpr LineSetting defaultdomain{"defaultdomain", kFromMe, LineShape::host_name, "qmail-inject: appended, with a dot, to a host in a header that has no dot.", "compat"};
inline constexpr LineSetting plusdomain{"plusdomain", kFromMe, LineShape::host_name, "qmail-inject: appended, with a dot, to a host in a header that ends in a plus sign.", "compat"};
inline constexpr LineSetting idhost{"idhost", kFromMe, LineShape::host_name, "qmail-inject: right side of the Message-ID that it adds.", "compat"};

// --- remote delivery
inline constexpr ListSetting smtproutes{"smtproutes", "", "Where mail for a domain goes instead of its MX hosts: domain:host[:port] a line; .domain for all names below it, nothing before the colon for every domain, nothing after it for the MX hosts after all. USER and the name of a file in relay-auth/ with the password may follow.", "queued remoted toastctl"};
inline constexpr LineSetting helohost{"helohost", kFromMe, LineShape::host_name, "The name this host gives itself in EHLO.", "remoted"};
inline constexpr ListSetting outgoingip{"outgoingip", "", "Address to connect from, one a line: ADDRESS [HELO-NAME] for all mail, or DOMAIN ADDRESS [HELO-NAME] for senders of that domain. One line for IPv4 and one for IPv6 may stand for each.", "remoted"};
inline constexpr DurationSetting timeoutconnect{"timeoutconnect", 30, 1, 600, "Time for the TCP connection to one address.", "remoted"};
inline constexpr DurationSetting timeoutremote{"timeoutremote", 300, 10, 3600, "Wait for one reply of a remote host; twice that for the reply to the end of a message (RFC 5321 section 4.5.3.2.6).", "remoted"};
inline constexpr ChoiceSetting remotetls{"remotetls", "opportunistic", "opportunistic|off", "TLS towards other hosts: with those that offer STARTTLS, their certificates not checked, in clear text where it fails; or never.", "remoted"};
inline constexpr EndpointListSetting dnsservers{"dnsservers", "", "Name servers to ask, address:port a line. An empty file: those of /etc/resolv.conf.", "remoted", Applies::at_restart};

// --- mailboxes
inline constexpr IntegerSetting maildeliverythreads{"maildeliverythreads", 8, 1, 256, "threads", "Threads that write mail into Maildirs; each takes several messages at once when many wait.", "maild", Applies::at_restart};
inline constexpr LineSetting quotawarnings{"quotawarnings", "80 95 100", LineShape::percentages, "Shares of its quota at which a mailbox gets a warning, each once a day at most; 100: when mail for it is being refused. off: none.", "maild"};
inline constexpr LineSetting logindomain{"logindomain", kFromMe, LineShape::host_name, "Domain of a login name that has none.", "vdomaind authd"};
inline constexpr ListSetting logindomains{"logindomains", "", "The same by the address that the client has connected to, ADDRESS:domain or [ADDRESS]:domain a line; connections to other addresses get logindomain.", "vdomaind toastctl"};

// --- POP3 server
inline constexpr DurationSetting pop3timeout{"pop3timeout", 600, 10, kDay, "Idle time after which a POP3 session is closed without deleting anything. RFC 1939 asks for at least 10 minutes.", "pop3d"};
inline constexpr DurationSetting pop3logintimeout{"pop3logintimeout", 60, 5, 600, "Time a POP3 client has to log in.", "pop3d"};
inline constexpr DurationSetting pop3sessionseconds{"pop3sessionseconds", 6 * 3600, 60, kDay, "Longest life of one POP3 connection.", "pop3d"};
inline constexpr IntegerSetting pop3maxconnections{"pop3maxconnections", 10000, 1, 200000, "connections", "POP3 connections at a time, over all POP3 servers.", "pop3d"};
inline constexpr IntegerSetting pop3maxperaddress{"pop3maxperaddress", 200, 1, 100000, "connections", "POP3 connections at a time from one IPv4 address or one IPv6 /64; loopback is not counted.", "pop3d"};
inline constexpr IntegerSetting pop3maxerrors{"pop3maxerrors", 20, 1, 1000, "commands", "Refused commands after which a POP3 session is closed.", "pop3d"};
inline constexpr ChoiceSetting pop3tlsversion{"pop3tlsversion", "1.2", "1.2|1.3", "Oldest version of TLS that POP3 accepts, by STLS and on pop3slisten.", "pop3d"};
inline constexpr BooleanSetting pop3cleartext{"pop3cleartext", true, "Take passwords over connections that are not encrypted. no: USER and PASS are refused there, and not announced; clients use STLS or pop3slisten.", "pop3d"};

// --- passwords
inline constexpr IntegerSetting passwordopslimit{"passwordopslimit", 2, 1, 64, "passes", "Passes of argon2id over its memory for a new password.", "authd toastctl"};
inline constexpr SizeSetting passwordmemlimit{"passwordmemlimit", 19 * kMiB, 8192, 4LL << 30, "Memory of argon2id for a new password. Each hasher needs this much while it works.", "authd toastctl"};
inline constexpr BooleanSetting passwordrehash{"passwordrehash", true, "After a good login, replace a hash that came from another system (crypt(3): DES, MD5, bcrypt, SHA, scrypt, yescrypt) by one of ours. off: where that other system still reads the same hashes.", "authd"};
inline constexpr IntegerSetting passwordhashers{"passwordhashers", 0, 0, 256, "threads", "Password checks at a time; 0: one per core.", "authd", Applies::at_restart};
inline constexpr DurationSetting passwordcacheseconds{"passwordcacheseconds", 3600, 0, kDay, "How long a verified password is remembered (as a keyed hash) so that polling costs no argon2id; 0: never. A changed password counts at once.", "authd"};
inline constexpr ListSetting checkpasswordprograms{"checkpasswordprograms", "", "Domains whose passwords another program checks: DOMAIN:USER:PROGRAM [ARGUMENT ...] a line. PROGRAM is the path of a checkpassword program (cr.yp.to/checkpwd), USER the account it runs as, never root. It is asked in place of the stored passwords.", "toastd spawnd authd toastctl", Applies::at_restart};
inline constexpr DurationSetting checkpasswordseconds{"checkpasswordseconds", 10, 1, 25, "Time that such a program has for one password, waiting for its turn included. Then it is killed, and the client is told to try again later.", "spawnd authd"};
inline constexpr ChoiceSetting authscram{"authscram", "no", "no|learn|yes", "SCRAM-SHA-256 and -PLUS. learn: when a password is set, and after a good login, what SCRAM needs of it is kept; yes: SCRAM is offered, too. A client that takes it up for an account nothing was kept of yet is told that its password is wrong, so learn comes first. Who steals the credentials guesses from what is kept faster than from argon2id.", "authd smtpd pop3d toastctl"};
inline constexpr ChoiceSetting authcram{"authcram", "no", "no|learn|yes", "CRAM-MD5 and, over POP3, APOP, for accounts that an operator lets keep a password which can be had back (toastctl mailbox set ADDRESS --reversible=on). learn: after their next good login in clear text it is kept, encrypted; yes: both are offered, too. Who gets the credentials and db-auth/reversible.key together has those passwords in clear text.", "authd smtpd pop3d toastctl"};
inline constexpr IntegerSetting authfailureslimit{"authfailureslimit", 10, 1, 10000, "failures", "Failed logins for an account (twice as many for an address), fading with authfailureseconds, after which further ones are delayed and refused.", "authd"};
inline constexpr DurationSetting authfailureseconds{"authfailureseconds", 900, 10, kDay, "Time in which the count of failed logins halves.", "authd"};
inline constexpr NetworkListSetting authexemptnetworks{"authexemptnetworks", "", "Networks whose clients are never delayed or refused for the failed logins of their address, one CIDR a line: a webmail server, a large NAT. The counters of accounts hold for them, too.", "authd"};
inline constexpr BooleanSetting vchkpwlog{"vchkpwlog", false, "Write a line in the words of vpopmail's vchkpw for every login beside our own, for programs that read them, such as fail2ban.", "authd"};

// --- accounts, not used with --unprivileged
inline constexpr LineSetting usersmtpd{"usersmtpd", "toast-smtpd", LineShape::account, "System account of toast-smtpd.", "toastd", Applies::at_restart};
inline constexpr LineSetting userqueued{"userqueued", "toast-queue", LineShape::account, "System account of toast-queued, owner of queue/.", "toastd toastctl", Applies::at_restart};
inline constexpr LineSetting usermaild{"usermaild", "toast-mail", LineShape::account, "System account of toast-maild, owner of mail/.", "toastd toastctl", Applies::at_restart};
inline constexpr LineSetting uservdomaind{"uservdomaind", "toast-directory", LineShape::account, "System account of toast-vdomaind, owner of db/.", "toastd toastctl", Applies::at_restart};
inline constexpr LineSetting userauthd{"userauthd", "toast-auth", LineShape::account, "System account of toast-authd, owner of db-auth/.", "toastd toastctl", Applies::at_restart};
inline constexpr LineSetting userkeyd{"userkeyd", "toast-keys", LineShape::account, "System account of toast-keyd, owner of tls/.", "toastd toastctl", Applies::at_restart};
inline constexpr LineSetting userremoted{"userremoted", "toast-remote", LineShape::account, "System account of toast-remoted, owner of relay-auth/.", "toastd toastctl", Applies::at_restart};
inline constexpr LineSetting userpop3d{"userpop3d", "toast-pop3d", LineShape::account, "System account of toast-pop3d.", "toastd", Applies::at_restart};
// clang-format on

}  // namespace toast::setting

namespace toast {

// In the order of the manual page.
inline constexpr const SettingInfo* kAllSettings[] = {
    &setting::me,
    &setting::databasebackend,
    &setting::mariadbsocket,
    &setting::mariadbservers,
    &setting::directorydb,
    &setting::credentialsdb,
    &setting::smtplisten,
    &setting::submissionlisten,
    &setting::submissionslisten,
    &setting::pop3listen,
    &setting::pop3slisten,
    &setting::listenbacklog,
    &setting::proxynetworks,
    &setting::smtpprocesses,
    &setting::pop3processes,
    &setting::databytes,
    &setting::timeoutsmtpd,
    &setting::smtpsessionseconds,
    &setting::relaynetworks,
    &setting::smtpmaxrecipients,
    &setting::smtpmaxerrors,
    &setting::smtpmaxnoops,
    &setting::smtpmaxmessages,
    &setting::smtpmaxhops,
    &setting::smtpmaxconnections,
    &setting::smtpmaxperaddress,
    &setting::smtpbarenewline,
    &setting::smtptlsversion,
    &setting::smtpgreeting,
    &setting::smtpauth,
    &setting::submissiontlsversion,
    &setting::smtpauthfailures,
    &setting::sendercheck,
    &setting::fromcheck,
    &setting::submissionhideclient,
    &setting::sendlimithour,
    &setting::sendlimitday,
    &setting::sendlimitdomainhour,
    &setting::sendlimitdomainday,
    &setting::sendlimitownerhour,
    &setting::sendlimitownerday,
    &setting::sendlimituidhour,
    &setting::sendlimituidday,
    &setting::sendlimitsuspend,
    &setting::queuelifetime,
    &setting::unknowngrace,
    &setting::concurrencylocal,
    &setting::queuesyncdelay,
    &setting::queuememory,
    &setting::queuereserve,
    &setting::queuehighwater,
    &setting::concurrencyremote,
    &setting::concurrencydestination,
    &setting::delaywarning,
    &setting::qmaillog,
    &setting::tracebytes,
    &setting::bouncefrom,
    &setting::bouncehost,
    &setting::doublebounceto,
    &setting::doublebouncehost,
    &setting::bouncemaxbytes,
    &setting::envnoathost,
    &setting::defaulthost,
    &setting::defaultdomain,
    &setting::plusdomain,
    &setting::idhost,
    &setting::smtproutes,
    &setting::helohost,
    &setting::outgoingip,
    &setting::timeoutconnect,
    &setting::timeoutremote,
    &setting::remotetls,
    &setting::dnsservers,
    &setting::maildeliverythreads,
    &setting::quotawarnings,
    &setting::logindomain,
    &setting::logindomains,
    &setting::pop3timeout,
    &setting::pop3logintimeout,
    &setting::pop3sessionseconds,
    &setting::pop3maxconnections,
    &setting::pop3maxperaddress,
    &setting::pop3maxerrors,
    &setting::pop3tlsversion,
    &setting::pop3cleartext,
    &setting::passwordopslimit,
    &setting::passwordmemlimit,
    &setting::passwordrehash,
    &setting::passwordhashers,
    &setting::passwordcacheseconds,
    &setting::checkpasswordprograms,
    &setting::checkpasswordseconds,
    &setting::authscram,
    &setting::authcram,
    &setting::authfailureslimit,
    &setting::authfailureseconds,
    &setting::authexemptnetworks,
    &setting::vchkpwlog,
    &setting::usersmtpd,
    &setting::userqueued,
    &setting::usermaild,
    &setting::uservdomaind,
    &setting::userauthd,
    &setting::userkeyd,
    &setting::userremoted,
    &setting::userpop3d,
};

inline std::span<const SettingInfo* const> all_settings() { return kAllSettings; }

}  // namespace toast
