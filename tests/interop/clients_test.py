"""Programs that nobody here wrote log in, each by every mechanism that it and we both have: over SMTP they hand in a
message, over POP3 they fetch one. docs/authd.md has the table; this test has the same."""

import base64
import os
import poplib
import pty
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from real_input_test import as_ordinary_user, make_maildir
from rude_hosts import Host, good
from tls_test import context
from toast_instance import ROOT, Instance, wait_until
from wire_client import submit

ANN = "ann@example.org"
PASSWORD = "correct horse"
FAR = "far@elsewhere.example"
PASS, PLAIN, LOGIN, SCRAM, PLUS = "USER/PASS", "PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"
CRAM, APOP = "CRAM-MD5", "APOP"
# What each of Debian 12 can do of what we offer.
SMTP = {
    "curl": (PLAIN, LOGIN, CRAM),
    "gsasl": (PLAIN, LOGIN, SCRAM, PLUS, CRAM),
    "msmtp": (PLAIN, LOGIN, SCRAM, CRAM),
    "mutt": (PLAIN, LOGIN, SCRAM, CRAM),
    "openssl s_client": (PLAIN, LOGIN),
    "Python smtplib": (PLAIN, LOGIN, CRAM),
    "swaks": (PLAIN, LOGIN, CRAM),
}
POP3 = {
    "curl": (PLAIN, LOGIN, CRAM, APOP),
    "fetchmail": (PASS, CRAM, APOP),
    "getmail": (PASS, APOP),
    "mutt": (PASS, PLAIN, LOGIN, SCRAM, CRAM, APOP),
    "openssl s_client": (PASS, PLAIN, LOGIN),
    "Python poplib": (PASS, APOP),
}


def b64(text):
    return base64.b64encode(text.encode()).decode()


def sasl_lines(mechanism):
    if mechanism == PASS:
        return [f"USER {ANN}", f"PASS {PASSWORD}"]
    if mechanism == PLAIN:
        return ["AUTH PLAIN " + b64(f"\0{ANN}\0{PASSWORD}")]
    return ["AUTH LOGIN", b64(ANN), b64(PASSWORD)]


class SaysEhlo:
    """Carries one connection to a port of submission, byte for byte, with an EHLO in front of what the client says."""

    def __init__(self, port):
        self.far = socket.create_connection(("127.0.0.1", port), 30)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.carry, daemon=True).start()

    def carry(self):
        greeting = self.far.recv(4096)
        self.far.sendall(b"EHLO client.example\r\n")
        while not re.search(rb"(?m)^250 ", self.far.recv(4096)):
            pass
        with self.listener:
            near = self.listener.accept()[0]
        with near:
            near.sendall(greeting)
            threading.Thread(target=self.pump, args=(near, self.far), daemon=True).start()
            self.pump(self.far, near)

    @staticmethod
    def pump(source, to):
        try:
            while block := source.recv(65536):
                to.sendall(block)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one of them has gone

    def close(self):
        self.far.close()


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.far = Host(good)
        cls.addClassCleanup(cls.far.close)
        cls.mail = Instance(settings={
            "passwordopslimit": 1, "passwordmemlimit": 8192, "authscram": "yes", "authcram": "yes", "vchkpwlog": "true", "smtpprocesses": 1,
            "pop3processes": 1, "smtproutes": f":127.0.0.1:{cls.far.port}"})
        cls.addClassCleanup(cls.mail.remove)
        cls.mail.ctl("domain", "add", "example.org")
        cls.mail.add_mailbox(ANN, PASSWORD)
        cls.mail.ctl("mailbox", "set", ANN, "--reversible=on")
        cls.mail.start()
        cls.submission, cls.submissions = cls.mail.base + 587, cls.mail.base + 465
        cls.pop3, cls.pop3s = cls.mail.base + 110, cls.mail.base + 995
        cls.home = tempfile.mkdtemp(prefix="clients-", dir=cls.mail.directory)
        cls.certificate = os.path.join(cls.home, "certificate")
        with open(cls.certificate, "w") as file:
            file.write(ssl.get_server_certificate(("127.0.0.1", cls.submissions)))
        assert submit(cls.mail, "waits for you", ANN).startswith("250")
        wait_until(lambda: cls.count() == 1, "a message to fetch")
        wait_until(lambda: "auth.reversible.kept" in cls.mail.log(), "the password is kept")

    @classmethod
    def count(cls):
        client = poplib.POP3("127.0.0.1", cls.pop3, timeout=30)
        client.user(ANN)
        client.pass_(PASSWORD)
        count = client.stat()[0]
        client.quit()
        return count

    def run_client(self, words, given=None, code=0, environment=None):
        done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=60,
                              env={**os.environ, "HOME": self.home, **(environment or {})})
        self.assertEqual(done.returncode, code, f"{words}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.home, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def arrived(self, subject):
        wanted = f"Subject: {subject}\r\n".encode()
        return wait_until(lambda: any(wanted in m for m in self.far.messages), f"'{subject}' at the other host", 30)

    def letter(self, subject):
        return f"From: {ANN}\nTo: {FAR}\nSubject: {subject}\n\nhello\n"

    # --- SMTP: each hands in a message

    def smtp_curl(self, mechanism, subject):
        letter = self.file("letter", self.letter(subject))
        said = self.run_client(["curl", "-sS", "-v", "-k", "--ssl-reqd", "--user", f"{ANN}:{PASSWORD}",
                                "--login-options", f"AUTH={mechanism}", "--mail-from", ANN, "--mail-rcpt", FAR, "--crlf",
                                "-T", letter, f"smtp://127.0.0.1:{self.submission}/client.example"])
        self.assertIn(f"> AUTH {mechanism}", said)

    def smtp_gsasl(self, mechanism, subject):
        """Logs in, and that is all it can. It says STARTTLS before EHLO, where we refuse it."""
        relay = SaysEhlo(self.submission)
        self.addCleanup(relay.close)
        said = self.run_client(["gsasl", "--smtp", f"--connect=127.0.0.1:{relay.port}", "--starttls",
                                "--x509-ca-file=", "-m", mechanism, "-a", ANN, "-p", PASSWORD,
                                "--verbose", *(() if mechanism == PLUS else ("--no-cb",))], given="")
        self.assertIn(f"AUTH {mechanism}", said)
        self.assertIn("235 2.7.0", said)
        return False

    def smtp_msmtp(self, mechanism, subject):
        self.run_client(["msmtp", "--file=/dev/null", "--host=127.0.0.1", f"--port={self.submission}", "--tls=on",
                         "--tls-starttls=on", "--tls-certcheck=off", f"--auth={mechanism.lower()}", f"--user={ANN}",
                         f"--passwordeval=echo {PASSWORD}", f"--from={ANN}", FAR], given=self.letter(subject))

    def mutt(self, more):
        return self.file("muttrc", f"""set from={ANN} hostname=client.example copy=no use_from=yes
set certificate_file={self.certificate} ssl_verify_host=no ssl_starttls=yes ssl_force_tls=yes
set smtp_pass="{PASSWORD}" pop_pass="{PASSWORD}" pop_user="{ANN}" pop_delete=no
set folder={self.home} spoolfile={self.home}/none record="" move=no
set confirmcreate=no confirmappend=no delete=no quit=yes header_cache="" message_cachedir="" sleep_time=0
{more}
""")

    def smtp_mutt(self, mechanism, subject):
        rc = self.mutt(f'set smtp_url="smtp://{ANN.replace("@", "%40")}@127.0.0.1:{self.submission}/"\n'
                       f'set smtp_authenticators="{mechanism.lower()}"')
        self.run_client(["mutt", "-n", "-F", rc, "-s", subject, "--", FAR], given="hello\n")

    def smtp_openssl_s_client(self, mechanism, subject):
        said = self.run_client(["openssl", "s_client", "-quiet", "-crlf", "-starttls", "smtp", "-connect",
                                f"127.0.0.1:{self.submission}"], given="\n".join(
            ["EHLO client.example", *sasl_lines(mechanism), f"MAIL FROM:<{ANN}>", f"RCPT TO:<{FAR}>", "DATA",
             self.letter(subject) + ".", "QUIT"]) + "\n")
        self.assertIn("235 2.7.0", said)

    def smtp_Python_smtplib(self, mechanism, subject):
        with smtplib.SMTP("127.0.0.1", self.submission, timeout=30) as client:
            client.starttls(context=context())
            client.ehlo()
            client.user, client.password = ANN, PASSWORD
            method = {PLAIN: client.auth_plain, LOGIN: client.auth_login, CRAM: client.auth_cram_md5}[mechanism]
            self.assertEqual(client.auth(mechanism, method)[0], 235)
            client.sendmail(ANN, [FAR], self.letter(subject))

    def smtp_swaks(self, mechanism, subject):
        self.run_client(["swaks", "--server", f"127.0.0.1:{self.submission}", "--tls", "--auth", mechanism, "--auth-user",
                         ANN, "--auth-password", PASSWORD, "--from", ANN, "--to", FAR, "--ehlo", "client.example",
                         "--header", f"Subject: {subject}"])

    # --- POP3: each has the message in the end

    def pop3_curl(self, mechanism):
        said = self.run_client(["curl", "-sS", "-v", "-k", "--ssl-reqd", "--user", f"{ANN}:{PASSWORD}",
                                "--login-options", "AUTH=+APOP" if mechanism == APOP else f"AUTH={mechanism}",
                                f"pop3://127.0.0.1:{self.pop3}/1"])
        self.assertIn("> APOP" if mechanism == APOP else f"> AUTH {mechanism}", said)
        return said

    def pop3_fetchmail(self, mechanism):
        taken = os.path.join(self.home, "fetched" + re.sub(r"\W", "", mechanism))
        how = {PASS: "pop3 auth password", CRAM: "pop3 auth cram-md5", APOP: "apop"}[mechanism]
        rc = self.file("fetchmailrc", f'poll 127.0.0.1 service {self.pop3s} protocol {how} user "{ANN}" '
                                      f'password "{PASSWORD}" ssl no sslcertck keep fetchall mda "cat >> {taken}"\n')
        self.run_client(["fetchmail", "-f", rc, "--nosyslog", "-v"], environment={"FETCHMAILHOME": self.home})
        with open(taken) as file:
            return file.read()

    def pop3_getmail(self, mechanism):
        with tempfile.TemporaryDirectory() as home:
            maildir = make_maildir(home)
            with open(os.path.join(home, "getmailrc"), "w") as file:
                file.write(f"""[retriever]
type = SimplePOP3SSLRetriever
server = 127.0.0.1
port = {self.pop3s}
username = {ANN}
password = {PASSWORD}
use_apop = {mechanism == APOP}
[destination]
type = Maildir
path = {maildir}/
[options]
delete = false
""")
            self.run_client([*as_ordinary_user(home), "getmail", "--getmaildir", home])
            [name] = os.listdir(os.path.join(maildir, "new"))
            with open(os.path.join(maildir, "new", name)) as file:
                return file.read()

    def pop3_mutt(self, mechanism):
        """It wants a terminal."""
        taken = os.path.join(self.home, "mbox" + re.sub(r"\W", "", mechanism))
        authenticators = "user" if mechanism == PASS else mechanism.lower()
        rc = self.mutt(f'set pop_authenticators="{authenticators}"\n'
                       f'push "<copy-message><kill-line>{taken}<enter><exit>"')
        child, terminal = pty.fork()
        if child == 0:
            os.environ.update(TERM="xterm", HOME=self.home)
            os.execvp("mutt", ["mutt", "-n", "-F", rc, "-f", f"pops://127.0.0.1:{self.pop3s}/"])
        said = b""
        try:
            while more := os.read(terminal, 4096):
                said += more
                if b"ailed" in said and not os.path.exists(taken):
                    os.kill(child, signal.SIGTERM)
        except OSError:
            pass  # it has ended
        os.waitpid(child, 0)
        os.close(terminal)
        self.assertTrue(os.path.exists(taken), said[-2000:])
        with open(taken) as file:
            return file.read()

    def pop3_openssl_s_client(self, mechanism):
        lines = [*sasl_lines(mechanism), "RETR 1", "QUIT"]  # without -quiet s_client takes a line's "R" for itself
        return self.run_client(["openssl", "s_client", "-quiet", "-crlf", "-connect", f"127.0.0.1:{self.pop3s}"],
                               given="\n".join(lines) + "\n")

    def pop3_Python_poplib(self, mechanism):
        client = poplib.POP3_SSL("127.0.0.1", self.pop3s, timeout=30, context=context())
        if mechanism == APOP:
            client.apop(ANN, PASSWORD)
        else:
            client.user(ANN)
            client.pass_(PASSWORD)
        text = b"\n".join(client.retr(1)[1]).decode()
        client.quit()
        return text

    # --- the tests

    def logins(self, mechanism):
        return self.mail.log().count(f"({mechanism}) login success {ANN}:")

    def test_smtp(self):
        for client, mechanisms in SMTP.items():
            for mechanism in mechanisms:
                subject = f"{client} {mechanism}"
                with self.subTest(subject):
                    before = self.logins(mechanism)
                    if getattr(self, "smtp_" + re.sub(r"\W", "_", client))(mechanism, subject) is not False:
                        self.arrived(subject)
                    if mechanism == CRAM:
                        self.assertEqual(self.logins(CRAM), before + 1)

    def test_pop3(self):
        for client, mechanisms in POP3.items():
            for mechanism in mechanisms:
                with self.subTest(f"{client} {mechanism}"):
                    before = self.logins(mechanism)
                    text = getattr(self, "pop3_" + re.sub(r"\W", "_", client))(mechanism)
                    self.assertIn("Subject: waits for you", text)
                    if mechanism in (CRAM, APOP):
                        self.assertGreater(self.logins(mechanism), before)

    def test_the_page_has_this_table(self):
        with open(os.path.join(ROOT, "docs", "authd.md")) as file:
            rows = re.findall(r"^\| ([\w ]+?) \| (SMTP|POP3) \| ([^|]+?) \|$", file.read(), re.M)
        expected = [(client, protocol, ", ".join(mechanisms))
                    for protocol, table in (("SMTP", SMTP), ("POP3", POP3)) for client, mechanisms in table.items()]
        self.assertEqual(sorted(rows), sorted(expected))


if __name__ == "__main__":
    unittest.main()
