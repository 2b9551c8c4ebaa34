"""Handing in mail with clients that nobody here wrote: swaks, curl, msmtp, Python and openssl log in over STARTTLS and
over TLS from the first byte, and send to another host. What must fail fails."""

import base64
import os
import poplib
import smtplib
import socket
import subprocess
import tempfile
import unittest

from rude_hosts import Host, good
from tls_test import context, has_in_memory
from toast_instance import Instance, wait_until

PASSWORD = "correct horse"
ANN = "ann@example.org"
FAR = "far@elsewhere.example"


def b64(text):
    return base64.b64encode(text.encode()).decode()


class SubmissionTest(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.far = Host(good)
        cls.mail = Instance(settings={
            "passwordopslimit": 1, "passwordmemlimit": 8192, "authfailureslimit": 1000, "smtpprocesses": 2,
            "smtproutes": f":127.0.0.1:{cls.far.port}", **cls.settings})
        cls.mail.ctl("domain", "add", "example.org")
        for name in (ANN, "bob@example.org"):
            cls.mail.add_mailbox(name, PASSWORD)
        cls.mail.ctl("alias", "add", "info@example.org", ANN)
        cls.mail.start()
        cls.submission = ("127.0.0.1", cls.mail.base + 587)
        cls.submissions = ("127.0.0.1", cls.mail.base + 465)

    @classmethod
    def tearDownClass(cls):
        cls.mail.remove()
        cls.far.close()

    def arrived(self, subject):
        """The message with this subject, as the other host was given it."""
        def found():
            return next((m.decode() for m in self.far.messages if f"Subject: {subject}\r\n".encode() in m), None)
        return wait_until(found, f"'{subject}' at the other host", seconds=30)

    def clients(self):
        """Python, with and without STARTTLS, encrypted in the end."""
        def starttls():
            client = smtplib.SMTP(*self.submission, timeout=30)
            client.starttls(context=context())
            return client
        yield "587", starttls
        yield "465", lambda: smtplib.SMTP_SSL(*self.submissions, timeout=30, context=context())

    def logged_in(self, login=ANN):
        client = smtplib.SMTP_SSL(*self.submissions, timeout=30, context=context())
        client.login(login, PASSWORD)
        return client


class Clients(SubmissionTest):
    def test_swaks(self):
        for port, how in ((587, "--tls"), (465, "--tls-on-connect")):
            for mechanism in ("PLAIN", "LOGIN"):
                subject = f"swaks {port} {mechanism}"
                with self.subTest(subject):
                    done = subprocess.run(
                        ["swaks", "--server", f"127.0.0.1:{self.mail.base + port}", how, "--auth", mechanism,
                         "--auth-user", ANN, "--auth-password", PASSWORD, "--from", ANN, "--to", FAR,
                         "--ehlo", "client.example", "--header", f"Subject: {subject}"],
                        capture_output=True, text=True, timeout=60)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    text = self.arrived(subject)
                    self.assertRegex(text, r"(?s)^Received: .*from client\.example .*with\s+ESMTPSA\s+id")

    def test_curl(self):
        with tempfile.NamedTemporaryFile("w", suffix=".eml") as letter:
            for url, options in ((f"smtp://127.0.0.1:{self.mail.base + 587}/client.example", ("--ssl-reqd",)),
                                 (f"smtps://127.0.0.1:{self.mail.base + 465}/client.example", ())):
                for mechanism in ("PLAIN", "LOGIN"):
                    subject = f"curl {url.split(':')[0]} {mechanism}"
                    letter.seek(0)
                    letter.truncate()
                    letter.write(f"From: {ANN}\nSubject: {subject}\n\nhello\n")
                    letter.flush()
                    with self.subTest(subject):
                        done = subprocess.run(
                            ["curl", "-sS", "-k", *options, "--user", f"{ANN}:{PASSWORD}", "--login-options",
                             f"AUTH={mechanism}", "--mail-from", ANN, "--mail-rcpt", FAR, "--crlf", "-T",
                             letter.name, url], capture_output=True, text=True, timeout=60)
                        self.assertEqual(done.returncode, 0, done.stderr)
                        text = self.arrived(subject)
                        self.assertRegex(text, r"\r\nDate: \w+, \d+ \w+ \d{4} ")
                        self.assertRegex(text, r"\r\nMessage-ID: <\w+@mx\.example\.test>\r\n")

    def test_msmtp(self):
        with tempfile.TemporaryDirectory() as home:
            for port, starttls in ((587, "on"), (465, "off")):
                for mechanism in ("plain", "login"):
                    subject = f"msmtp {port} {mechanism}"
                    with self.subTest(subject):
                        done = subprocess.run(
                            ["msmtp", "--file=/dev/null", "--host=127.0.0.1", f"--port={self.mail.base + port}",
                             "--tls=on", f"--tls-starttls={starttls}", "--tls-certcheck=off",
                             f"--auth={mechanism}", f"--user={ANN}", f"--passwordeval=echo {PASSWORD}",
                             f"--from={ANN}", FAR],
                            input=f"From: {ANN}\nBcc: secret@elsewhere.example\nSubject: {subject}\n\nhello\n",
                            capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": home})
                        self.assertEqual(done.returncode, 0, done.stderr)
                        self.assertNotIn("secret@", self.arrived(subject))

    def test_python_sends_many_messages_with_one_login(self):
        for name, connect in self.clients():
            with self.subTest(name), connect() as client:
                client.login(ANN, PASSWORD)
                for number in range(5):
                    subject = f"python {name} {number}"
                    client.sendmail(ANN, [FAR, "bob@example.org"],
                                    f"From: {ANN}\r\nTo: {FAR}\r\nSubject: {subject}\r\n\r\nhello\r\n")
                    self.arrived(subject)

    def test_openssl_s_client(self):
        for port, how in ((587, ["-starttls", "smtp"]), (465, [])):
            words = ["EHLO client.example", f"AUTH PLAIN {b64(chr(0) + ANN + chr(0) + PASSWORD)}", "QUIT"]
            with self.subTest(port):
                done = subprocess.run(
                    ["openssl", "s_client", "-quiet", "-crlf", "-connect", f"127.0.0.1:{self.mail.base + port}", *how],
                    input="\n".join(words) + "\n", capture_output=True, text=True, timeout=60)
                self.assertIn("235 2.7.0", done.stdout)
                self.assertIn("221 2.0.0", done.stdout)

    def test_the_queue_knows_who_sent_it(self):
        with self.logged_in() as client:
            client.sendmail(ANN, FAR, f"From: {ANN}\r\nSubject: whose\r\n\r\nhello\r\n")
        self.arrived("whose")
        self.assertIn(f"login={ANN}", self.mail.log())
        self.assertNotIn(b64(PASSWORD), self.mail.log())
        self.assertNotIn(PASSWORD, self.mail.log())


    def test_no_password_stays_in_a_front_end(self):
        password = "unlikely-words-47110815"
        self.mail.add_mailbox("eve@example.org", password)
        for name, connect in self.clients():
            for mechanism in ("PLAIN", "LOGIN"):
                with connect() as client:
                    client.ehlo()
                    client.user, client.password = "eve@example.org", password
                    auth = client.auth_plain if mechanism == "PLAIN" else client.auth_login
                    self.assertEqual(client.auth(mechanism, auth)[0], 235)
                    for pid in self.mail.children()["toast-smtpd"]:
                        whole = b64(f"\0eve@example.org\0{password}")
                        for text in (password, b64(password)[:-4], whole[24:-4]):
                            with self.subTest(port=name, mechanism=mechanism, text=text):
                                self.assertFalse(has_in_memory(pid, [text.encode()]))


class Refusals(SubmissionTest):
    def test_no_login_before_tls(self):
        with smtplib.SMTP(*self.submission, timeout=30) as client:
            client.ehlo()
            self.assertFalse(client.has_extn("auth"))
            self.assertEqual(client.docmd("AUTH", "PLAIN " + b64(f"\0{ANN}\0{PASSWORD}"))[0], 538)
            self.assertEqual(client.docmd("MAIL", f"FROM:<{ANN}>")[0], 530)

    def test_no_mail_before_a_login(self):
        for name, connect in self.clients():
            with self.subTest(name), connect() as client:
                client.ehlo()
                for recipient in (FAR, "bob@example.org"):
                    self.assertEqual(client.docmd("MAIL", f"FROM:<{ANN}>"), (530, b"5.7.0 log in first"))
                    self.assertEqual(client.docmd("RCPT", f"TO:<{recipient}>")[0], 503)

    def test_a_wrong_password_and_a_wrong_name_are_one(self):
        for name, connect in self.clients():
            with self.subTest(name), connect() as client:
                client.ehlo()
                answers = [client.docmd("AUTH", "PLAIN " + b64(f"\0{login}\0{password}"))
                           for login, password in ((ANN, "guess"), ("nobody@example.org", PASSWORD))]
                self.assertEqual(answers[0], answers[1])
                self.assertEqual(answers[0][0], 535)

    def test_guessing_ends_the_session(self):
        with smtplib.SMTP_SSL(*self.submissions, timeout=30, context=context()) as client:
            client.ehlo()
            for _ in range(2):
                self.assertEqual(client.docmd("AUTH", "PLAIN " + b64(f"\0{ANN}\0guess"))[0], 535)
            client.docmd("AUTH", "PLAIN " + b64(f"\0{ANN}\0guess"))
            self.assertIn(client.getreply()[0], (421, -1))

    def test_port_25_takes_no_logins(self):
        with smtplib.SMTP(*self.mail.smtp, timeout=30) as client:
            client.starttls(context=context())
            client.ehlo()
            self.assertFalse(client.has_extn("auth"))
            self.assertEqual(client.docmd("AUTH", "PLAIN " + b64(f"\0{ANN}\0{PASSWORD}"))[0], 502)
            self.assertEqual(client.docmd("MAIL", f"FROM:<{ANN}>")[0], 250)
            self.assertEqual(client.docmd("RCPT", f"TO:<{FAR}>")[0], 550)

    def test_what_was_said_before_starttls_does_not_count(self):
        with socket.create_connection(self.submission, timeout=30) as plain:
            reader = plain.makefile("rb")
            reader.readline()
            plain.sendall(b"EHLO client.example\r\n")
            while reader.readline()[3:4] == b"-":
                pass
            login = b64(f"\0{ANN}\0{PASSWORD}").encode()
            plain.sendall(b"STARTTLS\r\nAUTH PLAIN " + login + b"\r\n")
            self.assertEqual(reader.readline()[:3], b"554")
            self.assertEqual(reader.readline(), b"")

    def test_a_message_without_an_author(self):
        with self.logged_in() as client:
            with self.assertRaises(smtplib.SMTPDataError) as refused:
                client.sendmail(ANN, FAR, "Subject: nobody's\r\n\r\nhello\r\n")
            self.assertEqual(refused.exception.smtp_code, 550)

    def test_logins_wait_for_authd_and_sessions_for_queued(self):
        """An outage of a keeper is for later; what was granted by a queued ends with it."""
        with self.logged_in() as client:
            os.kill(self.mail.children()["toast-queued"][0], 9)

            def closed():
                code = client.docmd("MAIL", f"FROM:<{ANN}>")[0]
                if code == 250:
                    client.docmd("RSET")
                return code == 421
            try:
                wait_until(closed, "421: log in again", seconds=30)
            except smtplib.SMTPServerDisconnected:
                pass

        def works_again():
            try:
                with self.logged_in() as again:
                    again.sendmail(ANN, FAR, f"From: {ANN}\r\nSubject: after the crash\r\n\r\nhello\r\n")
                return True
            except smtplib.SMTPException:
                return False
        wait_until(works_again, "a login at the new queued", seconds=30)
        self.arrived("after the crash")


class Senders(SubmissionTest):
    settings = {"sendercheck": "enforce", "fromcheck": "enforce", "submissionhideclient": "true"}

    def test_own_addresses_only(self):
        with self.logged_in() as client:
            client.ehlo("client.example")
            for sender, code in ((ANN, 250), ("info@example.org", 250), ("ann+list@example.org", 250), ("", 250),
                                 ("bob@example.org", 553), ("ann@elsewhere.example", 553)):
                with self.subTest(sender):
                    self.assertEqual(client.docmd("MAIL", f"FROM:<{sender}>")[0], code)
                    client.docmd("RSET")

    def test_the_header_too(self):
        with self.logged_in() as client:
            with self.assertRaises(smtplib.SMTPDataError) as refused:
                client.sendmail(ANN, FAR, "From: Bob <bob@example.org>\r\nSubject: as bob\r\n\r\nhello\r\n")
            self.assertEqual(refused.exception.smtp_code, 550)
            client.sendmail(ANN, FAR, "From: Info <info@example.org>\r\nSubject: as info\r\n\r\nhello\r\n")
        text = self.arrived("as info")
        self.assertRegex(text, r"^Received: by mx\.example\.test with ESMTPSA id \w+")
        self.assertNotIn("127.0.0.1", text.split("Subject:")[0])


class Limits(SubmissionTest):
    settings = {"sendlimithour": "4"}

    def send(self, count):
        """The reply to a message to so many at the other host, or to its MAIL."""
        with self.logged_in() as client:
            try:
                client.sendmail(ANN, [f"r{n}@elsewhere.example" for n in range(count)] + ["bob@example.org"],
                                f"From: {ANN}\r\nSubject: to {count}\r\n\r\nhello\r\n")
                return 250
            except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as refused:
                return refused.smtp_code

    def test_a_login_is_slowed_down_and_a_restart_does_not_help(self):
        self.assertEqual(self.send(3), 250)
        self.assertEqual(self.send(0), 250)
        self.assertEqual(self.send(2), 450)
        self.assertEqual(self.send(1), 250)
        self.assertEqual(self.send(1), 450)
        self.mail.stop()
        self.mail.start()
        self.assertEqual(self.send(1), 450)
        self.assertEqual(self.send(0), 450)  # at MAIL nobody knows yet where it will go

        def told():
            client = poplib.POP3(*self.mail.pop3, timeout=30)
            client.user(ANN)
            client.pass_(PASSWORD)
            mail = [client.retr(n + 1)[1] for n in range(client.stat()[0])]
            client.quit()
            return any(f"Subject: Sending limit reached: login {ANN}".encode() in lines for lines in mail)
        wait_until(told, "the notice in the oldest mailbox, which is the postmaster's", seconds=30)


class OwnersLimits(Limits):
    settings = {"sendlimithour": "0", "sendlimitday": "0", "sendlimitownerhour": "3"}

    # The inherited one is about logins.
    test_a_login_is_slowed_down_and_a_restart_does_not_help = None

    def test_an_owner_is_slowed_down_over_all_its_domains(self):
        self.assertEqual(self.send(1), 250)
        self.mail.ctl("owner", "add", "bob@example.org")
        self.mail.ctl("domain", "set", "example.org", "--owner", "bob@example.org")
        # Remembered for a minute: asked anew by a new queued.
        self.mail.stop()
        self.mail.start()
        self.assertEqual(self.send(2), 250)
        self.assertEqual(self.send(2), 450)
        self.assertEqual(self.send(1), 250)
        self.assertEqual(self.send(0), 450)
        self.mail.stop()
        self.mail.start()
        self.assertEqual(self.send(0), 450)  # kept

        def told():
            client = poplib.POP3(*self.mail.pop3, timeout=30)
            client.user("bob@example.org")
            client.pass_(PASSWORD)
            mail = [client.retr(n + 1)[1] for n in range(client.stat()[0])]
            client.quit()
            return any(b"Subject: Sending limit reached: owner bob@example.org" in lines for lines in mail)
        wait_until(told, "the notice to the owner, whose name is an address", seconds=30)
        self.mail.ctl("owner", "set", "bob@example.org", "--max-messages-per-hour", "unlimited")
        self.mail.stop()
        self.mail.start()
        self.assertEqual(self.send(5), 250)


if __name__ == "__main__":
    unittest.main()
