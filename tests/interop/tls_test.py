"""Encrypted SMTP and POP3 with clients that nobody here wrote: openssl s_client, swaks, curl, Python. Who has the
private key and who has not; what happens when its keeper dies; certificates that come and go."""

import base64
import contextlib
import json
import os
import poplib
import re
import shutil
import signal
import smtplib
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from toast_instance import ROOT, Instance, program

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


def shake_by_hand(plain):
    """(TLS, what it received, what it would send), with the last bytes of the handshake still to be sent."""
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context().wrap_bio(received, sent)
    while True:
        try:
            secure.do_handshake()
            return secure, received, sent
        except ssl.SSLWantReadError:
            plain.sendall(sent.read())
            received.write(plain.recv(10000))


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

    def serial_of(self, certificate):
        return openssl("x509", "-in", certificate, "-noout", "-serial").strip()

    def serial_shown(self, name):
        body = re.search(r"-----BEGIN CERT.*?END CERTIFICATE-----", self.s_client("-servername", name), re.S)
        return body and openssl("x509", "-noout", "-serial", stdin=body.group(0).encode()).strip()

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
                secure, received, sent = shake_by_hand(plain)
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
            self.assertTrue(wait_until(lambda: self.serial_shown(name) == self.serial_of(certificate)))
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

    # -- as ACME clients call it

    def hook(self, words, **more):
        """A shell runs it, as root's, where the instance is the only one."""
        folder = os.path.join(self.files, "path")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "toastctl"), "w") as script:
            script.write(f'#!/bin/sh\nexec {program("toastctl")} --root {self.mail.root} "$@"\n')
        os.chmod(script.name, 0o755)
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", **more}
        return subprocess.run(["/bin/sh", "-c", words], env=environment, capture_output=True, text=True, timeout=60)

    def issue(self, name, number):
        """By an intermediate authority: (certificate, chain, key), as an ACME client gets them."""
        made = {what: os.path.join(self.files, f"{name}.{number}.{what}") for what in
                ("root", "rootkey", "ca", "cakey", "leaf", "key", "csr", "ext")}
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *curve, "-keyout", made["rootkey"], "-out", made["root"], "-subj", "/CN=Root")
        for who, by, subject, extension in (("ca", "root", "/CN=Issuer", "basicConstraints=critical,CA:TRUE"),
                                            ("leaf", "ca", f"/CN={name}", f"subjectAltName=DNS:{name}")):
            key = made["cakey" if who == "ca" else "key"]
            openssl("req", *curve, "-keyout", key, "-out", made["csr"], "-subj", subject)
            with open(made["ext"], "w") as file:
                file.write(extension + "\n")
            openssl("x509", "-req", "-in", made["csr"], "-CA", made[by], "-CAkey", made[f"{by}key"],
                    "-CAcreateserial", "-days", "90", "-extfile", made["ext"], "-out", made[who])
        return made["leaf"], made["ca"], made["key"]

    def test_certbots_deploy_hook(self):
        name = "certbot.example.org"
        live, archive = (os.path.join(self.files, "letsencrypt", part, name) for part in ("live", "archive"))
        os.makedirs(live)
        os.makedirs(archive)
        for number in (1, 2):  # the first one, and its renewal
            leaf, issuer, key = self.issue(name, number)
            for what, parts in (("cert", [leaf]), ("chain", [issuer]), ("fullchain", [leaf, issuer]),
                                ("privkey", [key])):
                stored = os.path.join(archive, f"{what}{number}.pem")
                with open(stored, "w") as out:
                    out.write("".join(text_of(part) for part in parts))
                os.chmod(stored, 0o600 if what == "privkey" else 0o644)
                link = os.path.join(live, f"{what}.pem")
                if os.path.lexists(link):
                    os.unlink(link)
                os.symlink(f"../../archive/{name}/{what}{number}.pem", link)
            done = self.hook(documented("certbot"), RENEWED_LINEAGE=live, RENEWED_DOMAINS=name)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("installed", done.stdout)
            self.assertNotIn("warning", done.stderr)
            self.assertTrue(wait_until(lambda: self.serial_shown(name) == self.serial_of(leaf)))
        # All that clients need to trust it comes along.
        self.assertEqual(self.s_client("-servername", name, "-showcerts").count("BEGIN CERTIFICATE"), 2)
        done = self.hook(documented("certbot"), RENEWED_LINEAGE=live, RENEWED_DOMAINS=name)
        self.assertIn("unchanged", done.stdout)

    def test_acme_shs_reload_command(self):
        name = "acme.example.org"
        folder = os.path.join(self.files, f"{name}_ecc")
        os.makedirs(folder)
        leaf, issuer, key = self.issue(name, 1)
        shutil.copy(key, os.path.join(folder, f"{name}.key"))
        with open(os.path.join(folder, "fullchain.cer"), "w") as out:
            # acme.sh keeps what the authority sent, empty lines between the certificates included.
            out.write(text_of(leaf) + "\n" + text_of(issuer) + "\n")
        given = {"Le_Domain": name, "CERT_KEY_PATH": os.path.join(folder, f"{name}.key"),
                 "CERT_FULLCHAIN_PATH": os.path.join(folder, "fullchain.cer"),
                 "CERT_PATH": os.path.join(folder, f"{name}.cer"), "CA_CERT_PATH": os.path.join(folder, "ca.cer")}
        done = self.hook(f"cd {folder} && eval '{documented('acme.sh')}'", **given)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(wait_until(lambda: self.serial_shown(name) == self.serial_of(leaf)))

    # -- certificates of the credentials' database

    def install_in_database(self, name, certificate, key, check=True):
        return self.mail.ctl("tls", "install", name, "--database", "--cert", certificate, "--key", key, check=check)

    def listed(self, source):
        rows = json.loads(self.mail.ctl("tls", "list", "--json"))["certificates"]
        return {row["certificate"]: row for row in rows if row["source"] == source}

    def serial_becomes(self, name, certificate):
        return wait_until(lambda: self.serial_shown(name) == self.serial_of(certificate))

    def test_a_certificate_of_the_database_is_shown_without_a_restart(self):
        name = "stored.example.org"
        before = self.mail.children()
        first = self.make_pair(name)
        self.assertEqual(self.shown_for(name), "mx.example.test")
        self.install_in_database(name, *first)
        self.assertTrue(self.serial_becomes(name, first[0]), self.mail.log()[-2000:])
        self.assertTrue(self.serial_of(first[0]))
        self.assertEqual(self.listed("database")[name]["state"], "self-signed")
        self.assertIn("unchanged", self.install_in_database(name, *first))
        shutil.copy(first[0], first[0] + ".first")
        renewed = self.make_pair(name)
        self.install_in_database(name, *renewed)
        self.assertTrue(self.serial_becomes(name, renewed[0]))
        self.assertEqual(before, self.mail.children())

        # A folder comes before it; a keyd that begins anew gets it again.
        shutil.copy(renewed[0], renewed[0] + ".stored")
        by_file = self.make_pair(name)
        self.install(name, *by_file)
        self.assertTrue(self.serial_becomes(name, by_file[0]))
        self.assertIn("comes before it", self.listed("database")[name]["reason"])
        self.mail.ctl("tls", "remove", name, "--yes")
        self.assertTrue(self.serial_becomes(name, renewed[0] + ".stored"))
        keyd = self.mail.children()["toast-keyd"]
        os.kill(keyd[0], signal.SIGKILL)
        self.assertTrue(wait_until(lambda: self.mail.children().get("toast-keyd", keyd) != keyd and self.handshakes()))
        self.assertTrue(self.serial_becomes(name, renewed[0] + ".stored"))

        self.mail.ctl("tls", "remove", name, "--database", "--yes")
        self.assertTrue(wait_until(lambda: self.shown_for(name) == "mx.example.test"))
        self.assertEqual(self.mail.ctl("tls", "remove", name, "--database", "--yes", check=False).returncode, 3)
        self.assertEqual(self.listed("database"), {})

    def change_row(self, statement, *values):
        """As whoever has the database could."""
        with contextlib.closing(sqlite3.connect(os.path.join(self.mail.root, "db-auth", "credentials.db"))) as database:
            with database:
                database.execute(statement, values)

    def test_rows_that_cannot_be_used_are_refused_and_the_others_served(self):
        names = {what: f"{what}.stored.example.org" for what in ("good", "damaged", "mismatched", "expired")}
        for what, name in names.items():
            pair = self.make_pair(name)
            if what == "good":
                good = pair
            self.install_in_database(name, *pair)
            self.assertTrue(wait_until(lambda: self.shown_for(name) == name))
        elsewhere = Instance(hostname="mx2.example.test")  # another node, with a sealing key of its own
        other = "other.stored.example.org"
        try:
            pair = self.make_pair(other)
            elsewhere.ctl("tls", "install", other, "--database", "--cert", pair[0], "--key", pair[1])
            with contextlib.closing(sqlite3.connect(os.path.join(elsewhere.root, "db-auth", "credentials.db"))) as there:
                foreign = there.execute("SELECT domain, chain, sealed_key, sealed_for, changed_us FROM certificate"
                                        ).fetchone()
        finally:
            elsewhere.remove()
        # keyd keeps what it could use before; so it has to begin anew.
        expired, _ = self.expired_pair(names["expired"])
        with open(expired) as file:
            self.change_row("UPDATE certificate SET chain=?, changed_us=changed_us+1 WHERE domain=?", file.read(),
                            names["expired"])
        self.change_row("UPDATE certificate SET sealed_key='AAAA' || substr(sealed_key, 5), changed_us=changed_us+1"
                        " WHERE domain=?", names["damaged"])
        self.change_row("UPDATE certificate SET changed_us=changed_us+1, sealed_key="
                        "(SELECT sealed_key FROM certificate WHERE domain=?) WHERE domain=?", names["good"],
                        names["mismatched"])
        self.change_row("INSERT INTO certificate VALUES (?, ?, ?, ?, ?)", *foreign)
        self.mail.process.send_signal(signal.SIGHUP)
        self.assertTrue(wait_until(lambda: "4 TLS certificates cannot be used" in
                                   self.mail.ctl("status", check=False).stdout), self.mail.log()[-3000:])
        self.assertEqual(self.shown_for(names["damaged"]), names["damaged"], "the one from before stays")
        before = len(self.mail.log())
        os.kill(self.mail.children()["toast-keyd"][0], signal.SIGKILL)
        self.assertTrue(wait_until(lambda: self.mail.log()[before:].count("keyd.certificate.unusable") == 4))
        self.assertTrue(self.serial_becomes(names["good"], good[0]))
        for name in (names["damaged"], names["mismatched"], names["expired"], other):
            self.assertEqual(self.shown_for(name), "mx.example.test")
            self.assertRegex(self.mail.log()[before:], f"keyd.certificate.unusable.*{name}")
            self.assertEqual(self.listed("database")[name]["state"], "unusable")
        for reason in ("sealed for another key", "is not that of its certificate", "has expired"):
            self.assertIn(reason, self.mail.log()[before:])
        refused = self.install_in_database(names["good"], *good, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("sealing key of another node", refused.stderr)
        for name in (*names.values(), other):
            self.mail.ctl("tls", "remove", name, "--database", "--yes")
        self.assertTrue(wait_until(lambda: "cannot be used" not in self.mail.ctl("status", check=False).stdout))

    def test_what_is_not_taken_into_the_database(self):
        pair = self.make_pair("named.example.org")
        done = self.install_in_database("else.example.org", *pair, check=False)
        self.assertIn("not for else.example.org", done.stderr)
        self.assertEqual(self.install_in_database("named.example.org", *self.expired_pair("named.example.org"),
                                                  check=False).returncode, 6)
        self.assertEqual(self.listed("database"), {})

    # -- files that cannot be used, and what the operator is told

    def expired_pair(self, name):
        """openssl req makes none; its authority does."""
        certificate, key = self.make_pair(name)
        folder = tempfile.mkdtemp(dir=self.files)
        config = os.path.join(folder, "ca.cnf")
        with open(config, "w") as file:
            file.write(f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index\nrand_serial=yes\nnew_certs_dir={folder}\n"
                       "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n")
        open(os.path.join(folder, "index"), "w").close()
        request = os.path.join(folder, "csr")
        openssl("req", "-new", "-key", key, "-out", request, "-subj", f"/CN={name}")
        openssl("ca", "-batch", "-config", config, "-selfsign", "-keyfile", key, "-in", request, "-notext",
                "-out", certificate, "-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
        return certificate, key

    def test_what_the_operator_is_told_of_files_that_cannot_be_used(self):
        name = "trouble.example.org"
        good = self.make_pair(name)
        _, other_key = self.make_pair("another.example.org")
        locked = os.path.join(self.files, "locked.pem")
        openssl("pkey", "-in", good[1], "-aes256", "-passout", "pass:x", "-out", locked)
        cut = os.path.join(self.files, "cut.pem")
        with open(good[0]) as whole, open(cut, "w") as half:
            half.write(whole.read()[:300])
        missing = os.path.join(self.files, "missing.pem")
        cases = {"mismatch": ((good[0], other_key), 6, "key_mismatch", "is not the key of the certificate"),
                 "expired": (self.expired_pair("old.example.org"), 6, "certificate_expired", None),
                 "cut": ((cut, good[1]), 6, "bad_certificate", "certificate 1 in it is damaged"),
                 "passphrase": ((good[0], locked), 6, "bad_key", "passphrase"),
                 "missing": ((good[0], missing), 1, "No such file", "No such file"),
                 "a folder": ((good[0], self.files), 1, "Is a directory", "Is a directory")}
        for what, (pair, code, word, reason) in cases.items():
            with self.subTest(what=what, by="tls install"):
                done = self.mail.ctl("tls", "install", name, "--json", "--cert", pair[0], "--key", pair[1], check=False)
                self.assertEqual(done.returncode, code, done)
                self.assertIn(word, done.stderr)
        self.install(name, *good)
        self.assertTrue(wait_until(lambda: self.shown_for(name) == name))
        # The same put there by hand: what was there before stays in use.
        folder = os.path.join(self.mail.root, "tls", name)
        for what, (pair, _, _, reason) in cases.items():
            with self.subTest(what=what, by="hand"):
                before = len(self.mail.log())
                for source, target in zip(pair, ("cert.pem", "key.pem")):
                    path = os.path.join(folder, target)
                    if os.path.isdir(path):
                        os.rmdir(path)
                    elif os.path.exists(path):
                        os.unlink(path)
                    if os.path.isdir(source):
                        os.mkdir(path)
                    elif os.path.exists(source):
                        shutil.copy(source, path)
                        shutil.chown(path, os.stat(folder).st_uid)
                self.mail.process.send_signal(signal.SIGHUP)
                if what == "expired":  # it can be used, and is shown to clients: they decide
                    self.assertTrue(wait_until(lambda: "have expired" in self.mail.ctl("status", check=False).stdout))
                    state = "expired"
                else:
                    self.assertTrue(wait_until(lambda: reason in self.mail.log()[before:]), self.mail.log()[before:])
                    self.assertIn("keyd.certificate.unusable", self.mail.log()[before:])
                    self.assertTrue(wait_until(
                        lambda: "1 TLS certificates cannot be used" in self.mail.ctl("status", check=False).stdout))
                    state = "unusable"
                rows = json.loads(self.mail.ctl("tls", "list", "--json"))["certificates"]
                (row,) = (row for row in rows if row["certificate"] == name)
                self.assertEqual(row["state"], state)
                if state == "unusable":
                    self.assertIn(reason, row["reason"])
                self.assertTrue(self.handshakes())
        if os.path.isdir(os.path.join(folder, "key.pem")):
            os.rmdir(os.path.join(folder, "key.pem"))
        shutil.rmtree(folder)
        self.mail.process.send_signal(signal.SIGHUP)
        self.assertTrue(wait_until(lambda: "cannot be used" not in self.mail.ctl("status", check=False).stdout))

    # -- records that are cut off

    def test_truncated_and_oversized_records(self):
        hello = client_hello()
        refused = b"\x16\x03\x01\x48\x01" + b"x" * 2000  # longer than any record may be
        with socket.create_connection(self.pop3s, timeout=20) as idle, \
                context().wrap_socket(idle) as bystander:
            self.assertIn(b"+OK", bystander.recv(1000))
            for first in (hello[:1], hello[:5], hello[:len(hello) // 2], hello[:-1], refused):
                with socket.create_connection(self.pop3s, timeout=20) as client:
                    client.sendall(first)
                    client.shutdown(socket.SHUT_WR)
                    answer = b""
                    while block := client.recv(1000):
                        answer += block
                    self.assertNotIn(b"+OK", answer)
            # Within a session: a record that breaks off ends it, and nothing of it counts.
            with socket.create_connection(self.pop3s, timeout=20) as plain:
                secure, received, sent = shake_by_hand(plain)
                secure.write(b"QUIT\r\n")
                plain.sendall(sent.read()[:-1])
                plain.shutdown(socket.SHUT_WR)
                while block := plain.recv(10000):
                    received.write(block)
                received.write_eof()
                answer = b""
                while block := secure.read(10000):
                    answer += block
                self.assertEqual(answer.count(b"+OK"), 1, answer)  # the greeting, and no "+OK bye"
            bystander.sendall(b"CAPA\r\n")
            self.assertIn(b"+OK", bystander.recv(1000))
        self.assertIn("pop3.tls.failed", self.mail.log())

    # -- the keeper of the keys

    def test_front_ends_do_not_have_the_keys(self):
        """Their whole memory is searched for them, again and again under a load of handshakes; keyd's own shows
        that they would be found."""
        names = {"mx.example.test": "ec"}
        for kind in ("ec", "rsa"):
            names[f"secret-{kind}.example.org"] = kind
            self.install(f"secret-{kind}.example.org", *self.make_pair(f"secret-{kind}.example.org", kind=kind))
        stored = "secret-stored.example.org"
        names[stored] = "ec"
        stored_pair = self.make_pair(stored)
        self.install_in_database(stored, *stored_pair)
        secrets = {}
        for name in names:
            path = os.path.join(self.mail.root, "tls", "" if name == "mx.example.test" else name, "key.pem")
            if name == stored:
                path = stored_pair[1]
            self.assertTrue(wait_until(lambda: self.shown_for(name) == name))
            secrets[name] = forms_of(path)
        stop = threading.Event()
        failures = []

        def shake_on(name):
            asked = context()
            while not stop.is_set():
                try:
                    with socket.create_connection(self.pop3s, timeout=20) as plain:
                        asked.wrap_socket(plain, server_hostname=name).close()
                    with smtplib.SMTP(*self.mail.smtp, timeout=20) as client:
                        client.starttls(context=asked)
                except OSError as error:
                    failures.append(error)
        load = [threading.Thread(target=shake_on, args=(name,)) for name in names for _ in range(2)]
        for thread in load:
            thread.start()
        try:
            searches = 0
            deadline = time.monotonic() + 5
            found = set()
            while time.monotonic() < deadline or searches == 0:
                for program_name, pids in self.mail.children().items():
                    for pid in pids:
                        for name in names:
                            if has_in_memory(pid, secrets[name]):
                                found.add((program_name, name))
                searches += 1
        finally:
            stop.set()
            for thread in load:
                thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(found, {("toast-keyd", name) for name in names})
        folder = os.path.join(self.mail.root, "db-auth")
        for file in os.listdir(folder):
            with open(os.path.join(folder, file), "rb") as database:
                text = database.read()
            self.assertFalse([form for form in secrets[stored] if form in text], file)
        self.mail.ctl("tls", "remove", stored, "--database", "--yes")

    def test_the_keys_memory_is_locked(self):
        """Nothing of keyd gets into swap space; where that is not allowed, status says so. No other program may lock
        memory."""
        locked = {name: sum(locked_kilobytes(pid) for pid in pids) for name, pids in self.mail.children().items()}
        gaps = [gap for gap in json.loads(self.mail.ctl("status", "--json"))["sandbox_gaps"] if "locked memory" in gap]
        self.assertNotEqual(locked.pop("toast-keyd") > 0, bool(gaps), gaps)
        if os.getuid() == 0:
            self.assertEqual(gaps, [])
        self.assertEqual(set(locked.values()), {0}, locked)

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
    test_front_ends_do_not_have_the_keys = None
    test_certbots_deploy_hook = None
    test_acme_shs_reload_command = None
    test_what_the_operator_is_told_of_files_that_cannot_be_used = None
    test_when_keyd_is_killed_sessions_go_on_and_handshakes_come_back = None
    test_names_choose_certificates = None
    test_a_renewed_certificate_is_shown_while_sessions_go_on = None
    test_install_refuses_what_cannot_work = None
    test_list_and_modes = None


class FloorOfEachListener(unittest.TestCase):
    def test_the_oldest_version_is_each_listeners_own(self):
        floors = ("smtptlsversion", "submissiontlsversion", "pop3tlsversion")
        ports = {"smtptlsversion": ((25, "smtp"),), "submissiontlsversion": ((587, "smtp"), (465, None)),
                 "pop3tlsversion": ((110, "pop3"), (995, None))}
        with Instance(settings={name: "1.2" for name in floors}) as mail:
            mail.start()
            for strict in floors:
                for name in floors:
                    mail.ctl("config", "set", name, "1.3" if name == strict else "1.2")
                before = mail.log().count("toastd.reload.done")
                mail.process.send_signal(signal.SIGHUP)
                self.assertTrue(wait_until(lambda: mail.log().count("toastd.reload.done") > before))
                for name in floors:
                    for port, starttls in ports[name]:
                        with self.subTest(strict=strict, port=port):
                            how = ["-starttls", starttls] if starttls else []
                            for version, works in (("-tls1_2", name != strict), ("-tls1_3", True)):
                                text = openssl("s_client", "-connect", f"127.0.0.1:{mail.base + port}", version, *how,
                                               check=False)
                                self.assertEqual("Cipher is (NONE)" not in text, works, text)


def documented(client):
    """The hook as docs/tls.md has it: between the quotes of the line that begins with the client's name."""
    with open(os.path.join(ROOT, "docs", "tls.md")) as page:
        text = page.read()
    return re.search(rf"^{re.escape(client)} [^']*'([^']*)'", text, re.M).group(1)


def text_of(path):
    with open(path) as file:
        return file.read()


def client_hello():
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context().wrap_bio(received, sent).do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()


def forms_of(path):
    """A private key in every form in which it could lie in memory: the file's text and what it encodes, and the
    secret numbers of it in both byte orders."""
    text = openssl("pkey", "-in", path, "-noout", "-text")
    forms = []
    for number in re.findall(r"(?:priv|privateExponent|prime1|prime2|exponent1|exponent2|coefficient):\s+"
                             r"((?:[0-9a-f]{2}:?\s*)+)", text):
        secret = bytes.fromhex(re.sub(r"[^0-9a-f]", "", number)).lstrip(b"\0")[:32]
        forms += [secret, secret[::-1]]
    with open(path) as file:
        lines = [line.strip() for line in file if "-----" not in line]
    body = "".join(lines)
    forms += [lines[1].encode(), base64.b64decode(body)[8:72]]
    return forms


def locked_kilobytes(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmLck:"))


def has_in_memory(pid, secrets):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, modes = line.split()[:2]
            if "r" not in modes or "[v" in line:
                continue
            start, end = (int(number, 16) for number in span.split("-"))
            try:
                memory.seek(start)
                bytes_there = memory.read(end - start)
                if any(secret in bytes_there for secret in secrets):
                    return True
            except OSError:
                continue
    return False


if __name__ == "__main__":
    unittest.main()
