"""Real mail, in with curl and swaks, out with curl, fetchmail and getmail: byte for byte the same,
apart from the trace fields that a mail server must add in front."""

import os
import poplib
import re
import subprocess
import tempfile
import unittest

import mail_corpus
from pop3_recorder import Recorder
from toast_instance import Instance, wait_until

PASSWORD = "pass word with spaces"
ADDRESS = "ann@example.test"
SENDER = "bob@client.example"


def strip_trace(message):
    """Removes what we add in front: Return-Path, Delivered-To, one Received; and checks that they are
    there, once each, in this order. What follows must be the message as it was sent."""
    match = re.match(
        rb"Return-Path: <bob@client\.example>\r\n"
        rb"Delivered-To: ann@example\.test\r\n"
        rb"Received: [^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*", message)
    if not match:
        raise AssertionError(f"trace fields are missing or out of order: {message[:400]!r}")
    return message[match.end():]


class RealInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.instance = Instance(settings={"databytes": 64 * 1024 * 1024})
        cls.addClassCleanup(cls.instance.remove)
        cls.instance.ctl("domain", "add", "example.test")
        cls.instance.add_mailbox(ADDRESS, PASSWORD)
        cls.instance.start()

    def tearDown(self):
        self.empty_mailbox()

    # -- in
    def send_with_curl(self, wire):
        with tempfile.NamedTemporaryFile() as file:
            file.write(wire)
            file.flush()
            host, port = self.instance.smtp
            subprocess.run(
                ["curl", "-sS", "--max-time", "120", f"smtp://{host}:{port}/client.example",
                 "--mail-from", SENDER, "--mail-rcpt", ADDRESS, "-T", file.name],
                check=True, capture_output=True)

    def send_with_swaks(self, wire):
        # Without its fix-ups swaks sends exactly what it is given: we stuff the dots and end the data.
        host, port = self.instance.smtp
        stuffed = re.sub(rb"(?m)^\.", b"..", wire)
        if stuffed and not stuffed.endswith(b"\r\n"):
            stuffed += b"\r\n"
        with tempfile.NamedTemporaryFile() as file:
            file.write(stuffed + b".")
            file.flush()
            subprocess.run(
                ["swaks", "--server", host, "--port", str(port), "--helo", "client.example",
                 "--from", SENDER, "--to", ADDRESS, "--no-data-fixup", "--data", "@" + file.name,
                 "--silent", "2"],
                check=True, capture_output=True)

    # -- out
    def wait_for_messages(self, count):
        def arrived():
            pop = self.login()
            try:
                return pop.stat()[0] == count
            finally:
                pop.quit()
        wait_until(arrived, f"{count} messages in the mailbox")

    def login(self):
        pop = poplib.POP3(*self.instance.pop3, timeout=60)
        pop.user(ADDRESS)
        pop.pass_(PASSWORD)
        return pop

    def empty_mailbox(self):
        pop = self.login()
        for number in range(1, pop.stat()[0] + 1):
            pop.dele(number)
        pop.quit()

    def fetch_with_curl(self, number):
        host, port = self.instance.pop3
        config = f'user = "{ADDRESS}:{PASSWORD}"\n'
        return subprocess.run(["curl", "-sS", "--max-time", "120", "-K", "-",
                               f"pop3://{host}:{port}/{number}"],
                              input=config.encode(), check=True, capture_output=True).stdout

    def round_trip(self, name, wire, send):
        send(wire)
        self.wait_for_messages(1)
        got = strip_trace(self.fetch_with_curl(1))
        self.empty_mailbox()
        # DATA always ends a line: a message without a final newline arrives with one.
        expected = wire if wire == b"" or wire.endswith(b"\r\n") else wire + b"\r\n"
        if got != expected:
            at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b),
                      min(len(got), len(expected)))
            self.fail(f"{name}: differs at byte {at} of {len(expected)} (got {len(got)}): "
                      f"sent {expected[at - 40:at + 40]!r}, got {got[at - 40:at + 40]!r}")

    # -- tests
    def test_corpus_by_curl(self):
        for name, wire in mail_corpus.real_messages():
            with self.subTest(name):
                self.round_trip(name, wire, self.send_with_curl)

    def test_generated_by_curl(self):
        for name, wire in mail_corpus.generated_messages():
            with self.subTest(name):
                self.round_trip(name, wire, self.send_with_curl)

    def test_corpus_by_swaks(self):
        for name, wire in mail_corpus.real_messages():
            with self.subTest(name):
                self.round_trip(name, wire, self.send_with_swaks)

    def deliver_corpus(self):
        messages = [wire for _, wire in mail_corpus.real_messages()]
        messages += [wire for name, wire in mail_corpus.generated_messages(large=False)]
        for wire in messages:
            self.send_with_curl(wire)
        self.wait_for_messages(len(messages))
        return messages

    def recorder(self):
        recorder = Recorder(self.instance.pop3)
        self.addCleanup(recorder.close)
        return recorder

    def compare(self, sent, recorder):
        found = [strip_trace(message) for message in recorder.messages]
        expected = [w if w == b"" or w.endswith(b"\r\n") else w + b"\r\n" for w in sent]
        self.assertEqual(len(found), len(expected))
        self.assertEqual(sorted(found), sorted(expected))

    def test_out_by_getmail(self):
        sent = self.deliver_corpus()
        with tempfile.TemporaryDirectory() as home:
            maildir = make_maildir(home)
            recorder = self.recorder()
            host, port = recorder.address
            with open(os.path.join(home, "getmailrc"), "w") as config:
                config.write(f"""[retriever]
type = SimplePOP3Retriever
server = {host}
port = {port}
username = {ADDRESS}
password = {PASSWORD}
[destination]
type = Maildir
path = {maildir}/
[options]
read_all = true
delete = false
delivered_to = false
received = false
verbose = 0
""")
            done = subprocess.run(as_ordinary_user(home) + ["getmail", "--getmaildir", home],
                                  capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.compare(sent, recorder)
            self.assertGreater(len(os.listdir(f"{maildir}/new")), len(sent) * 3 // 4)

    def test_out_by_fetchmail(self):
        sent = self.deliver_corpus()
        with tempfile.TemporaryDirectory() as home:
            maildir = make_maildir(home)
            # fetchmail hands each message to a program: this one files it as it came.
            deliver = os.path.join(home, "deliver")
            with open(deliver, "w") as script:
                script.write(f"#!/bin/sh\nexec cat > {maildir}/new/$$.$(date +%N)\n")
            os.chmod(deliver, 0o755)
            recorder = self.recorder()
            host, port = recorder.address
            config_path = os.path.join(home, "fetchmailrc")
            with open(config_path, "w") as config:
                config.write(f'poll {host} service {port} protocol POP3 user "{ADDRESS}" '
                             f'password "{PASSWORD}" mda "{deliver}" no rewrite pass8bits '
                             "fetchall keep sslproto ''\n")
            os.chmod(config_path, 0o600)
            done = subprocess.run(
                as_ordinary_user(home) + ["fetchmail", "-f", config_path, "--nosyslog", "--pidfile", f"{home}/pid",
                 "--invisible", "--silent"],
                capture_output=True, text=True, timeout=300,
                env=dict(os.environ, HOME=home, FETCHMAILHOME=home))
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.compare(sent, recorder)
            self.assertGreater(len(os.listdir(f"{maildir}/new")), len(sent) * 3 // 4)


def as_ordinary_user(home):
    """getmail delivers nothing as root: when we are, the collector runs as nobody, who gets `home`."""
    if os.geteuid() != 0:
        return []
    subprocess.run(["chown", "-R", "nobody:nogroup", home], check=True)
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "env", f"HOME={home}"]


def make_maildir(home):
    maildir = os.path.join(home, "Maildir")
    for part in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(maildir, part))
    return maildir


if __name__ == "__main__":
    unittest.main(verbosity=2)
