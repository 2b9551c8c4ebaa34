"""Mail to and from servers nobody here wrote: intact both ways, refusals come back as reports that a mail
reader understands, and reports of success are passed on or made here.

A server that this machine does not have is named at the start, and there are no tests of it then.
"""

import email
import json
import os
import re
import shutil
import tempfile
import unittest

import peers
from toast_instance import Instance, wait_until
from wire_client import ANN, QUICK, Client, send

# What each hop adds in front of a message.
TRACE = re.compile(rb"(?:(?:Return-Path|Delivered-To|X-Original-To|Received|Envelope-To|Delivery-Date):"
                   rb"[^\n]*\n(?:[ \t][^\n]*\n)*)*", re.I)


def corpus(long_lines):
    """Name and body as stored, with LF."""
    yield "dots", b".\n..\n.x\n" + b".." * 40 + b"\nend\n"
    yield "8-bit", bytes(b for b in range(1, 256) if b not in (10, 13)) + b"\n" + "Grüße\n".encode()
    yield "line-998", b"x" * 998 + b"\n"
    if long_lines:
        yield "line-5000", b"y" * 5000 + b"\n"
    yield "empty", b""
    yield "blank-lines", b"\n" * 50
    yield "megabyte", (b"z" * 60 + b" .\n") * (1 << 20 >> 6)


def letter(name, recipient, body):
    return (f"From: Ann <{ANN}>\nTo: <{recipient}>\nSubject: {name}\n"
            f"Date: Mon, 23 Nov 2026 01:00:00 +0000\nMessage-ID: <{name}@example.test>\n"
            "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
            "Content-Transfer-Encoding: 8bit\n\n").encode() + body


def submit(address, sender, recipients, content, parameters=("", "")):
    if isinstance(recipients, str):
        recipients = (recipients,)
    with Client(address) as client:
        answer = client.reply()
        for command in ("EHLO client.example", f"MAIL FROM:<{sender}> BODY=8BITMIME{parameters[0]}",
                        *(f"RCPT TO:<{recipient}>{parameters[1]}" for recipient in recipients)):
            answer = client.ask(command)
            if not answer.startswith("250"):
                raise AssertionError(f"{command}: {answer}")
        wire = re.sub(rb"(?m)^\.", b"..", content).replace(b"\n", b"\r\n")
        answer = send(client, wire)
        client.ask("QUIT")
    if not answer.startswith("250"):
        raise AssertionError(f"after the final dot: {answer}")


def without_trace(content):
    return content[TRACE.match(content).end():]


def read_new(maildir):
    """{subject: content} of all that lies there."""
    found = {}
    for folder in ("new", "cur"):
        path = os.path.join(maildir, folder)
        for name in os.listdir(path) if os.path.isdir(path) else ():
            with open(os.path.join(path, name), "rb") as file:
                content = file.read()
            found[re.search(rb"^Subject: (.*)$", content, re.M)[1].decode()] = content
    return found


def status_groups(text):
    """The groups of the delivery status: of the message, then one for each recipient."""
    report = email.message_from_string(text)
    assert (report.get_content_type(), report.get_param("report-type")) == (
        "multipart/report", "delivery-status"), report["Content-Type"]
    human, status, original = report.get_payload()
    assert human.get_content_type() == "text/plain", human["Content-Type"]
    assert status.get_content_type() == "message/delivery-status", status["Content-Type"]
    assert original.get_content_type() in ("message/rfc822", "text/rfc822-headers"), original["Content-Type"]
    return status.get_payload()


class PeerCase:
    """Of each peer; `kind` is its class."""

    kind = None
    route = "127.0.0.1:{port}"
    unknown = r"^smtp; 550 "  # how it refuses

    @classmethod
    def setUpClass(cls):
        cls.instance = Instance(settings={**QUICK, "relaynetworks": "127.0.0.0/8"})
        cls.addClassCleanup(cls.instance.remove)
        cls.peer = cls.kind(cls.instance.smtp[1])
        cls.addClassCleanup(cls.peer.stop)
        cls.peer.start()
        with open(os.path.join(cls.instance.root, "control", "smtproutes"), "w") as routes:
            routes.write(f"{cls.kind.domain}:{cls.route.format(port=cls.peer.port)}\n")
            cls.more_routes(routes)
        cls.instance.ctl("domain", "add", "example.test")
        cls.instance.add_mailbox(ANN)
        cls.instance.start()
        cls.box = f"box@{cls.kind.domain}"
        cls.nobody = f"nobody-here@{cls.kind.domain}"

    @classmethod
    def more_routes(cls, routes):
        pass

    def wait_for(self, condition, what, seconds=40):
        try:
            return wait_until(condition, what, seconds)
        except AssertionError:
            print(self.peer.words(), self.instance.ctl("queue", "list", check=False), self.instance.log()[-3000:])
            raise

    def assert_same(self, got, sent, name):
        if got != sent:
            at = next((i for i, (a, b) in enumerate(zip(got, sent)) if a != b), min(len(got), len(sent)))
            self.fail(f"{name}: {len(got)} bytes for {len(sent)}, differ at {at}: "
                      f"{got[at - 40:at + 40]!r} for {sent[at - 40:at + 40]!r}")

    def test_to_the_peer(self):
        sent = {f"to-{name}": letter(f"to-{name}", self.box, body) for name, body in corpus(long_lines=True)}
        for content in sent.values():
            submit(self.instance.smtp, ANN, self.box, content)
        self.wait_for(lambda: sent.keys() <= read_new(self.peer.maildir).keys(), "all at the peer")
        for name, content in read_new(self.peer.maildir).items():
            if name in sent:
                self.assert_same(without_trace(content), sent[name], name)

    def test_refusal_comes_back(self):
        submit(self.instance.smtp, ANN, self.nobody, letter("refused", self.nobody, b"x\n"),
               (" ENVID=here+2B1", f" ORCPT=rfc822;{self.nobody}"))
        [bounce] = self.wait_for(lambda: self.reports("failed", self.nobody), "the bounce")
        whole, one = status_groups(bounce)
        self.assertEqual(whole["Reporting-MTA"], "dns; mx.example.test")
        self.assertEqual(whole["Original-Envelope-Id"], "here+1")
        self.assertEqual(one["Final-Recipient"], f"rfc822; {self.nobody}")
        self.assertEqual(one["Original-Recipient"], f"rfc822;{self.nobody}")
        self.assertEqual(one["Action"], "failed")
        self.assertRegex(one["Status"], r"^5\.\d+\.\d+$")
        self.assertRegex(one["Diagnostic-Code"], self.unknown)
        self.assertIn(f"<{self.nobody}>:\n", bounce)
        self.assertIn("Subject: refused\n", bounce)

    def reports(self, action, recipient):
        """Those in ann's Maildir about this; all stay there, as the tests share it."""
        return [content for content in read_all(self.instance.maildir(ANN))
                if re.search(rf"(?m)^Action: {action}\b", content) and recipient in content]


class SmtpPeerCase(PeerCase):
    passes_dsn_on = False
    reports_as_standard = True

    def test_from_the_peer(self):
        bob = "bob@example.test"
        self.instance.add_mailbox(bob)
        sent = {f"from-{name}": letter(f"from-{name}", bob, body) for name, body in corpus(long_lines=False)}
        for content in sent.values():
            submit(("127.0.0.1", self.peer.port), self.box, bob, content)
        maildir = self.instance.maildir(bob)
        self.wait_for(lambda: sent.keys() <= read_new(maildir).keys(), "all here")
        for name, content in read_new(maildir).items():
            self.assert_same(without_trace(content), sent[name], name)

    def test_success_is_reported(self):
        submit(self.instance.smtp, ANN, self.box, letter("confirm", self.box, b"x\n"),
               (" RET=HDRS ENVID=mine", f" NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;{self.box}"))
        action, reporter = (("delivered", f"mx.{self.kind.domain}") if self.passes_dsn_on
                            else ("relayed", "mx.example.test"))
        [report] = self.wait_for(lambda: self.reports(action, self.box), "the report")
        self.wait_for(lambda: "confirm" in read_new(self.peer.maildir), "the mail itself")
        if not self.reports_as_standard:
            self.assertIn(f"Reporting-MTA: dns; {reporter}\n", report)
            return
        whole, one = status_groups(report)
        self.assertEqual(whole["Reporting-MTA"], f"dns; {reporter}")
        self.assertEqual(whole["Original-Envelope-Id"], "mine")
        self.assertEqual(re.sub(r"; *", ";", one["Final-Recipient"]), f"rfc822;{self.box}")
        self.assertRegex(one["Status"], r"^2\.\d+\.\d+$")


def read_all(maildir):
    for folder in ("new", "cur"):
        path = os.path.join(maildir, folder)
        for name in os.listdir(path) if os.path.isdir(path) else ():
            with open(os.path.join(path, name), encoding="utf-8", errors="replace") as file:
                yield file.read()


class Postfix(SmtpPeerCase):
    kind = peers.Postfix
    passes_dsn_on = True


class Exim(SmtpPeerCase):
    kind = peers.Exim

    @classmethod
    def more_routes(cls, routes):
        routes.write(f"{cls.kind.closed_domain}:127.0.0.1:{cls.peer.port} {cls.kind.login[0]} closed\n")

    def set_password(self, password):
        path = os.path.join(self.instance.root, "relay-auth", "closed")
        with open(path, "w") as file:
            file.write(f"{password}\n")

    def test_login(self):
        """Without a password, with a wrong one, then with the right one: nothing bounces, no restart is needed."""
        box = f"box@{self.kind.closed_domain}"
        submit(self.instance.smtp, ANN, box, letter("login", box, b"x\n"))
        self.waits_with("4.3.5 no password for the relay: relay-auth/closed")
        self.set_password("not this")
        self.instance.ctl("queue", "retry", "--to", box)
        self.waits_with("Remote host said: 535")
        self.set_password(self.kind.login[1])
        self.instance.ctl("queue", "retry", "--to", box)
        self.wait_for(lambda: "login" in read_new(self.peer.maildir), "the mail at the peer")
        self.assertNotIn(self.kind.login[1], self.instance.log())

    def waits_with(self, reason):
        self.wait_for(lambda: reason in self.instance.ctl("queue", "list", "--json"), reason)


class OpenSmtpd(SmtpPeerCase):
    kind = peers.OpenSmtpd
    unknown = r"^smtp; 5\d\d "  # 524, as it takes each mailbox of a table for an alias
    passes_dsn_on = True
    reports_as_standard = False  # multipart/mixed, no Original-Envelope-Id


class DovecotLmtp(PeerCase):
    kind = peers.Dovecot
    route = "lmtp:127.0.0.1:{port}"

    @classmethod
    def more_routes(cls, routes):
        routes.write(f"socket.test:lmtp:{cls.peer.socket}\n")

    def test_sieve_sorts(self):
        submit(self.instance.smtp, ANN, self.box, letter("for-sieve", self.box, b"x\n"))
        sorted_away = os.path.join(self.peer.maildir, ".Sorted")
        self.wait_for(lambda: "for-sieve" in read_new(sorted_away), "it is in the folder")
        self.assertNotIn("for-sieve", read_new(self.peer.maildir))

    def test_each_recipient_has_its_own_answer(self):
        """After the message LMTP answers for each: what is stored is not sent again with what is not."""
        late = f"late@{self.kind.domain}"
        submit(self.instance.smtp, ANN, (self.box, late), letter("two", late, b"x\n"))
        self.wait_for(lambda: "two" in read_new(self.peer.maildir), "one of them")
        listed = self.wait_for(lambda: self.listed(late, "451"), "the other is deferred")
        self.assertEqual(listed["open_recipients"], [late])
        self.peer.open_late()
        self.instance.ctl("queue", "retry", "--to", late)
        self.wait_for(lambda: "two" in read_new(self.peer.late), "the other")
        self.assertEqual(sum("Subject: two\n" in text for text in read_all(self.peer.maildir)), 1)

    def listed(self, recipient, why):
        messages = json.loads(self.instance.ctl("queue", "list", "--to", recipient, "--json"))["messages"]
        return next((m for m in messages if why in (m["last_error"] or "")), None)

    def test_local_socket(self):
        """Another domain of ours whose mailboxes Dovecot does not know: its own words come back."""
        submit(self.instance.smtp, ANN, "carl@socket.test", letter("by-socket", "carl@socket.test", b"x\n"))
        [report] = self.wait_for(lambda: self.reports("failed", "carl@socket.test"), "the bounce")
        self.assertRegex(status_groups(report)[1]["Diagnostic-Code"], r"^smtp; 550 ")


def load_tests(loader, _, __):
    """One list of tests for each peer that is here."""
    suite = unittest.TestSuite()
    for case in (Postfix, Exim, OpenSmtpd, DovecotLmtp):
        reason = case.kind.missing()
        if reason:
            print(f"peers_test: without {case.__name__}: {reason}", flush=True)
            continue
        suite.addTests(loader.loadTestsFromTestCase(
            type(case.__name__, (case, unittest.TestCase), {"__module__": __name__})))
    return suite


if __name__ == "__main__":
    peers.enter_namespace()
    files = tempfile.mkdtemp(prefix="toast-peers-")
    try:
        peers.prepare_namespace(files)
        unittest.main(verbosity=2)
    finally:
        shutil.rmtree(files, ignore_errors=True)
