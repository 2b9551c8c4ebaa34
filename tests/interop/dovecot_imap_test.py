"""Dovecot beside us: IMAP and POP3 on our Maildirs with our users, by the files of packaging/dovecot, each of the
three ways that are in them: SQLite, MariaDB, checkpassword.

The instance runs as nobody here, Dovecot as root, which gives its sessions that same account: as toast-mail is
on a real machine.
"""

import imaplib
import json
import os
import poplib
import pwd
import re
import shutil
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

from mariadb_server import MariadbServer
from rude_hosts import unused_port
from toast_instance import ROOT, Instance, program, wait_until
from wire_client import ANN, PASSWORD, QUICK, smtp, submit, subjects, take_mail

SHIPPED = os.path.join(ROOT, "packaging", "dovecot")
WAYS = ("sqlite", "mariadb", "checkpassword")
NOBODY = pwd.getpwnam("nobody")
AS_NOBODY = ("setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups")
MD5 = "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"  # "password", as a hash that another system made
# A test's own: a place, ports, no waiting after a wrong password.
PRIVATE = """base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
listen = 127.0.0.1
ssl = no
protocols = imap pop3
default_vsz_limit = 1 G
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
"""


class Dovecot:
    def __init__(self, instance, way, mariadb=None):
        self.folder = os.path.join(instance.directory, "dovecot")
        self.imap, self.pop3 = unused_port(), unused_port()
        os.mkdir(self.folder, 0o755)
        for name in os.listdir(SHIPPED):
            with open(os.path.join(SHIPPED, name)) as file:
                text = file.read()
            self.write(name, self.for_this_test(name, text, instance, way, mariadb))
        self.write("dovecot.conf", f"!include toastmaster.conf\n"
                   + PRIVATE.format(folder=self.folder, imap=self.imap, pop3=self.pop3))
        with open(os.path.join(self.folder, "output"), "wb") as output:
            self.process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", f"{self.folder}/dovecot.conf"],
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        wait_until(self.listens, "Dovecot listens", 20)

    def for_this_test(self, name, text, instance, way, mariadb):
        text = text.replace("/etc/dovecot", self.folder).replace("/var/lib/toastmaster", instance.root)
        if name == "toastmaster.conf":
            text, count = re.subn("= toast-mail$", "= nobody", text, flags=re.M)
            text = re.sub(r"(?m)^mail_gid = nobody", "mail_gid = nogroup", text)
            text, chosen = re.subn("(?m)^#?(!include toastmaster-(.*).conf.ext)$",
                                   lambda m: m[1] if m[2] == way else "", text)
            assert (count, chosen) == (2, len(WAYS))
        if name == "toastmaster-mariadb-sql.conf.ext" and way == "mariadb":
            with open(os.path.join(instance.root, "db-dovecot", "mariadb.password")) as file:
                text = text.replace("=PASSWORD", "=" + file.read().strip())
            text = text.replace("/run/mysqld/mysqld.sock", mariadb.socket)
        if name == "toastmaster-checkpassword.conf.ext":
            helper = "/usr/libexec/toastmaster/toast-checkpassword"
            assert helper in text
            text = text.replace(helper, f"{program('toast-checkpassword')} --root {instance.root}")
        return text

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)

    def listens(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"Dovecot ended: {self.words()}")
        try:
            imaplib.IMAP4("127.0.0.1", self.imap, timeout=10).logout()
            return True
        except OSError:
            return False

    def words(self):
        said = ""
        for name in ("output", "log"):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    said += file.read()[-6000:]
        return said

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Beside:
    """Each way has an instance of its own."""

    mariadb = None

    @classmethod
    def setUpClass(cls):
        cls.mail = Instance(settings={**QUICK, "quotawarnings": "off"})
        cls.addClassCleanup(cls.mail.remove)
        cls.prepare()
        cls.mail.ctl("domain", "add", "example.test", "--sub-addressing", "+")
        cls.mail.ctl("domain", "add", "other.test", "--alias-of", "example.test")
        for name in ("ann", "cat", "dan", "eve", "kim"):
            cls.mail.add_mailbox(f"{name}@example.test")
        cls.mail.ctl("mailbox", "add", "old@example.test", "--password-stdin", "--password-hash", stdin=MD5 + "\n")
        cls.mail.ctl("mailbox", "set", "kim@example.test", "--imap=off")
        os.chmod(cls.mail.directory, 0o711)
        subprocess.run(["chown", "-R", f"{NOBODY.pw_uid}:{NOBODY.pw_gid}", cls.mail.root], check=True)
        for name in ("control", "db-admin", "db-dovecot"):
            subprocess.run(["chown", "-Rf", "0:0", os.path.join(cls.mail.root, name)], check=False)
        cls.mail.start(under=AS_NOBODY)
        cls.dovecot = Dovecot(cls.mail, cls.way, cls.mariadb)
        cls.addClassCleanup(cls.dovecot.stop)

    @classmethod
    def prepare(cls):
        pass

    def imap(self, login=ANN, password=PASSWORD):
        client = imaplib.IMAP4("127.0.0.1", self.dovecot.imap, timeout=30)
        self.addCleanup(client.sock.close)
        client.login(login, password)
        return client

    def refused(self, login, password):
        """What Dovecot says to it."""
        with self.assertRaises(imaplib.IMAP4.error) as caught:
            self.imap(login, password)
        return str(caught.exception)

    def ask(self, client, command, *words):
        done, answer = getattr(client, command)(*words)
        self.assertEqual(done, "OK", f"{command} {words}: {answer}\n{self.dovecot.words()}")
        return answer

    def deliver(self, marker, to=ANN, size=0):
        answer = submit(self.mail, marker, to, size)
        self.assertTrue(answer.startswith("250"), answer)
        wait_until(lambda: not json.loads(self.mail.ctl("queue", "list", "--json"))["messages"], "its delivery")

    def used(self, address, *how):
        shown = json.loads(self.mail.ctl("quota", *(how or ("show",)), address, "--json"))
        shown = shown["results"][0] if "results" in shown else shown
        return shown["used_bytes"], shown["used_messages"]

    def pop3(self, port, login=ANN):
        client = poplib.POP3("127.0.0.1", port, timeout=30)
        client.user(login)
        client.pass_(PASSWORD)
        self.addCleanup(client.close)
        return client

    # --- what each way must do

    def test_what_imap_reads_moves_and_deletes(self):
        for marker in ("one", "two", "three", "four"):
            self.deliver(marker)
        client = self.imap()
        self.assertEqual(self.ask(client, "select", "INBOX"), [b"4"])
        found = self.ask(client, "search", None, "SUBJECT", "two")[0]
        [(_, text), _] = self.ask(client, "fetch", found, "(BODY.PEEK[] FLAGS)")
        self.assertIn(b"Subject: two\r\n\r\nend\r\n", text)
        self.ask(client, "store", found, "+FLAGS", r"(\Seen \Flagged)")
        self.ask(client, "create", "Archive/2026")
        self.ask(client, "_simple_command", "MOVE", found, "Archive/2026")
        found = self.ask(client, "search", None, "SUBJECT", "three")[0]
        self.ask(client, "store", found, "+FLAGS", r"\Deleted")
        self.ask(client, "expunge")
        self.assertEqual(self.ask(client, "select", "Archive/2026"), [b"1"])
        self.assertIn(b"Seen", self.ask(client, "fetch", "1", "(FLAGS)")[0])
        self.ask(client, "append", "INBOX", None, None, b"Subject: saved\r\n\r\nby IMAP\r\n")
        client.logout()
        found = take_mail(self.mail)
        self.assertEqual(subjects(found), ["four", "one", "saved"])
        self.assertNotIn("\r", "".join(found))
        client = self.imap()
        self.assertEqual(self.ask(client, "select", "INBOX"), [b"0"])
        self.ask(client, "select", "Archive/2026")
        self.ask(client, "store", "1", "+FLAGS", r"\Deleted")
        self.ask(client, "close")

    def test_the_quota_is_ours(self):
        self.mail.add_mailbox("ben@example.test", PASSWORD, "--quota", "150K")
        for marker in ("first", "second"):
            self.deliver(marker, "ben@example.test", 60_000)
        client = self.imap("ben@example.test")
        self.shows_quota(client, "ben@example.test", 150, 2)
        done, answer = client.append("INBOX", None, None, b"Subject: more\r\n\r\n" + b"x" * 60_000 + b"\r\n")
        self.assertEqual((done, b"OVERQUOTA" in answer[0]), ("NO", True), answer)
        self.ask(client, "select", "INBOX")
        self.ask(client, "store", "1", "+FLAGS", r"\Deleted")
        self.ask(client, "expunge")
        self.shows_quota(client, "ben@example.test", 150, 1)
        client.logout()
        used = self.used("ben@example.test")
        self.assertEqual(self.used("ben@example.test", "recount"), used)

    def shows_quota(self, client, address, kilobytes, messages):
        said = b" ".join(part for part in self.ask(client, "getquotaroot", "INBOX")[1] if part)
        used, limit = map(int, re.search(rb"STORAGE (\d+) (\d+)", said).groups())
        size, counted = self.used(address)
        self.assertEqual((used, limit, counted), (-(-size // 1024), kilobytes, messages))

    def test_both_have_the_same_unique_ids(self):
        for marker in ("a", "b", "c"):
            self.deliver(marker, "cat@example.test")
        ours = self.pop3(self.mail.base + 110, "cat@example.test").uidl()[1]
        theirs = self.pop3(self.dovecot.pop3, "cat@example.test").uidl()[1]
        self.assertEqual(ids(ours), ids(theirs))
        client = self.imap("cat@example.test")  # which moves them from new/ to cur/ and marks them
        self.ask(client, "select", "INBOX")
        self.ask(client, "store", "1:*", "+FLAGS", r"\Seen")
        client.logout()
        again = self.pop3(self.mail.base + 110, "cat@example.test").uidl()[1]
        self.assertEqual(ids(again), ids(ours))

    def test_who_may_log_in(self):
        self.imap("Dan@Other.TEST")  # another name of the domain
        self.imap("old@example.test", "password")
        bad = (("dan@example.test", "guess"), ("nobody@example.test", PASSWORD), ("dan@nowhere.test", PASSWORD),
               ("x'--@example.test", PASSWORD), ("kim@example.test", PASSWORD))
        with ThreadPoolExecutor(len(bad)) as threads:  # Dovecot takes its time for each
            for (login, _), said in zip(bad, threads.map(lambda pair: self.refused(*pair), bad)):
                self.assertIn("AUTHENTICATIONFAILED", said, login)
        self.pop3(self.dovecot.pop3, "kim@example.test")  # is switched off for IMAP only
        self.mail.ctl("account", "lock", "dan@example.test")
        self.assertIn("AUTHENTICATIONFAILED", self.refused("dan@example.test", PASSWORD))
        self.mail.ctl("account", "unlock", "dan@example.test")
        self.mail.ctl("mailbox", "passwd", "dan@example.test", "--password-stdin", stdin="another one\n")
        self.imap("dan@example.test", "another one")
        self.assertIn("AUTHENTICATIONFAILED", self.refused("dan@example.test", PASSWORD))
        self.mail.ctl("mailbox", "passwd", "dan@example.test", "--password-stdin", stdin=PASSWORD + "\n")

    def test_an_app_password(self):
        made = json.loads(self.mail.ctl("mailbox", "app-password", "add", "eve@example.test", "phone",
                                        "--service", "imap", "--json"))["results"][0]["password"]
        if self.way == "checkpassword":
            self.imap("eve@example.test", made)
        else:  # Dovecot does not know that kind of hash
            self.assertIn("AUTHENTICATIONFAILED", self.refused("eve@example.test", made))

    def doveadm(self, *words):
        return subprocess.run(["doveadm", "-c", f"{self.dovecot.folder}/dovecot.conf", *words],
                              capture_output=True, text=True, timeout=30)


def ids(listing):
    return [line.split()[1] for line in listing]


class BySqlite(Beside, unittest.TestCase):
    way = "sqlite"

    def test_room_that_imap_makes_is_room_for_mail(self):
        self.deliver("first", "eve@example.test", 60_000)
        [size] = [len(text) for text in take_mail(self.mail, "eve@example.test")]
        self.mail.add_mailbox("full@example.test", PASSWORD, "--quota", f"{2 * size // 1024 + 4}K")
        for marker in ("first", "second"):
            self.deliver(marker, "full@example.test", 60_000)
        wait_until(lambda: self.rcpt("full@example.test").startswith("452 4.2.2"), "it is full", 20)
        client = self.imap("full@example.test")
        self.ask(client, "select", "INBOX")
        self.ask(client, "store", "1", "+FLAGS", r"\Deleted")
        self.ask(client, "expunge")
        client.logout()
        wait_until(lambda: self.rcpt("full@example.test").startswith("250"), "mail is taken again", 20)
        self.deliver("third", "full@example.test", 10_000)
        self.assertEqual(subjects(take_mail(self.mail, "full@example.test")), ["second", "third"])

    def rcpt(self, address):
        with smtp(self.mail) as client:
            client.ask("MAIL FROM:<bob@client.example>")
            return client.ask(f"RCPT TO:<{address}>")

    def test_an_outage_is_no_wrong_password(self):
        """What cannot be asked lets nobody in, and calls no password wrong."""
        for name in ("db/directory.db", "db-auth/credentials.db"):
            path = os.path.join(self.mail.root, name)
            subprocess.run(["doveadm", "-c", f"{self.dovecot.folder}/dovecot.conf", "reload"], check=True)
            os.rename(path, path + ".away")
            os.mkdir(path)
            try:
                self.assertIn("UNAVAILABLE", self.refused("ann@example.test", PASSWORD), name)
            finally:
                os.rmdir(path)
                os.rename(path + ".away", path)
            subprocess.run(["doveadm", "-c", f"{self.dovecot.folder}/dovecot.conf", "reload"], check=True)
        wait_until(self.logs_in, "it is back", 20)

    def logs_in(self):
        try:
            self.imap()
            return True
        except (imaplib.IMAP4.error, OSError):
            return False

    def test_files_stay_their_keepers(self):
        for folder in ("db", "db-auth"):
            for name in os.listdir(os.path.join(self.mail.root, folder)):
                status = os.stat(os.path.join(self.mail.root, folder, name))
                self.assertEqual(status.st_uid, NOBODY.pw_uid, name)

    def test_all_users(self):
        shown = self.doveadm("user", "*").stdout.split()
        self.assertIn("kim@example.test", shown)


class ByMariadb(Beside, unittest.TestCase):
    way = "mariadb"

    @classmethod
    def prepare(cls):
        cls.mariadb = MariadbServer()
        cls.addClassCleanup(cls.mariadb.remove)
        os.chmod(cls.mariadb.folder, 0o755)
        for name, value in (("databasebackend", "mariadb"), ("mariadbsocket", cls.mariadb.socket)):
            with open(os.path.join(cls.mail.root, "control", name), "w") as file:
                file.write(value + "\n")
        cls.mariadb.run(cls.mail.ctl("schema", "grants"))
        cls.mail.ctl("schema", "migrate")
        for _ in range(2):  # can be run again
            cls.mariadb.run(cls.mail.ctl("schema", "grants", "--dovecot"))

    def test_its_user_sees_one_view(self):
        with open(os.path.join(self.mail.root, "db-dovecot", "mariadb.password")) as file:
            password = file.read().strip()

        def run(sql):
            return subprocess.run(["mariadb", "--no-defaults", "-S", self.mariadb.socket, "-utoast_dovecot",
                                   f"-p{password}", "-N", "-B", "-e", sql], capture_output=True, text=True, timeout=30)
        self.assertIn("kim@example.test", run("SELECT user FROM toast_directory_dovecot.account").stdout)
        for forbidden in ("SELECT 1 FROM toast_directory_dovecot.mailbox_account",
                          "SELECT hash FROM toast_credentials.credential", "SELECT 1 FROM toast_directory.domain",
                          "UPDATE toast_directory_dovecot.account SET imap = 1",
                          "CREATE TABLE toast_directory_dovecot.x (a INT)"):
            done = run(forbidden)
            self.assertIn("denied", done.stderr, forbidden)


class ByCheckpassword(Beside, unittest.TestCase):
    way = "checkpassword"

    def test_authd_counts_and_logs_it(self):
        self.assertIn("AUTHENTICATIONFAILED", self.refused("eve@example.test", "guess"))
        self.assertIn("auth.login.refused login=eve@example.test peer=127.0.0.1 service=imap", self.mail.log())

    def test_an_outage_is_no_wrong_password(self):
        self.mail.stop()
        try:
            self.assertIn("UNAVAILABLE", self.refused("ann@example.test", PASSWORD))
        finally:
            self.mail.start(under=AS_NOBODY)


if __name__ == "__main__":
    if shutil.which("doveadm") is None or shutil.which("setpriv") is None:
        raise SystemExit("dovecot_imap_test: doveadm is not here; packaging/install-packages test")
    if os.geteuid() != 0:
        raise SystemExit("LEFT OUT: dovecot_imap_test: Dovecot switches users, which only root can")
    unittest.main()
