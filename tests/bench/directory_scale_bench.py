#!/usr/bin/env python3
"""The directory with 10 000 mailboxes and with 1 000 000, on SQLite and on MariaDB: loading, size, lookups
cold and warm, RCPT, logins, listings, memory. 20 mailboxes a domain, each with a password and a quota.

Both sizes of a back end are there at once and take turns, so that their ratio says something. Cold: the
programs have just started and the database's files are not in memory; so it is with the first lookups after
a start only, and of a small database a few dozen of them fetch the greater part. So the first 100 are
measured, after each of several starts. 2 GB below /tmp, 15 minutes."""

import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from contenders import BIN, save  # noqa: E402
from mariadb_server import MariadbServer  # noqa: E402
from toast_instance import Instance  # noqa: E402

EACH = 20  # mailboxes of a domain
PASSWORD = "correct horse battery"
SIZES = (10_000, 1_000_000)
COLD_LOOKUPS, COLD_STARTS = 100, 15
SETTINGS = {"pop3maxperaddress": 10000, "smtpmaxperaddress": 10000}


def address(number):
    return f"user{number % EACH:02}@d{number // EACH:05}.example"


def hurry(pids):
    """Nobody else's work counts: on a machine that is not quiet, lookups are measured before everybody."""
    for pid in pids:
        subprocess.run(["chrt", "-a", "-f", "-p", "5", str(pid)], check=True)


class Measured:
    """A command to its end: seconds, the most memory it had, what it printed."""

    def __init__(self, *command):
        begun = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lines, self.last = 0, b""
        for line in process.stdout:
            lines, self.last = lines + 1, line
        errors = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}\n{errors}")
        self.seconds = round(time.monotonic() - begun, 3)
        self.rss_mb = round(usage.ru_maxrss / 1024, 1)
        self.lines = lines

    def record(self):
        return {"seconds": self.seconds, "rss_mb": self.rss_mb}


class Site:
    """An instance with so many mailboxes, on SQLite or on a MariaDB server of its own."""

    def __init__(self, mailboxes, back_end):
        self.mailboxes, self.server = mailboxes, None
        self.first = ()  # what probes run under
        settings = dict(SETTINGS)
        if back_end == "mariadb":
            self.server = MariadbServer("--skip-networking", "--innodb-buffer-pool-size=256M",
                                        "--innodb-log-file-size=96M",
                                        # Else a small database is in memory as soon as its server is.
                                        "--innodb-buffer-pool-load-at-startup=OFF")
            settings |= {"databasebackend": "mariadb", "mariadbsocket": self.server.socket}
        self.instance = Instance(settings=settings)
        if self.server:
            self.server.run(self.instance.ctl("schema", "grants"))
            self.instance.ctl("schema", "migrate")
        self.instance.start()  # its ports are its own from now on
        self.results = {}

    def remove(self):
        self.instance.remove()
        if self.server:
            self.server.remove()

    def toastctl(self, *arguments):
        return Measured(os.path.join(BIN, "toastctl"), "--root", self.instance.root, *arguments)

    def load(self, password_hash):
        path = os.path.join(self.instance.directory, "mailboxes.csv")
        with open(path, "w") as table:
            table.write("address,password_hash,quota\n")
            for number in range(self.mailboxes):
                table.write(f"{address(number)},\"{password_hash}\",1G\n")
        os.chmod(path, 0o600)
        self.results["import"] = self.toastctl("mailbox", "import", path, "--add-domains", "--quiet").record()
        self.results["import again"] = self.toastctl("mailbox", "import", path, "--quiet").record()
        os.remove(path)

    def files(self):
        if not self.server:
            return glob.glob(f"{self.instance.root}/db*/*.db*")
        return glob.glob(f"{self.server.folder}/data/toast_*/*")

    def size_mb(self):
        return round(sum(os.stat(file).st_size for file in self.files()) / 2**20, 1)

    def forget(self):
        """Nothing of the database is in memory any more."""
        if self.server:
            self.server.stop()
        for name in self.files():
            with open(name, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if self.server:
            self.server.start()

    def probe(self, target, lookups, first=0):
        done = subprocess.run([*self.first, os.path.join(BIN, "directory_lookup_probe"), target, str(self.mailboxes // EACH),
                               str(EACH), str(lookups), str(first)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        rate, median, p99 = map(float, done.stdout.split())
        return {"rate": rate, "median_us": median, "p99_us": p99}

    def logins(self, sessions):
        step = self.mailboxes // sessions
        users = os.path.join(self.instance.directory, "users")
        with open(users, "w") as file:
            file.write("".join(address(i * step) + "\n" for i in range(sessions)))
        done = subprocess.run([os.path.join(BIN, "pop3_load"), str(self.instance.pop3[1]), "20", str(sessions),
                               users, PASSWORD, "login"], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return float(done.stdout.split()[0])

    def pss_mb(self):
        found = {}
        for name, pids in self.instance.children().items():
            total = 0
            for pid in pids:
                with open(f"/proc/{pid}/smaps_rollup") as rollup:
                    total += sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
            found[name] = round(total / 1024, 1)
        return {name: found[name] for name in ("toast-vdomaind", "toast-authd")}

    def lists(self):
        middle = f"d{self.mailboxes // EACH // 2:05}.example"
        last = address(self.mailboxes - 1500)
        shows = [self.toastctl("domain", "show", f"d{i:05}.example") 
                 for i in range(0, self.mailboxes // EACH, self.mailboxes // EACH // 10)]
        self.results["domain show, slowest of 10"] = max(shows, key=lambda s: s.seconds).record()
        for what, arguments in (("mailbox list, whole", ()), ("mailbox list, last page",
                                                              ("--limit", "1000", "--cursor", last)),
                                ("mailbox list of a domain", ("--domain", middle))):
            self.results[what] = self.toastctl("mailbox", "list", *arguments).record()
        self.results["domain list, whole"] = self.toastctl("domain", "list").record()
        self.results["domain list, last page"] = self.toastctl(
            "domain", "list", "--limit", "1000", "--cursor", f"d{self.mailboxes // EACH - 900:05}.example").record()
        self.results["resolve"] = self.toastctl("resolve", address(self.mailboxes // 2)).record()


def made_hash():
    """Of the default cost, as authd makes it."""
    instance = Instance()
    try:
        instance.ctl("domain", "add", "example.test")
        instance.add_mailbox("ann@example.test", PASSWORD)
        import sqlite3
        with sqlite3.connect(f"{instance.root}/db-auth/credentials.db") as database:
            return database.execute("SELECT hash FROM credential").fetchone()[0]
    finally:
        instance.remove()


def after_start(site, start, real_time):
    site.forget()
    if real_time and site.server:
        hurry([site.server.process.pid])
    return site.probe(site.instance.root, COLD_LOOKUPS, start * COLD_LOOKUPS)


def of_turns(turns, i):
    """Medians of what site `i` did in each turn, and its ratio to the smallest, which is the first."""
    result = {key: statistics.median(turn[i][key] for turn in turns) for key in turns[0][i]}
    result["p99 : that of the smallest"] = round(
        statistics.median(turn[i]["p99_us"] / turn[0]["p99_us"] for turn in turns), 2)
    return result


def measure(back_end, sizes, rounds, lookups, real_time):
    sites = []
    try:
        for size in sizes:
            site = Site(size, back_end)
            sites.append(site)
            site.load(made_hash())
            site.results["database_mb"] = site.size_mb()
        for site in sites:
            site.first = ("chrt", "-f", "5") if real_time else ()
        cold = [[after_start(site, start, real_time) for site in sites] for start in range(COLD_STARTS)]
        for i, site in enumerate(sites):
            site.results["resolver cold"] = of_turns(cold, i)
        for part, target in (("resolver warm", lambda s: s.instance.root),
                             ("RCPT", lambda s: str(s.instance.smtp[1]))):
            if part == "RCPT" and real_time:
                for site in sites:
                    hurry(pid for pids in site.instance.children().values() for pid in pids)
            turns = [[site.probe(target(site), min(lookups, site.mailboxes)) for site in sites]
                     for _ in range(rounds)]
            for i, site in enumerate(sites):
                site.results[part] = of_turns(turns, i)
        for site in sites:
            site.results["logins/s, first"] = site.logins(400)
            site.results["logins/s, again"] = site.logins(400)
        for site in sites:
            site.results["pss_mb"] = site.pss_mb()
            site.lists()
        return {site.mailboxes: site.results for site in sites}
    finally:
        for site in sites:
            site.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="sqlite,mariadb")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lookups", type=int, default=20_000)
    parser.add_argument("--real-time", action="store_true", help="lookups and logins before everybody's work")
    options = parser.parse_args()
    results = {}
    for back_end in options.only.split(","):
        results[back_end] = measure(back_end, [int(s) for s in options.sizes.split(",")], options.rounds,
                                    options.lookups, options.real_time)
        print(json.dumps({back_end: results[back_end]}, indent=1), flush=True)
    save("directory_scale", results)


if __name__ == "__main__":
    main()
