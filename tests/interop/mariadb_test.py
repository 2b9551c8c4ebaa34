"""A whole instance whose directory and credentials are on a MariaDB server: mail in over SMTP, out over
POP3; the server is killed, stopped and made read-only in between. Deferrals only, and no program of
ours needs to be told or restarted when it is back."""

import json
import os
import poplib
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import unittest

from mariadb_server import MariadbServer
from toast_instance import Instance, wait_until
from wire_client import ANN, PASSWORD, QUICK, log_in, smtp, still_works

TEMPORARY = "-ERR [SYS/TEMP] "


def make_pair(folder, name):
    pair = [os.path.join(folder, f"{name}.{end}") for end in ("pem", "key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", pair[1], "-out", pair[0], "-days", "90", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    return pair


def install_in_database(instance, name, pair):
    instance.ctl("tls", "install", name, "--database", "--cert", pair[0], "--key", pair[1])


def certificate_shown(instance, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", instance.base + 995), timeout=20) as plain, \
            context.wrap_socket(plain, server_hostname=name) as secure:
        return ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True))


class OnMariadb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = MariadbServer()
        cls.addClassCleanup(cls.server.remove)

    def setUp(self):
        for name in ("toast_directory", "toast_credentials"):
            self.server.run(f"DROP DATABASE IF EXISTS {name}")
        self.instance = Instance(settings={**QUICK, "databasebackend": "mariadb",
                                           "mariadbsocket": self.server.socket})
        self.addCleanup(self.instance.remove)
        self.server.run(self.instance.ctl("schema", "grants"))

    def path(self, *parts):
        return os.path.join(self.instance.root, *parts)

    def fill(self):
        self.instance.ctl("schema", "migrate")
        self.instance.ctl("domain", "add", "example.test")
        for name in (ANN, "ben@example.test"):
            self.instance.add_mailbox(name)

    def rcpt(self, address):
        with smtp(self.instance) as client:
            client.ask("MAIL FROM:<bob@client.example>")
            return client.ask(f"RCPT TO:<{address}>")

    def login(self, login=ANN, password=PASSWORD):
        client, answer = log_in(self.instance, login, password)
        client.socket.close()
        return answer

    def becomes(self, wanted, usual, ask):
        """From one answer to the other, and never a third."""
        def changed():
            answer = ask()
            self.assertTrue(answer.startswith((wanted, usual)), answer)
            return answer.startswith(wanted)
        wait_until(changed, f"{wanted} instead of {usual}", seconds=30)

    def check_outage(self):
        self.becomes("451 4.3.0 ", "550 5.1.1", lambda: self.rcpt("nobody@example.test"))
        for address in ("ben@example.test", "ann@elsewhere.example", "nobody@example.test"):
            self.assertTrue(self.rcpt(address).startswith("451 4.3.0 "), address)
        self.assertTrue(self.login("ben@example.test").startswith(TEMPORARY))
        self.assertTrue(self.login("nobody@example.test", "x").startswith(TEMPORARY))
        self.assertTrue(self.login(ANN, "wrong").startswith(TEMPORARY))
        self.assertTrue(self.rcpt(ANN).startswith("250 2.1.5"))  # known from before

    def check_recovery(self, pids):
        self.becomes("550 5.1.1", "451 4.3.0 ", lambda: self.rcpt("nobody@example.test"))
        self.becomes("+OK", TEMPORARY, lambda: self.login("ben@example.test"))
        self.becomes("+OK", TEMPORARY, self.login)
        self.assertTrue(self.login(ANN, "wrong").startswith("-ERR [AUTH] "))
        still_works(self.instance)
        self.assertEqual(self.instance.children(), pids)  # nobody was restarted for it

    def status(self):
        return self.instance.ctl("status", check=False).stdout

    def test_mail_goes_in_and_out_through_outages(self):
        self.fill()
        self.instance.start()
        still_works(self.instance)
        self.assertTrue(self.status().startswith("OK"), self.status())
        pids = self.instance.children()
        for fault, mend in ((self.server.kill, self.server.start), (self.server.pause, self.server.resume)):
            self.assertTrue(self.rcpt(ANN).startswith("250 2.1.5"))
            fault()
            self.check_outage()
            mend()
            self.check_recovery(pids)
        self.assertIn("directory.database.unavailable", self.instance.log())
        self.assertIn("directory.database.available", self.instance.log())

    def test_two_nodes_share_certificates(self):
        self.fill()
        second = Instance(hostname="mx2.example.test", settings={
            **QUICK, "databasebackend": "mariadb", "mariadbsocket": self.server.socket})
        self.addCleanup(second.remove)
        for folder in ("db", "db-auth", "db-admin"):
            os.makedirs(os.path.join(second.root, folder), mode=0o700, exist_ok=True)
            shutil.copy(self.path(folder, "mariadb.password"), os.path.join(second.root, folder))
        name = "shared.example.test"
        pair = make_pair(self.instance.directory, name)
        with open(pair[0]) as file:
            certificate = file.read()
        self.instance.start()
        install_in_database(self.instance, name, pair)
        refused = second.ctl("tls", "install", name, "--database", "--cert", pair[0], "--key", pair[1], check=False)
        self.assertIn("copy its tls/database.key here", refused.stderr)
        shutil.copy(self.path("tls", "database.key"), os.path.join(second.root, "tls"))
        second.start()

        def shown(instance):
            try:
                return certificate_shown(instance, name) == certificate
            except OSError:  # keyd is being started again
                return False
        for node in (self.instance, second):
            wait_until(lambda: shown(node), "its certificate is shown")
        renewed = make_pair(self.instance.directory, name)
        with open(renewed[0]) as file:
            certificate = file.read()
        install_in_database(second, name, renewed)  # the other hears of it by itself
        for node in (second, self.instance):
            wait_until(lambda: shown(node), "its certificate is shown")
        self.server.kill()
        wait_until(lambda: "auth.certificates.unavailable" in self.instance.log(), "authd looked")
        self.assertTrue(shown(self.instance))
        os.kill(self.instance.children()["toast-keyd"][0], signal.SIGKILL)  # authd still has it, sealed
        wait_until(lambda: shown(self.instance), "its certificate is shown again")
        self.server.start()
        with open(pair[1]) as file:
            line = file.read().splitlines()[1]
        dump = self.server.run("SELECT * FROM toast_credentials.certificate").stdout
        self.assertIn(name, dump)
        self.assertNotIn(line, dump)

    def test_read_only_costs_changes_only(self):
        self.fill()
        self.instance.start()
        still_works(self.instance)
        self.server.run("SET GLOBAL read_only = 1")
        self.addCleanup(self.server.run, "SET GLOBAL read_only = 0")
        still_works(self.instance)
        done = self.instance.ctl("domain", "add", "other.test", check=False)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn("is read-only", done.stderr)
        self.server.run("SET GLOBAL read_only = 0")
        self.instance.ctl("domain", "add", "other.test")

    def test_a_change_is_known_at_once(self):
        self.fill()
        self.instance.start()
        for round_ in range(3):
            address = f"new{round_}@example.test"
            self.assertTrue(self.rcpt(address).startswith("550 5.1.1"))
            self.instance.add_mailbox(address)
            self.assertTrue(self.rcpt(address).startswith("250 2.1.5"))
            self.assertTrue(self.login(address).startswith("+OK"))

    def test_the_server_starts_before_its_database(self):
        self.fill()
        self.server.kill()
        self.instance.start()
        pids = self.instance.children()
        self.assertTrue(self.rcpt(ANN).startswith("451 4.3.0 "))
        self.assertTrue(self.login().startswith(TEMPORARY))
        done = self.instance.ctl("domain", "list", check=False)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn("cannot be reached", self.status())
        self.server.start()
        self.check_recovery(pids)

    def test_schema_and_status_say_what_is_missing(self):
        rows = json.loads(self.instance.ctl("schema", "status", "--json", check=False).stdout)["stores"]
        self.assertEqual([row["state"] for row in rows], ["missing", "missing"])
        self.assertEqual([row["file"] for row in rows], ["toast_directory", "toast_credentials"])
        self.assertIn("toastctl schema migrate",
                      self.instance.ctl("domain", "add", "a.test", check=False).stderr)
        self.instance.ctl("schema", "migrate")
        rows = json.loads(self.instance.ctl("schema", "status", "--json"))["stores"]
        self.assertEqual([row["state"] for row in rows], ["current", "current"])
        os.rename(self.path("db-admin", "mariadb.password"), self.path("db-admin", "away"))
        done = self.instance.ctl("domain", "add", "a.test", check=False)
        self.assertIn("toastctl schema grants", done.stderr)

    def test_each_user_may_do_its_work_and_no_more(self):
        self.fill()
        for folder, user, allowed, refused in (
                ("db", "toast_vdomaind", ["SELECT * FROM toast_directory.domain"],
                 ["SELECT * FROM toast_credentials.credential", "DELETE FROM toast_directory.domain",
                  "UPDATE toast_directory.generation SET value = 9", "CREATE TABLE toast_directory.t (a INT)"]),
                ("db-auth", "toast_authd",
                 ["SELECT * FROM toast_credentials.credential", "UPDATE toast_credentials.credential SET state = 0"],
                 ["SELECT * FROM toast_directory.domain", "DELETE FROM toast_credentials.credential",
                  "DROP TABLE toast_credentials.credential"])):
            path = self.path(folder, "mariadb.password")
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o400)
            with open(path) as file:
                password = file.read().strip()
            for statement in allowed + refused:
                with self.subTest(user=user, statement=statement):
                    done = subprocess.run(
                        ["mariadb", "--no-defaults", "-S", self.server.socket, f"-u{user}"], input=statement,
                        capture_output=True, text=True, env={**os.environ, "MYSQL_PWD": password}, timeout=30)
                    self.assertEqual(done.returncode == 0, statement in allowed, done.stderr)

    def test_a_password_that_others_may_read_is_refused(self):
        self.fill()
        os.chmod(self.path("db", "mariadb.password"), 0o644)
        with self.assertRaises(RuntimeError) as refused:
            self.instance.start()
        self.assertIn("lets others read it: chmod 0400", str(refused.exception))
        for folder in ("db", "db-auth", "db-admin"):
            with open(self.path(folder, "mariadb.password")) as file:
                self.assertNotIn(file.read().strip(), self.instance.log())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class OverTls(unittest.TestCase):
    """Over TCP, encrypted and verified, by programs in their sandboxes, also after the server was away."""

    def make_certificates(self, folder, address):
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *key, "-days", "2", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca")
        openssl("req", *key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=db")
        with open(os.path.join(folder, "names"), "w") as names:
            names.write(f"subjectAltName=IP:{address}")
        openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-extfile", "names", "-out", "cert.pem")
        return folder

    def make_instance(self, certified_for):
        certificates = tempfile.mkdtemp(prefix="toast-certificates-")
        self.addCleanup(shutil.rmtree, certificates)
        self.make_certificates(certificates, certified_for)
        port = free_port()
        self.server = MariadbServer("--bind-address=127.0.0.1", f"--port={port}", *(
            f"--ssl-{name}={certificates}/{name}.pem" for name in ("ca", "cert", "key")))
        self.addCleanup(self.server.remove)
        instance = Instance(settings={**QUICK, "databasebackend": "mariadb", "mariadbservers": f"127.0.0.1:{port}"})
        self.addCleanup(instance.remove)
        self.server.run(instance.ctl("schema", "grants"))
        for user in ("toast_vdomaind", "toast_authd", "toast_toastctl"):
            self.server.run(f"ALTER USER {user}@127.0.0.1 REQUIRE SSL")
        for folder in ("db", "db-auth", "db-admin"):
            shutil.copy(os.path.join(certificates, "ca.pem"),
                        os.path.join(instance.root, folder, "mariadb-ca.pem"))
        return instance

    def login(self, instance):
        client, answer = log_in(instance, ANN, PASSWORD)
        client.socket.close()
        return answer

    def test_mail_goes_in_and_out(self):
        instance = self.make_instance("127.0.0.1")
        instance.ctl("schema", "migrate")
        instance.ctl("domain", "add", "example.test")
        instance.add_mailbox(ANN)
        instance.start()
        still_works(instance)
        self.server.kill()
        self.server.start()
        wait_until(lambda: self.login(instance).startswith("+OK"), "logins work again", seconds=20)
        still_works(instance, "after a restart")

    def test_another_address_is_not_trusted(self):
        instance = self.make_instance("192.0.2.1")
        done = instance.ctl("schema", "migrate", check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("no TLS that can be trusted", done.stderr)


class Moving(unittest.TestCase):
    """From SQLite to MariaDB and back, with everything that an address is."""

    @classmethod
    def setUpClass(cls):
        cls.server = MariadbServer()
        cls.addClassCleanup(cls.server.remove)

    def setUp(self):
        for name in ("toast_directory", "toast_credentials"):
            self.server.run(f"DROP DATABASE IF EXISTS {name}")
        self.instance = Instance(settings={**QUICK, "mariadbsocket": self.server.socket})
        self.addCleanup(self.instance.remove)
        self.server.run(self.instance.ctl("schema", "grants"))
        self.instance.ctl("domain", "add", "example.test")
        self.instance.ctl("domain", "add", "other.test")
        self.instance.ctl("domain", "set", "other.test", "--suspend", "outgoing", "--reason", "moved")
        for name in ("zoe@other.test", ANN, "ben@example.test"):
            self.instance.add_mailbox(name)
        self.instance.ctl("alias", "add", "sales@example.test", ANN, "x@elsewhere.example")
        install_in_database(self.instance, "mail.example.test",
                            make_pair(self.instance.directory, "mail.example.test"))

    def everything(self):
        listed = [json.loads(self.instance.ctl(noun, "list", "--json")) for noun in ("domain", "mailbox", "alias")]
        shown = [json.loads(self.instance.ctl("mailbox", "show", name, "--json")) for name in (ANN, "zoe@other.test")]
        certificates = json.loads(self.instance.ctl("tls", "list", "--json"))
        return json.dumps([listed, shown, certificates], sort_keys=True)

    def use(self, kind):
        self.instance.ctl("config", "set", "databasebackend", kind)

    def copy(self, kind):
        return self.instance.ctl("directory", "copy", "--to", kind, check=False)

    def test_there_and_back(self):
        self.instance.start()
        still_works(self.instance)
        self.instance.stop()  # last logins are written
        before = self.everything()
        self.assertEqual(self.copy("sqlite").returncode, 4)  # it is there
        done = self.copy("mariadb")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.copy("mariadb").returncode, 0)  # again: the same
        self.assertIn(f"mailbox.add\t{ANN}", self.server.run(
            "SELECT action, object FROM toast_directory.audit ORDER BY audit_id").stdout)
        self.use("mariadb")
        self.assertEqual(self.everything(), before)
        self.instance.start()
        still_works(self.instance, "after the move")
        self.instance.stop()
        self.assertEqual(self.copy("sqlite").returncode, 0)  # still the same there
        self.instance.ctl("mailbox", "set", ANN, "--quota", "5M")
        done = self.copy("sqlite")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{ANN} differs, and the one to copy to was not empty", done.stderr)
        for ending in ("", "-wal", "-shm"):
            path = os.path.join(self.instance.root, "db", "directory.db" + ending)
            if os.path.exists(path):
                os.unlink(path)
        now = self.everything()
        done = self.copy("sqlite")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.use("sqlite")
        self.assertEqual(self.everything(), now)
        self.instance.start()
        still_works(self.instance, "back again")

    def by_apop(self, password=PASSWORD):
        client = poplib.POP3(*self.instance.pop3, timeout=30)
        try:
            return client.apop(ANN, password).startswith(b"+OK")
        except poplib.error_proto:
            return False
        finally:
            client.close()

    def test_a_password_that_can_be_had_back_goes_along(self):
        """Its key stays with the instance; on the server authd may write what it seals."""
        self.instance.ctl("config", "set", "authcram", "yes")
        self.instance.ctl("mailbox", "set", ANN, "--reversible=on")
        self.instance.start()
        still_works(self.instance)
        wait_until(self.by_apop, "it is kept")
        self.instance.stop()
        self.assertEqual(self.copy("mariadb").returncode, 0)
        self.use("mariadb")
        self.instance.start()
        self.assertTrue(self.by_apop())
        self.instance.ctl("mailbox", "passwd", ANN, "--password-stdin", stdin="another one\n")
        self.assertFalse(self.by_apop() or self.by_apop("another one"))
        client, answer = log_in(self.instance, ANN, "another one")
        client.socket.close()
        self.assertTrue(answer.startswith("+OK"), answer)
        wait_until(lambda: self.by_apop("another one"), "the new one is kept")
        dump = subprocess.run(["mariadb-dump", f"--socket={self.server.socket}", "--all-databases"],
                              capture_output=True, check=True).stdout
        self.assertIn(b"$sealed$1$", dump)
        self.assertNotIn(b"another one", dump)


if __name__ == "__main__":
    unittest.main()
