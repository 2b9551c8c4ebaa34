"""Domains whose mailboxes an LMTP server keeps (toastctl domain set --lmtp): a small server that says what it is
told to say, and Dovecot with its Sieve."""

import json
import os
import socketserver
import tempfile
import threading
import unittest

from peers import Dovecot
from toast_instance import Instance, wait_until
from wire_client import QUICK, smtp, submit, take_mail, wait_for_subjects

SENDER = "carl@example.test"  # has a Maildir here


class Conversation(socketserver.StreamRequestHandler):
    """RFC 2033: after the final dot one answer for each recipient that was accepted."""

    def handle(self):
        self.say("220 lmtp.test LMTP")
        sender, accepted = None, []
        while line := self.rfile.readline():
            verb, _, rest = line.decode().rstrip("\r\n").partition(" ")
            verb = verb.upper()
            if verb == "LHLO":
                self.say("250-lmtp.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME")
            elif verb == "MAIL":
                sender, accepted = rest, []
                self.say("250 2.1.0 ok")
            elif verb == "RCPT":
                recipient = rest[len("TO:<"):rest.index(">")]
                answer = self.server.at_rcpt.get(recipient, "250 2.1.5 ok")
                if answer.startswith("250"):
                    accepted.append(recipient)
                self.say(answer)
            elif verb == "DATA":
                self.say("354 go on" if accepted else "503 5.5.1 nobody")
                if accepted:
                    self.take(accepted)
            elif verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                self.say("250 2.0.0 ok")

    def take(self, accepted):
        content = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            content.append(line[1:] if line.startswith(b".") else line)
        for recipient in accepted:
            answer = self.server.at_end.get(recipient, "250 2.0.0 stored")
            if answer.startswith("250"):
                self.server.stored.append((recipient, b"".join(content).decode()))
            self.say(answer)

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")


class Server:
    """On a local socket and on a port at once."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="toast-lmtp-")
        os.chmod(self.directory, 0o755)
        self.path = os.path.join(self.directory, "lmtp")
        self.at_rcpt, self.at_end, self.stored = {}, {}, []
        self.servers = [socketserver.ThreadingUnixStreamServer(self.path, Conversation),
                        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation)]
        os.chmod(self.path, 0o666)
        for server in self.servers:
            server.daemon_threads = True
            server.at_rcpt, server.at_end, server.stored = self.at_rcpt, self.at_end, self.stored
            threading.Thread(target=server.serve_forever, daemon=True).start()
        self.port = self.servers[1].server_address[1]

    def of(self, recipient):
        return [content for to, content in self.stored if to == recipient]

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
        os.unlink(self.path)
        os.rmdir(self.directory)


class LmtpCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.instance = Instance(settings=QUICK)
        cls.addClassCleanup(cls.instance.remove)
        cls.instance.ctl("domain", "add", "example.test")
        cls.instance.add_mailbox(SENDER)

    def tearDown(self):
        wait_until(lambda: not self.queue(), "an empty queue")

    def queue(self):
        return json.loads(self.instance.ctl("queue", "list", "--json"))["messages"]

    def bounces(self, *words):
        """What came back to the sender, once all of these words are in it."""
        came = []

        def all_there():
            came.extend(take_mail(self.instance, SENDER))
            return all(each in "".join(came) for each in words)
        wait_until(all_there, f"{words} in the bounces", 30)
        return "".join(came)

    def send(self, marker, *recipients):
        with smtp(self.instance) as client:
            client.ask(f"MAIL FROM:<{SENDER}>")
            for recipient in recipients:
                self.assertRegex(client.ask(f"RCPT TO:<{recipient}>"), "^250 ")
            self.assertRegex(client.ask("DATA"), "^354")
            text = f"Subject: {marker}\r\nTo: x\r\n\r\nbody\r\n..two dots\r\n.\r\n"
            self.assertRegex(client.ask(text.encode()), "^250 ")


class SmallServer(LmtpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.instance.ctl("domain", "add", "lmtp.test", "--lmtp", cls.server.path)
        cls.instance.ctl("domain", "add", "port.test", "--lmtp", f"127.0.0.1:{cls.server.port}")
        cls.instance.ctl("domain", "add", "other.test", "--alias-of", "lmtp.test")
        for name in ("ann", "bob", "dan", "eve", "kim"):
            cls.instance.add_mailbox(f"{name}@lmtp.test")
        cls.instance.add_mailbox("ann@port.test")
        cls.instance.start()

    def setUp(self):
        self.server.at_rcpt.clear()
        self.server.at_end.clear()
        self.server.stored.clear()

    def wait_for(self, recipient, count=1):
        wait_until(lambda: len(self.server.of(recipient)) >= count, f"mail for {recipient}", 20)
        return self.server.of(recipient)

    def test_each_recipient_has_its_own_answer(self):
        self.server.at_rcpt["bob@lmtp.test"] = "550 5.1.1 nobody called bob"
        self.server.at_end["dan@lmtp.test"] = "552 5.2.2 dan is full"
        self.send("answers", "ann@lmtp.test", "bob@lmtp.test", "dan@lmtp.test", "Eve@LMTP.test")
        self.assertIn("\r\n.two dots\r\n", self.wait_for("ann@lmtp.test")[0])
        wait_until(lambda: [to for to, _ in self.server.stored if to.lower() == "eve@lmtp.test"], "eve's mail")
        bounces = self.bounces("<bob@lmtp.test>:", "nobody called bob", "<dan@lmtp.test>:", "dan is full")
        self.assertNotIn("<ann@lmtp.test>:", bounces)

    def test_deferred_waits_with_the_words(self):
        self.server.at_rcpt["bob@lmtp.test"] = "452 4.2.2 over quota"
        self.send("later", "bob@lmtp.test")
        waiting = wait_until(lambda: [m for m in self.queue() if "over quota" in json.dumps(m)], "a deferral")
        self.server.at_rcpt.clear()
        self.instance.ctl("queue", "retry", waiting[0]["id"])
        self.wait_for("bob@lmtp.test")

    def test_a_port(self):
        self.send("port", "ann@port.test")
        self.wait_for("ann@port.test")

    def test_other_names_lead_to_the_mailbox(self):
        self.instance.ctl("alias", "add", "team@example.test", "ann@lmtp.test", SENDER)
        self.send("names", "ann@other.test", "ann+news@lmtp.test", "team@example.test")
        got = self.wait_for("ann@lmtp.test", 3)
        self.assertEqual(len(got), 3)
        self.assertEqual(sum("Delivered-To: ann+news@lmtp.test" in content for content in got), 1)
        wait_for_subjects(self.instance, ["names"], SENDER)

    def test_a_copy_is_kept(self):
        self.instance.ctl("alias", "add", "kim@lmtp.test", SENDER, "eve@lmtp.test", "--keep-copy")
        self.send("copy", "kim@lmtp.test")
        for name in ("kim", "eve"):
            self.assertEqual(len(self.wait_for(f"{name}@lmtp.test")), 1)
        wait_for_subjects(self.instance, ["copy"], SENDER)
        wait_until(lambda: not self.queue(), "an empty queue")
        self.assertEqual(len(self.server.stored), 2)

    def test_it_says_so(self):
        lines = self.instance.ctl("resolve", "ann@lmtp.test").splitlines()
        self.assertEqual(lines[-1], f"-> lmtp {self.server.path} for ann@lmtp.test")
        shown = json.loads(self.instance.ctl("domain", "show", "lmtp.test", "--json"))
        self.assertEqual(shown["lmtp"], self.server.path)

    def test_off_means_maildirs(self):
        self.instance.ctl("domain", "set", "port.test", "--lmtp", "off")
        try:
            self.assertRegex(submit(self.instance, "off", "ann@port.test"), "^250 ")
            wait_for_subjects(self.instance, ["off"], "ann@port.test")
            self.assertEqual(self.server.stored, [])
        finally:
            self.instance.ctl("domain", "set", "port.test", "--lmtp", f"127.0.0.1:{self.server.port}")


class RealDovecot(LmtpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dovecot = Dovecot(cls.instance.base + 25)
        cls.addClassCleanup(cls.dovecot.stop)
        cls.dovecot.start()
        cls.instance.ctl("domain", "add", cls.dovecot.domain, "--lmtp", cls.dovecot.socket)
        for name in ("box", "nobody-there"):
            cls.instance.add_mailbox(f"{name}@{cls.dovecot.domain}")
        cls.instance.start()

    def wait_for(self, folder, marker):
        new = os.path.join(self.dovecot.maildir, folder, "new")

        def stored():
            for name in os.listdir(new) if os.path.isdir(new) else ():
                with open(os.path.join(new, name), encoding="latin-1") as file:
                    if f"Subject: {marker}\n" in (text := file.read()):
                        return text
            return None
        return wait_until(stored, f"{marker} in {folder or 'INBOX'}", 30)

    def test_inbox_and_sieve(self):
        self.send("plain", f"box@{self.dovecot.domain}")
        self.send("for sieve", f"box@{self.dovecot.domain}")
        self.assertIn("\n.two dots\n", self.wait_for("", "plain"))
        self.wait_for(".Sorted", "for sieve")

    def test_its_refusal_comes_back(self):
        self.send("nobody", f"nobody-there@{self.dovecot.domain}", f"box@{self.dovecot.domain}")
        self.wait_for("", "nobody")
        self.bounces("User doesn't exist")


if __name__ == "__main__":
    unittest.main()
