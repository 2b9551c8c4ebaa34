"""Limits of domains and owners, and quotas from the command to the refusal at RCPT, on a real instance."""

import json
import os
import unittest

from toast_instance import Instance, wait_until
from wire_client import PASSWORD, QUICK, smtp

KIB = 1024
INVALID = 6


class LimitsTest(unittest.TestCase):
    def setUp(self):
        self.instance = Instance(settings=QUICK)
        self.addCleanup(self.instance.remove)

    def ctl(self, *words, **more):
        return self.instance.ctl(*words, **more)

    def data(self, *words):
        return json.loads(self.ctl(*words, "--json"))

    def refused(self, *words, stdin=""):
        done = self.ctl(*words, stdin=stdin, check=False)
        self.assertEqual(done.returncode, INVALID, done.stdout + done.stderr)
        return done.stderr

    def add(self, address, *options):
        return ["mailbox", "add", address, *options, "--password-stdin"]

    def test_limits_of_a_domain_and_an_owner(self):
        self.ctl("owner", "add", "acme", "--max-mailboxes", "3", "--max-disk", "4G")
        for name in ("a.test", "b.test"):
            self.ctl("domain", "add", name, "--owner", "acme", "--default-quota", "1G", "--max-mailboxes", "2")
        for address in ("ann@a.test", "bob@a.test"):
            self.ctl(*self.add(address), stdin=PASSWORD + "\n")
        said = self.refused(*self.add("carl@a.test"), stdin=PASSWORD + "\n")
        self.assertIn("a.test has its 2 mailboxes", said)
        self.assertIn("toastctl domain set a.test --max-mailboxes N", said)
        said = self.refused(*self.add("ann@b.test", "--quota", "3G"), stdin=PASSWORD + "\n")
        self.assertIn("toastctl owner set acme --max-disk N", said)
        self.ctl(*self.add("ann@b.test"), stdin=PASSWORD + "\n")
        self.assertIn("owner acme has its 3 mailboxes",
                      self.refused(*self.add("bob@b.test"), stdin=PASSWORD + "\n"))
        shown = self.data("domain", "show", "a.test")
        self.assertEqual((shown["owner"], shown["mailboxes"], shown["limits"]["mailboxes"]), ("acme", 2, 2))
        self.assertEqual(shown["allotted"]["disk_bytes"], 2 << 30)
        shown = self.data("owner", "show", "acme")
        self.assertEqual((shown["domains"], shown["mailboxes"], shown["allotted"]["disk_bytes"]), (2, 3, 3 << 30))
        self.assertEqual(self.ctl("owner", "delete", "acme", "--yes", check=False).returncode, 4)
        self.ctl("owner", "set", "acme", "--max-mailboxes", "unlimited")
        self.ctl(*self.add("bob@b.test"), stdin=PASSWORD + "\n")

    def send(self, size, address="ann@example.test"):
        """The reply to RCPT, or to the end of the message."""
        with smtp(self.instance) as client:
            client.ask("MAIL FROM:<bob@client.example>")
            answer = client.ask(f"RCPT TO:<{address}>")
            if not answer.startswith("250"):
                return answer
            client.ask("DATA")
            body = "Subject: x\r\n\r\n" + ("x" * 70 + "\r\n") * (size // 72) + "."
            return client.ask(body)

    def announce(self, size, address="ann@example.test"):
        """The reply to RCPT of a message of that SIZE."""
        with smtp(self.instance) as client:
            self.assertTrue(client.ask(f"MAIL FROM:<bob@client.example> SIZE={size}").startswith("250"))
            return client.ask(f"RCPT TO:<{address}>")

    def inbox(self):
        folder = os.path.join(self.instance.maildir("ann@example.test"), "new")
        if not os.path.isdir(folder):
            return []
        found = []
        for name in os.listdir(folder):
            with open(os.path.join(folder, name)) as message:
                found.append(message.read())
        return found

    def subjects(self, text):
        return [message for message in self.inbox() if f"Subject: {text}\n" in message]

    def test_a_mailbox_fills_up_and_is_emptied(self):
        self.ctl("domain", "add", "example.test")
        self.instance.add_mailbox("ann@example.test", PASSWORD, "--quota", "1M")
        self.instance.add_mailbox("ben@example.test", PASSWORD, "--quota", "1G")
        self.instance.start()
        self.assertTrue(self.send(700 * KIB).startswith("250"))
        wait_until(lambda: len(self.inbox()) == 1, "the first message")
        # What is announced as larger than the room left is refused before it is sent.
        wait_until(lambda: self.announce(400 * KIB).startswith("452 4.2.2"), "SIZE is compared with the room left")
        self.assertTrue(self.announce(200 * KIB).startswith("250"))
        self.assertTrue(self.announce(400 * KIB, "ben@example.test").startswith("250"))
        self.assertTrue(self.announce(1025 * KIB).startswith("452 4.2.2"))
        self.assertTrue(self.send(150 * KIB).startswith("250"))
        wait_until(lambda: self.subjects("Your mailbox is 80 % full"), "the warning")
        self.assertTrue(self.send(170 * KIB).startswith("250"))
        wait_until(lambda: self.send(KIB).startswith("452 4.2.2"), "a full mailbox is refused at RCPT")
        rows = self.data("quota", "list")["quotas"]
        self.assertEqual([row["address"] for row in rows], ["ann@example.test", "ben@example.test"])
        self.assertGreaterEqual(rows[0]["percent"], 95)
        self.assertEqual(len(self.data("quota", "list", "--over", "95")["quotas"]), 1)
        self.assertEqual(self.data("quota", "list", "--skip", "1")["quotas"][0]["address"], "ben@example.test")
        self.assertEqual(len(self.subjects("Your mailbox is 80 % full")), 1)
        self.assertEqual(self.data("quota", "show", "ann@example.test")["used_messages"], len(self.inbox()))
        # Somebody else deletes, and tells nobody: the ledger is wrong until it is counted.
        folder = os.path.join(self.instance.maildir("ann@example.test"), "new")
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        self.assertGreater(self.data("quota", "show", "ann@example.test")["used_messages"], 0)
        self.ctl("quota", "recount", "ann@example.test")
        self.assertEqual(self.data("quota", "show", "ann@example.test")["used_bytes"], 0)
        wait_until(lambda: self.send(KIB).startswith("250"), "room again", seconds=90)
        self.ctl("quota", "set", "ann@example.test", "--size", "2M", "--messages", "10")
        shown = self.data("quota", "show", "ann@example.test")
        self.assertEqual((shown["quota_bytes"], shown["quota_messages"]), (2 << 20, 10))

    def postmaster_has(self, text):
        folder = os.path.join(self.instance.maildir("ann@example.test"), "new")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name)) as message:
                if f"Subject: {text}\n" in message.read():
                    return True
        return False

    def test_a_domain_fills_up_and_is_emptied(self):
        self.ctl("domain", "add", "example.test", "--quota", "1M")
        self.ctl("domain", "add", "other.test")
        for address in ("ann@example.test", "ben@example.test", "carl@other.test"):
            self.instance.add_mailbox(address, PASSWORD)
        self.instance.start()
        self.assertTrue(self.send(400 * KIB).startswith("250"))
        self.assertTrue(self.send(300 * KIB, "ben@example.test").startswith("250"))
        wait_until(lambda: self.data("quota", "show", "example.test")["used_messages"] == 2, "both delivered")
        # Neither mailbox has a quota of its own; together they have less than this left.
        wait_until(lambda: self.announce(400 * KIB, "ben@example.test").startswith("452 4.2.2"),
                   "SIZE is compared with the room that the domain has left")
        self.assertTrue(self.announce(200 * KIB, "ben@example.test").startswith("250"))
        self.assertTrue(self.announce(400 * KIB, "carl@other.test").startswith("250"))
        self.assertTrue(self.send(300 * KIB, "ben@example.test").startswith("250"))
        wait_until(lambda: self.postmaster_has("example.test is 95 % full"), "the warning to the oldest mailbox")
        wait_until(lambda: self.send(KIB, "ann@example.test").startswith("452 4.2.2"), "refused at RCPT for all")
        shown = self.data("quota", "show", "example.test")
        self.assertEqual((shown["mailboxes"], shown["quota_bytes"]), (2, 1 << 20))
        self.assertGreaterEqual(shown["percent"], 95)
        self.assertIn("4.2.2", self.announce(0))
        # Somebody else makes room, and says so in the ledger, as Dovecot does.
        folder = self.instance.maildir("ben@example.test")
        for name in os.listdir(os.path.join(folder, "new")):
            os.unlink(os.path.join(folder, "new", name))
        self.ctl("quota", "recount", "--domain", "example.test")
        wait_until(lambda: self.send(KIB, "ann@example.test").startswith("250"), "room again", seconds=90)
        # A larger quota holds soon after it is set.
        self.ctl("quota", "set", "example.test", "--size", "10M")
        wait_until(lambda: self.announce(2048 * KIB, "ben@example.test").startswith("250"), "the new quota")
        self.assertEqual(self.data("domain", "show", "example.test")["quota_bytes"], 10 << 20)

    def test_words_for_mail_that_nobody_gets(self):
        self.ctl("domain", "add", "example.test", "--catch-all", "discard:role addresses only")
        self.ctl("domain", "add", "moved.test", "--catch-all", "refuse:we have moved to example.net")
        self.instance.add_mailbox("ann@example.test", PASSWORD)
        self.assertIn("one line of printable ASCII",
                      self.refused("domain", "set", "moved.test", "--catch-all", "refuse:two\nlines"))
        self.assertEqual(self.data("domain", "show", "example.test")["catch_all_text"], "role addresses only")
        self.assertIn("discard (catch-all of example.test: role addresses only)",
                      self.ctl("resolve", "who@example.test"))
        self.instance.start()
        self.assertEqual(self.announce(0, "who@moved.test").strip(), "550 5.1.1 we have moved to example.net")
        self.assertTrue(self.send(KIB, "who@example.test").startswith("250"))
        wait_until(lambda: "discarded" in self.ctl("trace", "who@example.test"), "the trace of it")
        self.assertIn("catch-all of example.test: role addresses only",
                      self.ctl("trace", "who@example.test"))
        self.assertIn("role addresses only", self.instance.log())


if __name__ == "__main__":
    unittest.main()
