"""Logging in with clients that nobody here wrote: SASL over POP3 (RFC 5034) with curl, fetchmail and Python; SCRAM by
an independent client, with channel binding; CRAM-MD5 and APOP."""

import base64
import contextlib
import ctypes
import hashlib
import hmac
import json
import os
import poplib
import signal
import smtplib
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import unittest

from toast_instance import Instance, program, wait_until

PASSWORD = "correct horse"


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def context():
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


class Pop3:
    """A POP3 client that says what it is told."""

    def __init__(self, address, tls=None):
        self.socket = socket.create_connection(address, 30)
        if tls:
            self.socket = tls.wrap_socket(self.socket)
        self.file = self.socket.makefile("rb")
        assert self.line().startswith("+OK")

    def line(self):
        return self.file.readline().decode().rstrip("\r\n")

    def say(self, text):
        self.socket.sendall(text.encode() + b"\r\n")
        return self.line()

    def list(self, text):
        first = self.say(text)
        assert first.startswith("+OK"), first
        lines = []
        while (line := self.line()) != ".":
            lines.append(line)
        return lines

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()
        self.socket.close()


class AuthTest(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.mail = Instance(settings={"authfailureslimit": 1000, **cls.settings})
        cls.mail.ctl("domain", "add", "example.org")
        cls.mail.add_mailbox("ann@example.org", PASSWORD)
        cls.mail.start()
        cls.pop3s = ("127.0.0.1", cls.mail.base + 995)

    @classmethod
    def tearDownClass(cls):
        cls.mail.remove()

    def curl(self, url, *options, user="ann@example.org", password=PASSWORD):
        return subprocess.run(
            ["curl", "-sS", "-v", "--insecure", "--max-time", "30", "--user", f"{user}:{password}", *options, url],
            capture_output=True, text=True, timeout=60)


class Pop3Auth(AuthTest):
    def test_curl_logs_in_by_each_mechanism(self):
        for mechanism in ("PLAIN", "LOGIN"):
            for url, options in ((f"pop3://127.0.0.1:{self.mail.base + 110}/", ("--ssl-reqd",)),
                                 (f"pop3s://127.0.0.1:{self.mail.base + 995}/", ())):
                for initial in ((), ("--sasl-ir",)):
                    with self.subTest(mechanism=mechanism, url=url, initial=initial):
                        done = self.curl(url, "--login-options", f"AUTH={mechanism}", *options, *initial)
                        self.assertEqual(done.returncode, 0, done.stderr)
                        self.assertIn(f"AUTH {mechanism}", done.stderr)

    def test_a_wrong_password_is_refused_as_with_pass(self):
        done = self.curl(f"pop3s://127.0.0.1:{self.mail.base + 995}/", "--login-options", "AUTH=PLAIN",
                         password="guess")
        self.assertEqual(done.returncode, 67, done.stderr)  # "the remote server denied curl to login"
        self.assertIn("-ERR [AUTH] wrong name or password", done.stderr)

    def test_without_the_setting_there_is_no_cram_md5_and_no_apop(self):
        client = poplib.POP3("127.0.0.1", self.mail.base + 110, timeout=30)
        self.assertNotIn(b"<", client.getwelcome())
        self.assertRaises(poplib.error_proto, client.apop, "ann@example.org", PASSWORD)  # it has seen no stamp
        client.quit()
        with Pop3(self.pop3s, context()) as client:
            self.assertNotIn("CRAM-MD5", " ".join(client.list("CAPA")))
            self.assertEqual(client.say("AUTH CRAM-MD5"), "-ERR this mechanism is not offered here")
            self.assertTrue(client.say("APOP ann@example.org " + "0" * 32).startswith("-ERR APOP is not offered"))
        self.assertFalse(os.path.exists(os.path.join(self.mail.root, "db-auth", "reversible.key")))

    def test_fetchmail_finds_its_way_in(self):
        with tempfile.TemporaryDirectory() as home:
            rc = os.path.join(home, "rc")
            with open(rc, "w") as file:
                file.write(f'poll 127.0.0.1 service {self.mail.base + 110} protocol pop3 auth password '
                           f'user "ann@example.org" password "{PASSWORD}" sslproto "" mda "cat"\n')
            os.chmod(rc, 0o600)
            done = subprocess.run(["fetchmail", "-f", rc, "--nosyslog", "-v"], capture_output=True, text=True,
                                  timeout=60, env={**os.environ, "HOME": home, "FETCHMAILHOME": home})
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)  # no mail

    def test_what_goes_wrong_in_the_middle_leaves_the_session_as_it_was(self):
        with Pop3(self.pop3s, context()) as client:
            self.assertEqual(client.say("AUTH LOGIN"), "+ " + b64("Username:"))
            self.assertTrue(client.say("*").startswith("-ERR"))
            self.assertTrue(client.say("AUTH PLAIN !!!").startswith("-ERR"))
            self.assertTrue(client.say("AUTH DIGEST-MD5").startswith("-ERR"))
            self.assertTrue(client.say("AUTH PLAIN " + b64(f"bob@example.org\0ann@example.org\0{PASSWORD}"))
                            .startswith("-ERR [AUTH]"))
            self.assertTrue(client.say("AUTH PLAIN " + b64(f"\0ann@example.org\0{PASSWORD}")).startswith("+OK"))


class AppPasswords(AuthTest):
    def logs_in(self, password):
        with Pop3(self.pop3s, context()) as client:
            return client.say("AUTH PLAIN " + b64(f"\0ann@example.org\0{password}")).startswith("+OK")

    def add(self, name, *options):
        shown = json.loads(self.mail.ctl("mailbox", "app-password", "add", "ann@example.org", name, *options, "--json"))
        return shown["results"][0]["password"]

    def listed(self):
        rows = json.loads(self.mail.ctl("mailbox", "app-password", "list", "ann@example.org", "--json"))
        return {row["name"]: row for row in rows["app_passwords"]}

    def test_each_works_for_its_services_until_it_is_removed(self):
        phone = self.add("phone")
        sender = self.add("sender", "--service", "smtp")
        self.assertTrue(self.logs_in(phone))
        self.assertTrue(self.logs_in(phone.replace("-", "").upper()))
        self.assertFalse(self.logs_in(sender))
        self.assertTrue(self.logs_in(PASSWORD))
        wait_until(lambda: self.listed()["phone"]["last_used_from"] == "127.0.0.1", "its use is recorded")
        self.assertIsNone(self.listed()["sender"]["last_used"])
        self.mail.ctl("mailbox", "app-password", "remove", "ann@example.org", "phone")
        self.assertFalse(self.logs_in(phone))
        self.assertTrue(self.logs_in(PASSWORD))
        self.assertNotIn(phone, self.mail.log())

    def test_a_locked_account_is_locked_for_all_of_them(self):
        tablet = self.add("tablet")
        self.mail.ctl("account", "lock", "ann@example.org", "--keep-app-passwords")
        self.assertFalse(self.logs_in(tablet))
        self.assertFalse(self.logs_in(PASSWORD))
        self.mail.ctl("account", "unlock", "ann@example.org")
        self.assertTrue(self.logs_in(tablet))
        self.assertTrue(self.logs_in(PASSWORD))
        self.mail.ctl("account", "lock", "ann@example.org")
        self.mail.ctl("account", "unlock", "ann@example.org")
        self.assertFalse(self.logs_in(tablet))  # a lock revokes them, a thief may have made one
        self.assertTrue(self.logs_in(PASSWORD))


class Scram:
    """The client's half of RFC 5802, from hashlib and hmac."""

    def __init__(self, name, password, header="n,,", binding=b""):
        self.password, self.header, self.binding = password.encode(), header.encode(), binding
        self.bare = f"n={name},r={os.urandom(12).hex()}"

    def first(self):
        return b64(self.header + self.bare.encode())

    def final(self, challenge):
        first = base64.b64decode(challenge).decode()
        fields = dict(field.split("=", 1) for field in first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c={b64(self.header + self.binding)},r={fields['r']}"
        message = f"{self.bare},{first},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self.expected = "v=" + b64(hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256"))
        return b64(f"{without_proof},p={b64(proof)}")


LIBSSL = ctypes.CDLL("libssl.so.3")
TLS12, TLS13 = 0x0303, 0x0304
for function in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
    getattr(LIBSSL, function).restype = ctypes.c_void_p


class BoundTls:
    """TLS by OpenSSL itself: Python's ssl does not show the exporter of RFC 9266."""

    def __init__(self, address, version=TLS13):
        self.socket = socket.create_connection(address, 30)
        self.socket.settimeout(None)  # OpenSSL wants it to block
        settings = ctypes.c_void_p(LIBSSL.SSL_CTX_new(ctypes.c_void_p(LIBSSL.TLS_client_method())))
        set_proto_version = (123, 124)  # SSL_CTRL_SET_MIN_PROTO_VERSION, ..._MAX_...
        for control in set_proto_version:
            assert LIBSSL.SSL_CTX_ctrl(settings, control, ctypes.c_long(version), None) == 1
        self.tls = ctypes.c_void_p(LIBSSL.SSL_new(settings))
        assert LIBSSL.SSL_set_fd(self.tls, self.socket.fileno()) == 1
        assert LIBSSL.SSL_connect(self.tls) == 1
        binding = ctypes.create_string_buffer(32)
        label = b"EXPORTER-Channel-Binding"
        assert LIBSSL.SSL_export_keying_material(self.tls, binding, ctypes.c_size_t(32), label,
                                                 ctypes.c_size_t(len(label)), b"", ctypes.c_size_t(0), 1) == 1
        self.binding = binding.raw
        self.waiting = b""

    def say(self, text=None):
        if text is not None:
            line = text.encode() + b"\r\n"
            assert LIBSSL.SSL_write(self.tls, line, len(line)) == len(line)
        while b"\n" not in self.waiting:
            block = ctypes.create_string_buffer(4096)
            size = LIBSSL.SSL_read(self.tls, block, 4096)
            assert size > 0, "the connection has ended"
            self.waiting += block.raw[:size]
        line, self.waiting = self.waiting.split(b"\n", 1)
        return line.decode().rstrip("\r")


class ScramLogins(AuthTest):
    settings = {"authscram": "yes"}

    def converse(self, say, mechanism, client):
        """Its last reply."""
        reply = say(f"AUTH {mechanism} {client.first()}")
        if not reply.startswith("+ "):
            return reply
        reply = say(client.final(reply[2:]))
        if not reply.startswith("+ "):
            return reply
        self.assertEqual(base64.b64decode(reply[2:]).decode(), client.expected)
        return say("")

    def bound(self, *where):
        tls = BoundTls(*where)
        self.addCleanup(tls.socket.close)
        return tls

    def test_an_independent_client_logs_in(self):
        with Pop3(self.pop3s, context()) as client:
            self.assertIn("SCRAM-SHA-256 PLAIN LOGIN", " ".join(client.list("CAPA")))
            reply = self.converse(client.say, "SCRAM-SHA-256", Scram("ann@example.org", PASSWORD))
            self.assertTrue(reply.startswith("+OK"), reply)
        for name, password in (("ann@example.org", "guess"), ("nobody@example.org", PASSWORD)):
            with Pop3(self.pop3s, context()) as client:
                reply = self.converse(client.say, "SCRAM-SHA-256", Scram(name, password))
                self.assertEqual(reply, "-ERR [AUTH] wrong name or password")

    def test_with_channel_binding_over_both_versions_of_tls(self):
        for version in (TLS12, TLS13):
            with self.subTest(version=version):
                tls = self.bound(self.pop3s, version)
                self.assertTrue(tls.say().startswith("+OK"))
                client = Scram("ann@example.org", PASSWORD, "p=tls-exporter,,", tls.binding)
                reply = self.converse(tls.say, "SCRAM-SHA-256-PLUS", client)
                self.assertTrue(reply.startswith("+OK"), reply)

    def test_a_proxy_in_between_cannot_pass_the_login_on(self):
        """It has a TLS connection with each side, and carries every message on: the two are not one."""
        tls = self.bound(self.pop3s)
        self.assertTrue(tls.say().startswith("+OK"))
        other = self.bound(self.pop3s)  # stands for the client's connection to the proxy
        client = Scram("ann@example.org", PASSWORD, "p=tls-exporter,,", other.binding)
        self.assertTrue(self.converse(tls.say, "SCRAM-SHA-256-PLUS", client).startswith("-ERR [AUTH]"))
        self.assertIn("scram_channel_binding", self.mail.log())
        # Nor can it take -PLUS out of the offer: the client says that it would have bound.
        tls = self.bound(self.pop3s)
        self.assertTrue(tls.say().startswith("+OK"))
        client = Scram("ann@example.org", PASSWORD, "y,,")
        self.assertTrue(self.converse(tls.say, "SCRAM-SHA-256", client).startswith("-ERR [AUTH]"))
        self.assertIn("scram_downgraded", self.mail.log())

    def test_over_submission(self):
        """The same mechanism over SMTP (RFC 4954): a challenge is 334, and the last answer is empty."""
        with smtplib.SMTP("127.0.0.1", self.mail.base + 587, timeout=30) as client:
            client.ehlo()
            client.starttls(context=context())
            client.ehlo()
            self.assertIn("SCRAM-SHA-256 PLAIN LOGIN", client.esmtp_features["auth"])
            scram = Scram("ann@example.org", PASSWORD)
            code, text = client.docmd("AUTH", "SCRAM-SHA-256 " + scram.first())
            self.assertEqual(code, 334, text)
            code, text = client.docmd(scram.final(text.decode()))
            self.assertEqual((code, base64.b64decode(text).decode()), (334, scram.expected))
            self.assertEqual(client.docmd("")[0], 235)

    def test_it_is_learnt_from_a_login_by_another_way(self):
        self.mail.ctl("mailbox", "add", "old@example.org", "--password-stdin", "--password-hash",
                      stdin="$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\n")
        def by_scram():
            with Pop3(self.pop3s, context()) as client:
                return self.converse(client.say, "SCRAM-SHA-256", Scram("old@example.org", "password"))
        self.assertTrue(by_scram().startswith("-ERR [AUTH]"))
        with Pop3(self.pop3s, context()) as client:
            self.assertTrue(client.say("AUTH PLAIN " + b64("\0old@example.org\0password")).startswith("+OK"))
        wait_until(lambda: "auth.scram.learnt account=old@example.org" in self.mail.log(), "it is learnt")
        self.assertTrue(by_scram().startswith("+OK"))


class ReversiblePasswords(AuthTest):
    """CRAM-MD5 and APOP, for accounts whose password may be had back."""

    settings = {"authcram": "yes"}

    def setUp(self):
        self.name = f"{self._testMethodName.replace('_', '-')}@example.org"
        self.mail.add_mailbox(self.name, PASSWORD)

    def state(self, name=None):
        return json.loads(self.mail.ctl("mailbox", "show", name or self.name, "--json"))["reversible"]

    def by_apop(self, password=PASSWORD, name=None):
        client = poplib.POP3_SSL(*self.pop3s, timeout=30, context=context())
        try:
            return client.apop(name or self.name, password).startswith(b"+OK")
        except poplib.error_proto as refused:
            self.assertEqual(str(refused), "b'-ERR [AUTH] wrong name or password'")
            return False
        finally:
            client.close()

    def by_cram(self, password=PASSWORD, name=None):
        with smtplib.SMTP("127.0.0.1", self.mail.base + 587, timeout=30) as client:
            client.starttls(context=context())
            client.ehlo()
            self.assertEqual(client.esmtp_features["auth"].strip(), "PLAIN LOGIN CRAM-MD5")
            client.user, client.password = name or self.name, password
            try:
                return client.auth("CRAM-MD5", client.auth_cram_md5)[0] == 235
            except smtplib.SMTPAuthenticationError as refused:
                self.assertEqual((refused.smtp_code, refused.smtp_error), (535, b"5.7.8 name or password is wrong"))
                return False

    def by_plain(self, password=PASSWORD):
        with Pop3(self.pop3s, context()) as client:
            self.assertTrue(client.say("AUTH PLAIN " + b64(f"\0{self.name}\0{password}")).startswith("+OK"))

    def keep(self, password=PASSWORD):
        self.mail.ctl("mailbox", "set", self.name, "--reversible=on")
        self.by_plain(password)
        wait_until(lambda: self.state() == "kept", "the password is kept")

    def database(self, words, *values):
        with contextlib.closing(sqlite3.connect(os.path.join(self.mail.root, "db-auth", "credentials.db"))) as db, db:
            return db.execute(words, values).fetchall()

    def test_only_for_whom_the_operator_wants_it(self):
        self.by_plain()
        self.assertEqual(self.state(), "off")
        self.assertFalse(self.by_cram() or self.by_apop())
        done = self.mail.ctl("mailbox", "set", self.name, "--reversible=on", "--dry-run", check=False)
        self.assertEqual((done.returncode, self.state()), (9, "off"))
        self.assertIn("changed mailbox", self.mail.ctl("mailbox", "set", self.name, "--reversible=on", "--quota=1G"))
        self.assertIn("unchanged", self.mail.ctl("mailbox", "set", self.name, "--reversible=on"))
        self.assertEqual(self.state(), "awaited")
        self.assertFalse(self.by_cram() or self.by_apop())
        self.by_plain()
        wait_until(lambda: self.state() == "kept", "the password is kept")
        self.assertTrue(self.by_cram())
        self.assertTrue(self.by_apop())
        self.assertFalse(self.by_cram("guess") or self.by_apop("guess"))
        self.assertFalse(self.by_cram(name="nobody@example.org") or self.by_apop(name="nobody@example.org"))
        self.mail.ctl("mailbox", "set", self.name, "--reversible=off")
        self.assertEqual(self.state(), "off")
        self.assertFalse(self.by_cram() or self.by_apop())
        self.assertEqual(self.database("SELECT reversible, sealed FROM credential WHERE account=?", self.name),
                         [(0, "")])
        recorded = [row[0] for row in sqlite3.connect(os.path.join(self.mail.root, "db", "directory.db")).execute(
            "SELECT action FROM audit WHERE object=? ORDER BY rowid", (self.name,))]
        self.assertEqual([action for action in recorded if "reversible" in action],
                         ["mailbox.reversible.on", "mailbox.reversible.off"])

    def test_a_new_password_is_another_one(self):
        self.keep()
        self.mail.ctl("mailbox", "passwd", self.name, "--password-stdin", stdin="another one\n")
        self.assertEqual(self.state(), "awaited")
        self.assertFalse(self.by_cram() or self.by_cram("another one"))
        self.by_plain("another one")
        wait_until(lambda: self.state() == "kept", "the new one is kept")
        self.assertTrue(self.by_cram("another one"))
        self.assertFalse(self.by_cram())

    def test_a_locked_account_stays_out(self):
        self.keep()
        self.mail.ctl("account", "lock", self.name)
        self.assertFalse(self.by_cram() or self.by_apop())
        self.mail.ctl("account", "unlock", self.name)
        self.assertTrue(self.by_cram() and self.by_apop())

    def test_without_a_password_there_is_nothing_to_keep(self):
        self.database("DELETE FROM credential WHERE account=?", self.name)
        done = self.mail.ctl("mailbox", "set", self.name, "--reversible=on", check=False)
        self.assertEqual(done.returncode, 6)
        self.assertIn("no password that could be kept", done.stderr)
        self.mail.ctl("mailbox", "set", self.name, "--reversible=off")

    def test_nothing_on_disk_has_it_in_clear_text(self):
        secret = "a password that is looked for"
        self.mail.ctl("mailbox", "passwd", self.name, "--password-stdin", stdin=secret + "\n")
        self.keep(secret)
        self.assertTrue(self.by_cram(secret))
        seen = 0
        for folder, _, files in os.walk(self.mail.root):
            for file in files:
                if not os.path.isfile(os.path.join(folder, file)):
                    continue  # a socket
                with open(os.path.join(folder, file), "rb") as opened:
                    content = opened.read()
                seen += 1
                for form in (secret.encode(), b64(secret).encode().rstrip(b"=")[:-1]):
                    self.assertNotIn(form, content, file)
        self.assertGreater(seen, 10)
        self.assertNotIn(secret, self.mail.log())
        key = os.stat(os.path.join(self.mail.root, "db-auth", "reversible.key"))
        self.assertEqual(key.st_mode & 0o777, 0o600)

    def test_a_row_that_was_moved_opens_for_nobody(self):
        self.keep()
        [(hash_text, sealed)] = self.database("SELECT hash, sealed FROM credential WHERE account=?", self.name)
        self.mail.add_mailbox("thief@example.org", "the thief's")
        self.database("UPDATE credential SET hash=?, sealed=?, reversible=1 WHERE account='thief@example.org'",
                      hash_text, sealed)
        self.assertFalse(self.by_cram(name="thief@example.org") or self.by_apop(name="thief@example.org"))
        self.assertTrue(self.by_cram())

    def test_another_key_opens_nothing_until_the_next_login(self):
        self.keep()
        key = os.path.join(self.mail.root, "db-auth", "reversible.key")
        self.mail.stop()
        owner = os.stat(key)
        with open(key, "w") as file:
            file.write(b64(os.urandom(32)) + "\n")
        os.chown(key, owner.st_uid, owner.st_gid)
        self.mail.start()
        self.assertFalse(self.by_cram())
        self.assertIn("auth.reversible.other_key", self.mail.log())
        self.by_plain()
        wait_until(self.by_cram, "it is kept under the new key")

    def test_a_key_that_others_may_read_is_refused(self):
        """And one that is not there is made, also by an authd that has long been at work."""
        key = os.path.join(self.mail.root, "db-auth", "reversible.key")
        self.keep()
        self.mail.ctl("config", "set", "authcram", "no")
        self.mail.reload()
        os.chmod(key, 0o644)
        self.mail.ctl("config", "set", "authcram", "yes")
        self.mail.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "reversible.key must be a file that nobody but its owner may read" in self.mail.log(),
                   "the reload is refused")
        with smtplib.SMTP("127.0.0.1", self.mail.base + 587, timeout=30) as client:
            client.starttls(context=context())
            client.ehlo()
            self.assertEqual(client.esmtp_features["auth"].strip(), "PLAIN LOGIN")
        os.remove(key)
        self.mail.reload()
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
        self.assertFalse(self.by_cram())
        self.by_plain()
        wait_until(self.by_cram, "it is kept under the new key")

    def test_the_setting_may_change_while_the_server_runs(self):
        self.keep()
        for value, there in (("learn", False), ("no", False), ("yes", True)):
            self.mail.ctl("config", "set", "authcram", value)
            self.mail.reload()
            client = poplib.POP3("127.0.0.1", self.mail.base + 110, timeout=30)
            self.assertEqual(b"<" in client.getwelcome(), there, value)
            self.assertEqual("CRAM-MD5" in client.capa()["SASL"], there, value)
            client.quit()
        self.assertTrue(self.by_cram() and self.by_apop())


class Checkpassword(AuthTest):
    """toast-checkpassword, by the letter of the interface."""

    def check(self, given, *program_words, root=None, environment=None):
        """Exit code and output of what it became."""
        read, write = os.pipe()
        os.write(write, given)
        os.close(write)
        words = [program("toast-checkpassword"), "--root", root or self.mail.root, *program_words]
        try:
            done = subprocess.run(["sh", "-c", f'exec "$@" 3<&{read}', "sh", *words], pass_fds=(read,), timeout=60,
                                  capture_output=True, text=True, env={**os.environ, **(environment or {})})
        finally:
            os.close(read)
        return done.returncode, done.stdout

    def test_a_right_password_runs_the_program_in_the_mailbox(self):
        shell = ("sh", "-c", 'echo "$USER|$EXT|$HOST|$HOME|$MAILDIR|$(pwd)|$1"; exit 7', "sh", "an argument")
        for name in ("ann@example.org", "Ann@Example.ORG"):
            code, said = self.check(f"{name}\0{PASSWORD}\0<1.2@mx>\0".encode(), *shell)
            home = os.path.dirname(self.mail.maildir("ann@example.org"))
            self.assertEqual(code, 7)
            self.assertEqual(said.rstrip("\n").split("|"),
                             ["ann@example.org", "ann", "example.org", home, home + "/Maildir", home, "an argument"])

    def test_what_is_wrong_has_its_exit_code(self):
        good = f"ann@example.org\0{PASSWORD}\0\0".encode()
        for given, code in ((b"ann@example.org\0guess\0\0", 1), (f"nobody@example.org\0{PASSWORD}\0\0".encode(), 1),
                            (b"ann@example.org\0\0\0", 1), (good + b"x" * 512, 1), (b"", 2), (b"ann@example.org", 2)):
            self.assertEqual(self.check(given, "true")[0], code, given[:60])
        self.assertEqual(self.check(good)[0], 2)
        self.assertEqual(self.check(good, "/nowhere/at/all")[0], 111)
        self.assertEqual(self.check(good, "true", root="/nowhere")[0], 111)
        self.assertEqual(self.check(good, "true")[0], 0)
        closed = subprocess.run([program("toast-checkpassword"), "--root", self.mail.root, "true"], timeout=60,
                                stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual(closed.returncode, 2)

    def test_the_throttle_counts_whom_tcpserver_names(self):
        for i in range(3):
            self.check(b"ann@example.org\0guess\0\0", "true", environment={"TCPREMOTEIP": "192.0.2.7"})
        self.assertIn("auth.login.refused login=ann@example.org peer=192.0.2.7 service=checkpassword", self.mail.log())

    def test_an_app_password_for_sending_reads_no_mail(self):
        for services, code in (("smtp", 1), ("imap", 0)):
            made = json.loads(self.mail.ctl("mailbox", "app-password", "add", "ann@example.org", services,
                                            "--service", services, "--json"))["results"][0]["password"]
            self.assertEqual(self.check(f"ann@example.org\0{made}\0\0".encode(), "true")[0], code, services)


class CheckpasswordOutage(AuthTest):
    def test_a_server_that_is_down_is_no_wrong_password(self):
        self.mail.stop()
        self.assertEqual(Checkpassword.check(self, f"ann@example.org\0{PASSWORD}\0\0".encode(), "true")[0], 111)


class ClearText(AuthTest):
    """Where USER and PASS are for encrypted connections only, AUTH is."""

    settings = {"pop3cleartext": "no"}

    def test_nothing_is_offered_before_tls(self):
        with Pop3(self.mail.pop3) as client:
            self.assertFalse([line for line in client.list("CAPA") if line.startswith(("SASL", "USER"))])
            self.assertTrue(client.say("AUTH PLAIN " + b64(f"\0ann@example.org\0{PASSWORD}")).startswith("-ERR"))
        with Pop3(self.pop3s, context()) as client:
            self.assertIn("SASL PLAIN LOGIN", client.list("CAPA"))


if __name__ == "__main__":
    unittest.main()
