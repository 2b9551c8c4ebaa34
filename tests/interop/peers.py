"""Mail servers nobody here wrote, each private: its own folder, its own port on loopback, no DNS, no TLS.
Each has one mailbox, box@DOMAIN, refuses other names there, and sends what is for elsewhere to us.

Their programs want accounts and folders of the system, so all of this is for a mount namespace of the
test's own (enter_namespace, prepare_namespace).
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile

from rude_hosts import unused_port
from toast_instance import ROOT, wait_until

UNPACKED = os.path.join(ROOT, "build", "peers")
INSIDE = "TOAST_PEERS_NAMESPACE"
ACCOUNTS = {"Debian-exim": 990, "opensmtpd": 991, "opensmtpq": 992}


def enter_namespace():
    """Runs the program again where a mount is nobody else's."""
    if INSIDE in os.environ:
        return
    if os.geteuid() != 0:
        print(f"LEFT OUT: {os.path.basename(sys.argv[0])}: Postfix, Exim, OpenSMTPD and Dovecot switch users, "
              "which only root can")
        sys.exit(0)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-m", "--", sys.executable, *sys.argv])


def prepare_namespace(directory):
    def mount(*words):
        subprocess.run(["mount", *words], check=True)

    for name, line in (("passwd", "{0}:x:{1}:{1}::/nonexistent:/bin/false\n"), ("group", "{0}:x:{1}:\n")):
        copy = os.path.join(directory, name)
        shutil.copy(f"/etc/{name}", copy)
        with open(copy, "a") as file:
            file.writelines(line.format(*account) for account in ACCOUNTS.items())
        mount("--bind", copy, f"/etc/{name}")
    names = os.path.join(directory, "resolv.conf")
    with open(names, "w") as file:
        file.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    mount("--bind", names, "/etc/resolv.conf")
    for path in ("/var/spool", "/var/lib", "/usr/libexec", "/run"):
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", path)
    os.makedirs("/var/lib/opensmtpd/empty")
    os.mkdir("/var/spool/smtpd", 0o711)
    libexec = os.path.join(UNPACKED, "usr/libexec/opensmtpd")
    if os.path.isdir(libexec):
        os.mkdir("/usr/libexec/opensmtpd")
        mount("--bind", libexec, "/usr/libexec/opensmtpd")


class Peer:
    """`program` must be there; `configure` writes files; `command` runs in the foreground."""

    program = ""
    domain = ""

    def __init__(self, our_port):
        self.our_port = our_port
        self.port = unused_port()
        self.directory = tempfile.mkdtemp(prefix="toast-peer-")
        os.chmod(self.directory, 0o755)
        self.maildir = os.path.join(self.directory, "mail", "box")
        owner = pwd.getpwnam("nobody")
        for path in ("mail", "mail/box", "mail/box/new", "mail/box/cur", "mail/box/tmp"):
            os.mkdir(os.path.join(self.directory, path))
            os.chown(os.path.join(self.directory, path), owner.pw_uid, owner.pw_gid)
        self.owner = (owner.pw_uid, owner.pw_gid)
        self.process = None

    @classmethod
    def missing(cls):
        """Why there is no such peer on this machine; None if there is."""
        if not os.path.exists(cls.program):
            return f"{cls.program} is not here"
        done = subprocess.run(["ldd", cls.program], capture_output=True, text=True, check=False)
        lacks = [line.split()[0] for line in done.stdout.splitlines() if "not found" in line]
        return f"{cls.program} needs {', '.join(lacks)}" if lacks else None

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def start(self):
        with open(self.path("output"), "wb") as output:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output)

        def listens():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.program} ended: {self.words()}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        wait_until(listens, f"{self.program} listens", 20)
        return self

    def words(self):
        """All it has said."""
        said = ""
        for name in ("output", "log", "logs/main", "logs/panic"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as file:
                    said += f"--- {name}\n" + file.read()[-6000:]
        return said

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
        shutil.rmtree(self.directory, ignore_errors=True)


class Postfix(Peer):
    program = "/usr/sbin/postfix"
    domain = "postfix.test"

    def command(self):
        os.mkdir(self.path("etc"))
        os.mkdir(self.path("queue"))
        os.mkdir(self.path("data"))
        shutil.chown(self.path("data"), "postfix")
        uid, gid = self.owner
        self.write("etc/mailboxes", f"box@{self.domain} box/\n")
        self.write("etc/main.cf", f"""compatibility_level = 3.6
queue_directory = {self.path("queue")}
data_directory = {self.path("data")}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
myhostname = mx.{self.domain}
mydestination =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
local_header_rewrite_clients =
disable_dns_lookups = yes
smtpd_peername_lookup = no
relayhost = [127.0.0.1]:{self.our_port}
virtual_mailbox_domains = {self.domain}
virtual_mailbox_base = {self.path("mail")}
virtual_mailbox_maps = texthash:{self.path("etc/mailboxes")}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
maillog_file = {self.path("log")}
maillog_file_prefixes = {self.directory}
""")
        with open("/usr/share/postfix/master.cf.dist") as template:
            services = [line for line in template.read().splitlines() if line and line[0] not in "# \t"]
        services = [line.replace("       y       ", "       n       ", 1) for line in services
                    if not line.startswith(("smtp      inet", "postlog"))]
        services += [f"127.0.0.1:{self.port} inet n - n - - smtpd",
                     "postlog unix-dgram n - n - 1 postlogd"]
        self.write("etc/master.cf", "\n".join(services) + "\n")
        return [self.program, "-c", self.path("etc"), "start-fg"]

    def stop(self):
        subprocess.run([self.program, "-c", self.path("etc"), "stop"], capture_output=True, check=False)
        super().stop()


class Exim(Peer):
    program = os.path.join(UNPACKED, "usr/sbin/exim4")
    domain = "exim.test"
    closed_domain = "closed.exim.test"  # takes mail from those who have logged in
    login = ("joe@example.test", "a long secret")

    def command(self):
        for name in ("spool", "logs"):
            os.mkdir(self.path(name))
            shutil.chown(self.path(name), "Debian-exim", "Debian-exim")
        # Where its Debian package looks. Named by -C it would be given up with root's rights.
        os.mkdir("/var/lib/exim4")
        self.write("/var/lib/exim4/config.autogenerated", f"""exim_path = {self.program}
spool_directory = {self.path("spool")}
log_file_path = {self.path("logs")}/%s
primary_hostname = mx.{self.domain}
daemon_smtp_ports = {self.port}
local_interfaces = 127.0.0.1
host_lookup =
rfc1413_hosts =
tls_advertise_hosts =
keep_environment =
never_users =
message_size_limit = 10M
acl_smtp_rcpt = check_recipient
acl_smtp_data = accept
begin acl
check_recipient:
  deny message = no such user here
       domains = {self.domain}
       !local_parts = box
  deny message = log in first
       domains = {self.closed_domain}
       !authenticated = *
  accept
begin routers
elsewhere:
  driver = manualroute
  domains = !{self.domain} : !{self.closed_domain}
  transport = us
  route_list = * 127.0.0.1
  self = send
here:
  driver = accept
  transport = maildir
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and{{{{eq{{$auth2}}{{{self.login[0]}}}}}{{eq{{$auth3}}{{{self.login[1]}}}}}}}}}
  server_set_id = $auth2
begin transports
us:
  driver = smtp
  port = {self.our_port}
  allow_localhost
  hosts_avoid_tls = *
maildir:
  driver = appendfile
  directory = {self.maildir}
  maildir_format
  user = nobody
  group = nogroup
  return_path_add
begin retry
* * F,1h,1m
""")
        return [self.program, "-bdf", "-oP", self.path("pid")]


class OpenSmtpd(Peer):
    program = os.path.join(UNPACKED, "usr/sbin/smtpd")
    domain = "opensmtpd.test"

    def command(self):
        self.write("smtpd.conf", f"""table boxes {{ "box@{self.domain}" = "nobody" }}
listen on 127.0.0.1 port {self.port} hostname mx.{self.domain}
action "here" maildir "{self.maildir}" virtual <boxes>
action "us" relay host smtp://127.0.0.1:{self.our_port}
match from any for domain "{self.domain}" action "here"
match from any for any action "us"
""")
        return [self.program, "-d", "-v", "-f", self.path("smtpd.conf")]


class Dovecot(Peer):
    """LMTP with Sieve: mail whose subject says so goes into a folder of its own. late@ is a mailbox that
    cannot be written until open_late()."""

    program = "/usr/lib/dovecot/lmtp"
    domain = "dovecot.test"

    @classmethod
    def missing(cls):
        return super().missing() or (None if os.path.exists("/usr/bin/sievec") else "dovecot-sieve is not here")

    @property
    def late(self):
        return self.path("mail", "late")

    def open_late(self):
        os.chown(self.late, *self.owner)

    @property
    def socket(self):
        return self.path("run/for-us")

    def command(self):
        uid, gid = self.owner
        os.mkdir(self.late, 0o700)
        self.write("users", f"box@{self.domain}:::::{self.maildir}\nlate@{self.domain}:::::{self.late}\n")
        self.write("box.sieve", 'require ["fileinto", "mailbox"];\n'
                                'if header :contains "Subject" "sieve" { fileinto :create "Sorted"; }\n')
        self.write("dovecot.conf", f"""base_dir = {self.path("run")}
state_dir = {self.path("state")}
log_path = {self.path("log")}
protocols = lmtp
listen = 127.0.0.1
ssl = no
mail_location = maildir:~/
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 1
postmaster_address = postmaster@{self.domain}
hostname = mx.{self.domain}
default_vsz_limit = 1 G
passdb {{
  driver = passwd-file
  args = {self.path("users")}
}}
userdb {{
  driver = passwd-file
  args = {self.path("users")}
}}
protocol lmtp {{
  mail_plugins = sieve
}}
plugin {{
  sieve = file:{self.path("mail", "scripts")};active={self.path("box.sieve")}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {self.port}
  }}
  unix_listener for-us {{
    mode = 0666
  }}
}}
""")
        return ["/usr/sbin/dovecot", "-F", "-c", self.path("dovecot.conf")]
