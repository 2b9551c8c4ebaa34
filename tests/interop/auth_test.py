"""Logging in with clients that nobody here wrote: SASL over POP3 (RFC 5034) with curl, fetchmail, gsasl and Python."""

import base64
import json
import os
import socket
import ssl
import subprocess
import tempfile
import unittest

from toast_instance import Instance, wait_until

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
        self.mail.ctl("account", "lock", "ann@example.org")
        self.assertFalse(self.logs_in(tablet))
        self.assertFalse(self.logs_in(PASSWORD))
        self.mail.ctl("account", "unlock", "ann@example.org")
        self.assertTrue(self.logs_in(tablet))
        self.assertTrue(self.logs_in(PASSWORD))


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
