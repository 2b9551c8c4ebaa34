"""The servers that are measured beside each other, each private: own folder, own ports on loopback,
own CPU accounting group. Run as root (Postfix and Dovecot switch users)."""

import contextlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
import toast_instance  # noqa: E402
from toast_instance import BIN, Instance, free_port_base  # noqa: E402


def keep_apart():
    """Servers that are started from here on have the first core, loads begun with on_other_core() the
    second: clients are other machines in life, and cost a server nothing."""
    os.sched_setaffinity(0, {0})


def on_other_core():
    """For preexec_fn."""
    os.sched_setaffinity(0, {1})


class CpuGroup:
    """CPU time of a server: every process started inside, dead ones included."""

    ROOT = "/sys/fs/cgroup/cpuacct"  # cgroup v1; v2 machines have /sys/fs/cgroup/cgroup.controllers

    def __init__(self, name):
        self.v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
        base = "/sys/fs/cgroup" if self.v2 else self.ROOT
        self.path = os.path.join(base, f"toast-bench-{name}-{os.getpid()}")
        os.makedirs(self.path, exist_ok=True)

    def enter(self):
        """For preexec_fn: the child, and all it starts, are counted here."""
        with open(os.path.join(self.path, "cgroup.procs"), "w") as procs:
            procs.write("0")

    def seconds(self):
        if self.v2:
            with open(os.path.join(self.path, "cpu.stat")) as stat:
                return int(stat.readline().split()[1]) / 1e6
        with open(os.path.join(self.path, "cpuacct.usage")) as usage:
            return int(usage.read()) / 1e9

    def pids(self):
        with open(os.path.join(self.path, "cgroup.procs")) as procs:
            return [int(line) for line in procs]

    def pss_megabytes(self):
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/smaps_rollup") as rollup:
                    total += sum(int(l.split()[1]) for l in rollup if l.startswith("Pss:"))
        return total / 1024

    def remove(self):
        with contextlib.suppress(OSError):
            os.rmdir(self.path)


class Toastmaster:
    name = "Toastmaster"

    def __init__(self, mailboxes, domain="bench.test", password="bench", settings=None):
        self.group = CpuGroup("toast")
        # The test accounts share the cheapest hash, so that making them does not take an hour; what
        # is measured at login is the default cost only where a benchmark says so.
        self.instance = Instance(settings=dict({"passwordopslimit": 1, "passwordmemlimit": 8192,
                                                "smtpmaxperaddress": 10000,
                                                "pop3maxperaddress": 10000,
                                                "smtpmaxconnections": 10000,
                                                "pop3maxconnections": 10000}, **(settings or {})))
        self.instance.ctl("domain", "add", domain)
        password_file = os.path.join(self.instance.directory, "password")
        with open(password_file, "w") as file:
            file.write(password + "\n")
        os.chmod(password_file, 0o600)
        self.instance.ctl("mailbox", "add", "-", "--password-file", password_file, "--quiet",
                          stdin="".join(f"{m}@{domain}\n" for m in mailboxes))
        self.maildirs = {}
        for m in mailboxes[:1]:
            first = self.instance.maildir(f"{m}@{domain}")
            self.pattern = first.replace(f"/{m}/", "/{}/")
        for m in mailboxes:
            self.maildirs[m] = self.pattern.format(m)
            for part in ("tmp", "new", "cur"):
                os.makedirs(os.path.join(self.maildirs[m], part), mode=0o700, exist_ok=True)
        real = subprocess.Popen

        def inside(*arguments, **options):
            return real(*arguments, preexec_fn=self.group.enter, **options)
        subprocess.Popen = inside
        try:
            self.instance.start()
        finally:
            subprocess.Popen = real
        self.smtp_port = self.instance.smtp[1]
        self.pop3_port = self.instance.pop3[1]
        self.smtps_port = self.instance.base + 465
        self.pop3s_port = self.instance.base + 995

    def new_directories(self):
        return [os.path.join(path, "new") for path in self.maildirs.values()]

    def stop(self):
        self.instance.remove()
        self.group.remove()


class Postfix:
    """A private Postfix: virtual(8) into Maildirs, hash maps, no TLS, no DNS, nothing of the system's
    own configuration."""

    name = "Postfix"

    def __init__(self, mailboxes, domain="bench.test", in_flow_delay="1s", settings=None, maps=None,
                 name_server=None, pair=None):
        """`settings` are for main.cf, `maps` are lookup tables beside it: {file: {key: value}}.
        `pair` are files of a certificate and its key: then there is TLS, from the first byte, too.
        `name_server` is an address that takes the place of those in /etc/resolv.conf."""
        self.group = CpuGroup("postfix")
        self.directory = tempfile.mkdtemp(prefix="toast-postfix-")
        os.chmod(self.directory, 0o755)
        base = free_port_base()
        self.smtp_port, self.smtps_port = base + 25, base + 465
        config = os.path.join(self.directory, "etc")
        mail = os.path.join(self.directory, "mail")
        owner = pwd.getpwnam("nobody")
        os.makedirs(config)
        os.makedirs(os.path.join(self.directory, "data"))
        shutil.chown(os.path.join(self.directory, "data"), "postfix")
        os.makedirs(os.path.join(self.directory, "queue"))
        os.makedirs(mail)
        os.chown(mail, owner.pw_uid, owner.pw_gid)
        with open(os.path.join(config, "main.cf"), "w") as main:
            main.write(f"""compatibility_level = 3.6
queue_directory = {self.directory}/queue
data_directory = {self.directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
myhostname = mx.bench.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {mail}
virtual_mailbox_maps = hash:{config}/mailboxes
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
virtual_mailbox_limit = 0
maillog_file = {self.directory}/log
maillog_file_prefixes = {self.directory}
default_process_limit = 250
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = {in_flow_delay}
""")
            settings = {"disable_dns_lookups": "yes", **(settings or {})}
            if pair:
                settings |= {"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": pair[0],
                             "smtpd_tls_key_file": pair[1]}
            main.writelines(f"{key} = {value}\n" for key, value in settings.items())
        with open("/usr/share/postfix/master.cf.dist") as template:
            master = template.read()
        # Nothing but the services used; smtp on our port; the log written by Postfix itself.
        lines = [l for l in master.splitlines() if l and l[0] not in "# \t"]
        lines = [l.replace("smtp      inet", f"127.0.0.1:{self.smtp_port} inet", 1) for l in lines]
        lines = [l.replace("       y       ", "       n       ", 1) for l in lines]
        if pair:
            lines.append(f"127.0.0.1:{self.smtps_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes")
        if not any(l.startswith("postlog") for l in lines):
            lines.append("postlog unix-dgram n - n - 1 postlogd")
        with open(os.path.join(config, "master.cf"), "w") as out:
            out.write("\n".join(lines) + "\n")
        with open(os.path.join(config, "mailboxes"), "w") as maps_file:
            maps_file.writelines(f"{m}@{domain} {m}/\n" for m in mailboxes)
        for table, entries in (maps or {}).items():
            with open(os.path.join(config, table), "w") as out:
                out.writelines(f"{key} {value}\n" for key, value in entries.items())
        for table in ("mailboxes", *(maps or {})):
            subprocess.run(["postmap", "-c", config, f"hash:{config}/{table}"], check=True)
        self.maildirs = {m: os.path.join(mail, m) for m in mailboxes}
        for path in self.maildirs.values():
            for part in ("", "tmp", "new", "cur"):
                folder = os.path.join(path, part)
                os.makedirs(folder, exist_ok=True)
                os.chown(folder, owner.pw_uid, owner.pw_gid)
        self.config = config
        start = ["postfix", "-c", config, "start"]
        if name_server:  # seen by Postfix only
            resolver = os.path.join(self.directory, "resolv.conf")
            with open(resolver, "w") as out:
                out.write(f"nameserver {name_server}\n")
            os.chmod(resolver, 0o644)
            mounted = f"mount --bind {resolver} /etc/resolv.conf && exec \"$@\""
            start = ["unshare", "-m", "sh", "-c", mounted, "sh", *start]
        subprocess.run(start, check=True, capture_output=True, preexec_fn=self.group.enter)

    def new_directories(self):
        return [os.path.join(path, "new") for path in self.maildirs.values()]

    def stop(self):
        subprocess.run(["postfix", "-c", self.config, "stop"], capture_output=True, check=False)
        time.sleep(1)  # master waits for its children; nothing is measured here
        shutil.rmtree(self.directory, ignore_errors=True)
        self.group.remove()


class Dovecot:
    """A private Dovecot at its best for POP3 logins: auth cache on, login and pop3 processes reused."""

    name = "Dovecot"

    def __init__(self, mailboxes, domain="bench.test", password="bench", pair=None):
        """`pair`: files of a certificate and its key, for TLS from the first byte."""
        self.group = CpuGroup("dovecot")
        self.directory = tempfile.mkdtemp(prefix="toast-dovecot-")
        os.chmod(self.directory, 0o755)
        base = free_port_base()
        self.pop3_port, self.pop3s_port = base + 110, base + 995
        owner = pwd.getpwnam("nobody")
        mail = os.path.join(self.directory, "mail")
        hashed = subprocess.run(["doveadm", "pw", "-s", "SHA512-CRYPT", "-p", password], check=True,
                                capture_output=True, text=True).stdout.strip()
        with open(os.path.join(self.directory, "users"), "w") as users:
            users.writelines(f"{m}@{domain}:{hashed}:{owner.pw_uid}:{owner.pw_gid}::{mail}/{m}\n"
                             for m in mailboxes)
        with open(os.path.join(self.directory, "dovecot.conf"), "w") as conf:
            conf.write(f"""base_dir = {self.directory}/run
log_path = {self.directory}/log
protocols = pop3
listen = 127.0.0.1
{f"ssl = yes{chr(10)}ssl_cert = <{pair[0]}{chr(10)}ssl_key = <{pair[1]}" if pair else "ssl = no"}
disable_plaintext_auth = no
mail_location = maildir:~/
first_valid_uid = 1
first_valid_gid = 1
auth_cache_size = 10 M
auth_cache_ttl = 1 hour
pop3_no_flag_updates = yes
default_client_limit = 20000
default_process_limit = 6000
default_vsz_limit = 4 G
mail_max_userip_connections = 20000
passdb {{
  driver = passwd-file
  args = {self.directory}/users
}}
userdb {{
  driver = passwd-file
  args = {self.directory}/users
}}
service pop3-login {{
  service_count = 0
  process_min_avail = 2
  inet_listener pop3 {{
    port = {self.pop3_port}
  }}
  inet_listener pop3s {{
    port = {self.pop3s_port if pair else 0}
    ssl = yes
  }}
}}
service pop3 {{
  service_count = 1000
  process_min_avail = 4
}}
""")
        self.maildirs = {m: os.path.join(mail, m) for m in mailboxes}
        os.makedirs(mail)
        os.chown(mail, owner.pw_uid, owner.pw_gid)
        for path in self.maildirs.values():
            for part in ("", "tmp", "new", "cur"):
                folder = os.path.join(path, part)
                os.makedirs(folder, exist_ok=True)
                os.chown(folder, owner.pw_uid, owner.pw_gid)
        self.owner = (owner.pw_uid, owner.pw_gid)
        self.config = os.path.join(self.directory, "dovecot.conf")
        subprocess.run(["dovecot", "-c", self.config], check=True, preexec_fn=self.group.enter)

    def stop(self):
        subprocess.run(["doveadm", "-c", self.config, "stop"], capture_output=True, check=False)
        time.sleep(1)
        shutil.rmtree(self.directory, ignore_errors=True)
        self.group.remove()


def instance_pair(toast):
    """The certificate and the key that an instance of ours began with: the others get the same."""
    return [os.path.join(toast.instance.root, "tls", name) for name in ("cert.pem", "key.pem")]


def fill_maildir(path, messages, size, owner=None):
    """Messages with S= and W= in their names, as both servers would write them."""
    body = b"Subject: bench\n\n" + b"x" * 70 + b"\n"
    body += b"y" * (size - len(body) - 1) + b"\n"
    wire = len(body) + body.count(b"\n")
    for number in range(messages):
        name = f"{1700000000 + number}.M{number:06d}P1Q{number}.bench,S={len(body)},W={wire}"
        target = os.path.join(path, "cur", name + ":2,S")
        with open(target, "wb") as file:
            file.write(body)
        if owner:
            os.chown(target, *owner)


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def arrival_watch(directories, count, seconds=30):
    """Starts the watcher; returns when it watches."""
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write("\n".join(directories) + "\n")
    watcher = subprocess.Popen([os.path.join(BIN, "arrival_watch"), file.name, str(count),
                                str(seconds)], stdout=subprocess.PIPE, text=True)
    if watcher.stdout.readline().strip() != "ready":
        raise RuntimeError("arrival_watch did not start")
    os.unlink(file.name)
    return watcher


def save(name, results):
    folder = os.path.join(HERE, "..", "..", "build", "bench")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name + ".json"), "w") as file:
        json.dump(results, file, indent=1)
