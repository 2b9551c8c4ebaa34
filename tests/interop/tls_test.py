"""Encrypted SMTP and POP3 with clients that nobody here wrote: openssl s_client, swaks, curl, Python. Who has the
private key and who has not; what happens when its keeper dies; certificates that come and go."""

import json
import os
import poplib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from toast_instance import Instance

PASSWORD = "correct horse"
DAY = 86400


def openssl(*arguments, stdin=b"", check=True):
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, timeout=60)
    if check and done.returncode != 0:
        raise RuntimeError(done.stderr.decode())
    return (done.stdout + done.stderr).decode(errors="replace")


def context():
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def wait_until(truth, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if truth():
            return True
        time.sleep(0.05)
    return False


class TlsTest(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        # Two processes of each, so that tickets must be good in another one.
        cls.mail = Instance(settings={"smtpprocesses": 2, "pop3processes": 2, **cls.settings})
        cls.mail.ctl("domain", "add", "example.org")
        cls.mail.add_mailbox("ann@example.org", PASSWORD)
        cls.mail.start()
        cls.files = tempfile.mkdtemp(prefix="toast-tls-")

    @classmethod
    def tearDownClass(cls):
        cls.mail.remove()
        shutil.rmtree(cls.files)

    @property
    def pop3s(self):
        return ("127.0.0.1", self.mail.base + 995)

    def s_client(self, *options, starttls="smtp", stdin=b"", check=False):
        port = {"smtp": 25, "pop3": 110, None: 995}[starttls]
        how = ["-starttls", starttls] if starttls else []
        return openssl("s_client", "-connect", f"127.0.0.1:{self.mail.base + port}", *how, *options,
                       stdin=stdin, check=check)

    def make_pair(self, name, days=90, kind="ec"):
        key, certificate = (os.path.join(self.files, f"{name}.{end}") for end in ("key", "pem"))
        which = (["-newkey", "rsa:2048"] if kind == "rsa"
                 else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        openssl("req", "-x509", *which, "-nodes", "-keyout", key, "-out", certificate, "-days", str(days),
                "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}")
        return certificate, key

    def install(self, name, certificate, key, check=True):
        return self.mail.ctl("tls", "install", name, "--cert", certificate, "--key", key, check=check)

    def shown_for(self, name, starttls="smtp"):
        text = self.s_client("-servername", name, starttls=starttls)
        match = re.search(r"subject=CN = (\S+)", text)
        return match.group(1) if match else text

    def handshakes(self):
        try:
            with smtplib.SMTP(*self.mail.smtp, timeout=20) as client:
                client.starttls(context=context())
                return client.ehlo()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False

    # -- clients

    def test_swaks_and_what_received_says(self):
        done = subprocess.run(
            ["swaks", "--server", f"127.0.0.1:{self.mail.base + 25}", "--tls", "--from", "bob@client.example",
             "--to", "ann@example.org", "--ehlo", "client.example", "--header", "Subject: by swaks"],
            capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("TLS started with cipher TLSv1.3", done.stdout)
        self.assertTrue(wait_until(lambda: self.newest_message("by swaks")))
        self.assertIn("with ESMTPS", self.newest_message("by swaks"))

    def newest_message(self, subject):
        client = poplib.POP3_SSL(*self.pop3s, context=context(), timeout=20)
        client.user("ann@example.org")
        client.pass_(PASSWORD)
        try:
            for number in range(client.stat()[0], 0, -1):
                text = b"\n".join(client.retr(number)[1]).decode()
                if subject in text:
                    return text
            return None
        finally:
            client.quit()

    def test_curl(self):
        letter = os.path.join(self.files, "letter")
        with open(letter, "w") as file:
            file.write("Subject: by curl\r\n\r\n" + "a line of some length\r\n" * 20000)  # many records
        smtp = subprocess.run(
            ["curl", "-sS", "-k", "--ssl-reqd", f"smtp://127.0.0.1:{self.mail.base + 25}", "--mail-from",
             "bob@client.example", "--mail-rcpt", "ann@example.org", "-T", letter], capture_output=True, timeout=60)
        self.assertEqual(smtp.returncode, 0, smtp.stderr)
        self.assertTrue(wait_until(lambda: self.newest_message("by curl")))
        for scheme, port in (("pop3", 110), ("pop3s", 995)):
            listing = subprocess.run(
                ["curl", "-sS", "-k", "--ssl-reqd", "-u", f"ann@example.org:{PASSWORD}",
                 f"{scheme}://127.0.0.1:{self.mail.base + port}/"], capture_output=True, timeout=60)
            self.assertEqual(listing.returncode, 0, listing.stderr)
            self.assertRegex(listing.stdout, rb"(?m)^\d+ \d+")
        self.assertEqual(self.newest_message("by curl").count("a line of some length"), 20000)

    def test_python_pop3_with_stls(self):
        client = poplib.POP3(*self.mail.pop3, timeout=20)
        self.assertIn("STLS", client.capa())
        client.user("somebody@else.example")
        with self.assertRaises(poplib.error_proto):  # after USER it is too late
            client.stls(context=context())
        client.quit()
        client = poplib.POP3(*self.mail.pop3, timeout=20)
        client.stls(context=context())
        self.assertNotIn("STLS", client.capa())
        client.user("ann@example.org")
        client.pass_(PASSWORD)
        client.quit()

    def test_python_smtp_forgets_what_was_said_in_clear(self):
        with smtplib.SMTP(*self.mail.smtp, timeout=20) as client:
            client.ehlo("client.example")
            self.assertTrue(client.has_extn("starttls"))
            self.assertEqual(client.docmd("MAIL", "FROM:<x@client.example>")[0], 250)
            client.starttls(context=context())
            self.assertEqual(client.docmd("RCPT", "TO:<ann@example.org>")[0], 503)
            client.ehlo("client.example")
            self.assertFalse(client.has_extn("starttls"))
            self.assertEqual(client.docmd("STARTTLS")[0], 503)

    def test_first_command_together_with_the_end_of_the_handshake(self):
        for port, command, expected in ((25, b"EHLO client.example\r\n", b"250 DSN"), (110, b"CAPA\r\n", b"\r\n.\r\n"),
                                        (995, b"CAPA\r\n", b"\r\n.\r\n")):
            with self.subTest(port=port), \
                    socket.create_connection(("127.0.0.1", self.mail.base + port), timeout=20) as plain:
                if port != 995:
                    for line in (b"EHLO client.example\r\n", b"STARTTLS\r\n") if port == 25 else (b"STLS\r\n",):
                        plain.recv(1000)
                        plain.sendall(line)
                    plain.recv(1000)
                received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
                secure = context().wrap_bio(received, sent)
                while True:
                    try:
                        secure.do_handshake()
                        break
                    except ssl.SSLWantReadError:
                        plain.sendall(sent.read())
                        received.write(plain.recv(10000))
                secure.write(command)
                plain.sendall(sent.read())  # both in one packet
                answer = b""
                while expected not in answer:
                    received.write(plain.recv(10000))
                    try:
                        answer += secure.read(10000)
                    except ssl.SSLWantReadError:
                        continue

    # -- what is spoken

    def test_old_versions_are_refused(self):
        for version, works in (("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
            for starttls in ("smtp", "pop3", None):
                with self.subTest(version=version, starttls=starttls):
                    text = self.s_client(version, "-cipher", "ALL:@SECLEVEL=0", starttls=starttls)
                    self.assertEqual("Cipher is (NONE)" not in text and "Cipher    : 0000" not in text, works, text)

    def test_weak_ciphers_are_refused(self):
        for ciphers in ("AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA"):
            self.assertIn("Cipher is (NONE)", self.s_client("-tls1_2", "-cipher", ciphers + ":@SECLEVEL=0"))

    def test_no_renegotiation_no_compression_no_tickets_in_tls12(self):
        text = self.s_client("-tls1_2")
        self.assertIn("Compression: NONE", text)
        self.assertNotIn("TLS session ticket:", text)
        # s_client renegotiates when a line begins with R.
        with subprocess.Popen(
                ["openssl", "s_client", "-tls1_2", "-starttls", "smtp", "-connect",
                 f"127.0.0.1:{self.mail.base + 25}"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
            os.set_blocking(client.stdout.fileno(), False)
            seen = b""

            def reads(what):
                nonlocal seen
                seen += client.stdout.read() or b""
                return what in seen

            self.assertTrue(wait_until(lambda: reads(b"Verify return code")), seen)
            client.stdin.write(b"R\n")
            client.stdin.flush()
            self.assertTrue(wait_until(lambda: reads(b"no renegotiation")), seen)
            client.kill()

    def test_sessions_are_resumed_in_any_process(self):
        asked = context()
        session = None
        resumed = 0
        for _ in range(12):  # both processes get some
            with socket.create_connection(self.pop3s, timeout=20) as plain:
                with asked.wrap_socket(plain, session=session) as secure:
                    secure.recv(1000)  # the greeting, and the ticket before it
                    resumed += secure.session_reused
                    session = session or secure.session
        self.assertEqual(resumed, 11)

    # -- injection

    def test_injection_is_refused(self):
        for port, hello, command, refusal in (
                (25, b"EHLO client.example\r\n", b"STARTTLS\r\nMAIL FROM:<x@attacker.example>\r\n", b"554 5.5.1"),
                (110, b"", b"STLS\r\nUSER ann@example.org\r\n", b"-ERR input after STLS")):
            with socket.create_connection(("127.0.0.1", self.mail.base + port), timeout=20) as client:
                client.recv(1000)
                if hello:
                    client.sendall(hello)
                    client.recv(1000)
                client.sendall(command)
                answer = b""
                while block := client.recv(1000):
                    answer += block
                self.assertTrue(answer.startswith(refusal), answer)
                self.assertEqual(answer.count(b"\r\n"), 1, answer)

    def test_garbage_in_place_of_a_handshake(self):
        for address in (self.pop3s,):
            with socket.create_connection(address, timeout=20) as client:
                client.sendall(b"USER ann@example.org\r\n")
                answer = b""
                while block := client.recv(1000):
                    answer += block
                self.assertNotIn(b"+OK", answer)
        self.assertTrue(self.handshakes())

    # -- certificates

    def test_names_choose_certificates(self):
        for kind in ("ec", "rsa"):
            name = f"{kind}.example.org"
            self.install(name, *self.make_pair(name, kind=kind))
            self.assertTrue(wait_until(lambda: self.shown_for(name) == name), self.shown_for(name))
            self.assertTrue(wait_until(lambda: self.shown_for(name, "pop3") == name))
            self.assertTrue(wait_until(lambda: self.shown_for(name, None) == name))
        self.assertEqual(self.shown_for("unknown.example"), "mx.example.test")

    def test_a_renewed_certificate_is_shown_while_sessions_go_on(self):
        name = "renewed.example.org"
        self.install(name, *self.make_pair(name))
        self.assertTrue(wait_until(lambda: self.shown_for(name) == name))
        with smtplib.SMTP(*self.mail.smtp, timeout=20) as client:
            client.starttls(context=context())
            certificate, key = self.make_pair(name, days=60)
            self.assertIn("installed", self.install(name, certificate, key))
            wanted = openssl("x509", "-in", certificate, "-noout", "-serial").strip()

            def shown():
                text = self.s_client("-servername", name)
                body = re.search(r"-----BEGIN CERT.*END CERTIFICATE-----", text, re.S)
                return body and wanted in openssl("x509", "-noout", "-serial", stdin=body.group(0).encode())

            self.assertTrue(wait_until(shown))
            self.assertEqual(client.ehlo()[0], 250)
        self.assertIn("unchanged", self.install(name, certificate, key))

    def test_install_refuses_what_cannot_work(self):
        certificate, key = self.make_pair("good.example")
        _, other_key = self.make_pair("other.example")
        for arguments, code in (((certificate, other_key), "key_mismatch"), ((key, key), "bad_certificate"),
                                ((certificate, certificate), "bad_key")):
            done = self.mail.ctl("tls", "install", "good.example", "--json", "--cert", arguments[0], "--key",
                                 arguments[1], check=False)
            self.assertEqual(done.returncode, 6, done)
            self.assertIn(code, done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.mail.root, "tls", "good.example")))

    def test_list_and_modes(self):
        name = "listed.example.org"
        self.install(name, *self.make_pair(name, days=10))
        rows = {row["certificate"]: row
                for row in json.loads(self.mail.ctl("tls", "list", "--json"))["certificates"]}
        self.assertEqual(rows["(default)"]["state"], "self-signed")
        self.assertGreater(rows["(default)"]["days_left"], 3600)
        self.assertEqual(rows[name]["state"], "expires soon")
        self.assertIn(rows[name]["days_left"], (9, 10))
        for folder in ("", name):
            path = os.path.join(self.mail.root, "tls", folder, "key.pem")
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertTrue(wait_until(
            lambda: "expire within 21 days" in self.mail.ctl("status", check=False).stdout))

    # -- the keeper of the keys

    def test_front_ends_do_not_have_the_key(self):
        """Their whole memory is searched for it, while they work; keyd's own shows that it would be found."""
        text = openssl("pkey", "-in", os.path.join(self.mail.root, "tls", "key.pem"), "-noout", "-text")
        digits = re.search(r"priv:\s+((?:[0-9a-f:]+\s+)+)pub:", text).group(1)
        secret = bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits)).lstrip(b"\0")[:32]
        for _ in range(20):
            self.assertTrue(self.handshakes())
        found = {}
        for name, pids in self.mail.children().items():
            found[name] = any(has_in_memory(pid, form) for pid in pids for form in (secret, secret[::-1]))
        self.assertEqual({name for name, has in found.items() if has}, {"toast-keyd"})

    def test_when_keyd_is_killed_sessions_go_on_and_handshakes_come_back(self):
        smtp = smtplib.SMTP(*self.mail.smtp, timeout=20)
        smtp.starttls(context=context())
        clear = smtplib.SMTP(*self.mail.smtp, timeout=20)
        clear.ehlo()
        pop3 = poplib.POP3_SSL(*self.pop3s, context=context(), timeout=20)
        (keyd,) = self.mail.children()["toast-keyd"]
        os.kill(keyd, signal.SIGSTOP)  # silent first: neither dead nor answering
        try:
            began = time.monotonic()
            self.assertFalse(self.handshakes())
            self.assertLess(time.monotonic() - began, 10)
        finally:
            os.kill(keyd, signal.SIGKILL)
        self.assertIn(clear.docmd("STARTTLS")[0], (454, 220))  # 220: it is back already
        clear.close()
        self.assertEqual(smtp.ehlo()[0], 250)
        pop3.user("ann@example.org")
        pop3.pass_(PASSWORD)
        pop3.quit()
        smtp.quit()
        self.assertTrue(wait_until(self.handshakes))
        self.assertNotEqual(self.mail.children()["toast-keyd"], [keyd])


class OnlyEncrypted(TlsTest):
    """The same again with TLS 1.3 alone and no passwords in clear text."""
    settings = {"smtptlsversion": "1.3", "pop3tlsversion": "1.3", "pop3cleartext": "no"}

    def test_old_versions_are_refused(self):
        self.assertIn("Cipher is (NONE)", self.s_client("-tls1_2"))
        self.assertIn("Cipher is (NONE)", self.s_client("-tls1_2", starttls="pop3"))
        self.assertNotIn("Cipher is (NONE)", self.s_client("-tls1_3"))

    def test_passwords_in_clear_are_refused(self):
        client = poplib.POP3(*self.mail.pop3, timeout=20)
        self.assertNotIn("USER", client.capa())
        with self.assertRaisesRegex(poplib.error_proto, "STLS first"):
            client.user("ann@example.org")
        client.stls(context=context())
        self.assertIn("USER", client.capa())
        client.user("ann@example.org")
        client.pass_(PASSWORD)
        client.quit()

    # What speaks TLS 1.2, or has nothing to do with these settings.
    test_no_renegotiation_no_compression_no_tickets_in_tls12 = None
    test_weak_ciphers_are_refused = None
    test_python_pop3_with_stls = None
    test_front_ends_do_not_have_the_key = None
    test_when_keyd_is_killed_sessions_go_on_and_handshakes_come_back = None
    test_names_choose_certificates = None
    test_a_renewed_certificate_is_shown_while_sessions_go_on = None
    test_install_refuses_what_cannot_work = None
    test_list_and_modes = None


def has_in_memory(pid, secret):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, modes = line.split()[:2]
            if "r" not in modes or "[v" in line:
                continue
            start, end = (int(number, 16) for number in span.split("-"))
            try:
                memory.seek(start)
                if secret in memory.read(end - start):
                    return True
            except OSError:
                continue
    return False


if __name__ == "__main__":
    unittest.main()
