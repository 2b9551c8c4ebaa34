"""Automatic answers, forwards and catch-alls on a real instance: what they do, and that every circle of
them ends, with a number of messages that is known."""

import json
import os
import unittest

from toast_instance import Instance, wait_until
from wire_client import QUICK, smtp

ANN, BEN, CARL = "ann@a.test", "ben@b.test", "carl@a.test"


class RobotsTest(unittest.TestCase):
    def setUp(self):
        self.instance = Instance(settings={**QUICK, "unknowngrace": 0})
        self.addCleanup(self.instance.remove)
        for name in ("a.test", "b.test"):
            self.ctl("domain", "add", name)
        for address in (ANN, BEN, CARL):
            self.instance.add_mailbox(address)
        self.instance.start()

    def ctl(self, *words, **more):
        return self.instance.ctl(*words, **more)

    def send(self, sender, to, *fields, size=0):
        head = [f"From: {sender}", f"To: {to}", "Subject: hello", "Message-ID: <1@client.example>", *fields]
        body = "\r\n".join(head) + "\r\n\r\nhello\r\n" + ("x" * 70 + "\r\n") * (size // 72) + "."
        with smtp(self.instance) as client:
            client.ask(f"MAIL FROM:<{sender}>")
            answer = client.ask(f"RCPT TO:<{to}>")
            self.assertTrue(answer.startswith("250"), answer)
            client.ask("DATA")
            answer = client.ask(body)
            self.assertTrue(answer.startswith("250"), answer)

    def inbox(self, address):
        folder = os.path.join(self.instance.maildir(address), "new")
        found = []
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name)) as message:
                found.append(message.read())
        return found

    def settle(self):
        """Until the queue is empty: every circle has ended."""
        wait_until(lambda: not json.loads(self.ctl("queue", "list", "--json"))["messages"], "an empty queue")

    def events(self, name):
        return [line for line in self.instance.log().splitlines() if name in line]

    def away(self, address, *options):
        self.ctl("vacation", "set", address, "--text", "I am away.", *options)

    # --- automatic answers

    def test_a_person_is_answered_once(self):
        self.away(ANN, "--subject", "Zurück am Montag")
        shown = json.loads(self.ctl("vacation", "show", ANN, "--json"))
        self.assertEqual((shown["answers_now"], shown["days"]), (True, 7))
        self.send(BEN, ANN)
        self.settle()
        self.send(BEN, ANN)
        self.settle()
        self.assertEqual(len(self.inbox(ANN)), 2)
        answer, = self.inbox(BEN)
        self.assertIn("Return-Path: <>\n", answer)
        self.assertIn("Subject: =?UTF-8?B?", answer)
        self.assertIn("In-Reply-To: <1@client.example>\n", answer)
        self.assertIn("\n\nI am away.\n", answer)
        self.instance.stop()  # remembered
        self.instance.start()
        self.send(BEN, ANN)
        self.send(CARL, ANN)
        self.settle()
        self.assertEqual(len(self.inbox(BEN)), 1)
        self.assertEqual(len(self.inbox(CARL)), 1)
        self.ctl("vacation", "clear", ANN)
        self.assertEqual(self.ctl("vacation", "show", ANN, check=False).returncode, 3)

    def test_who_is_not_answered(self):
        self.away(ANN)
        self.send(BEN, ANN, "List-Id: <l.test>")
        self.send(BEN, ANN, "Precedence: bulk")
        self.send(BEN, ANN, "Auto-Submitted: auto-generated")
        self.send("", ANN)
        self.ctl("vacation", "set", CARL, "--text", "x", "--from", "2090-01-01")
        self.send(BEN, CARL)
        self.ctl("alias", "add", "all@a.test", ANN)
        self.send(BEN, "all@a.test")
        self.settle()
        self.assertEqual(len(self.inbox(ANN)), 5)
        self.assertEqual(self.inbox(BEN), [])
        self.ctl("vacation", "set", ANN, "--only-if-named", "off")
        self.send(BEN, "all@a.test")
        self.settle()
        self.assertEqual(len(self.inbox(BEN)), 1)

    def test_two_who_are_away_stop(self):
        self.away(ANN)
        self.away(BEN)
        self.send(ANN, BEN)
        self.comes(ANN, 1)
        self.settle()
        self.assertEqual((len(self.inbox(BEN)), len(self.inbox(ANN))), (1, 1))
        self.send(BEN, ANN)
        self.comes(BEN, 2)
        self.settle()
        self.assertEqual((len(self.inbox(BEN)), len(self.inbox(ANN))), (2, 2))

    def test_who_is_away_and_forwards_to_who_forwards_back(self):
        self.away(ANN)
        self.ctl("alias", "add", ANN, BEN, "--keep-copy=on")
        self.ctl("alias", "add", BEN, ANN, "--keep-copy=on")
        self.send(CARL, ANN)
        self.settle()
        self.assertEqual((len(self.inbox(ANN)), len(self.inbox(BEN))), (1, 1))
        self.assertEqual(len(self.inbox(CARL)), 1)

    # --- forwards

    def test_a_forward_with_and_without_a_copy(self):
        self.ctl("alias", "add", ANN, BEN, "--keep-copy=on")
        self.send(CARL, ANN)
        self.settle()
        self.assertEqual((len(self.inbox(ANN)), len(self.inbox(BEN))), (1, 1))
        self.ctl("alias", "set", ANN, "--keep-copy=off")
        self.send(CARL, ANN, size=400_000)  # a body of its own file
        self.settle()
        self.assertEqual((len(self.inbox(ANN)), len(self.inbox(BEN))), (1, 2))
        self.assertEqual(self.inbox(CARL), [])

    def test_a_circle_of_aliases_is_not_entered(self):
        """Nobody would get it: said at RCPT, so that no message is made."""
        self.ctl("alias", "add", "x@a.test", "y@b.test")
        self.ctl("alias", "add", "y@b.test", "x@a.test")
        with smtp(self.instance) as client:
            client.ask(f"MAIL FROM:<{CARL}>")
            self.assertTrue(client.ask("RCPT TO:<x@a.test>").startswith("451 "))
        self.assertEqual(self.events("queue.message.accepted"), [])

    def test_mail_that_was_here_before_bounces_once(self):
        """What a circle through another host looks like when it comes round."""
        self.ctl("alias", "add", "x@a.test", "x@elsewhere.test")
        self.send(CARL, "x@a.test", "Delivered-To: x@a.test")
        self.comes(CARL, 1)
        self.settle()
        bounce, = self.inbox(CARL)
        self.assertIn("5.4.6", bounce)
        self.send(CARL, ANN, "Delivered-To: " + ANN)
        self.comes(CARL, 2)
        self.settle()
        self.assertEqual(len(self.inbox(CARL)), 2)
        self.assertEqual(len(self.events("queue.message.created")), 2)  # a bounce each

    # --- catch-alls

    def test_every_catch_all(self):
        def rcpt():
            with smtp(self.instance) as client:
                client.ask(f"MAIL FROM:<{CARL}>")
                return client.ask("RCPT TO:<who@b.test>")[:9]
        self.assertEqual(rcpt(), "550 5.1.1")
        self.ctl("domain", "set", "b.test", "--catch-all", "discard")
        wait_until(lambda: rcpt() == "250 2.1.5", "discarded mail is taken")
        self.send(CARL, "who@b.test")
        self.settle()
        self.assertTrue(any("catch-all of b.test" in line and "discarded" in line
                            for line in self.events("queue.delivery.done")))
        self.ctl("domain", "set", "b.test", "--catch-all", BEN)
        self.send(CARL, "who@b.test")
        self.settle()
        self.assertEqual(len(self.inbox(BEN)), 1)
        self.ctl("domain", "set", "b.test", "--catch-all", ANN)
        self.send(CARL, "who@b.test")
        self.settle()
        self.assertEqual(len(self.inbox(ANN)), 1)
        self.ctl("domain", "set", "b.test", "--catch-all", "refuse")
        wait_until(lambda: rcpt() == "550 5.1.1", "unknown names are refused")

    def test_a_catch_all_that_forwards_to_a_catch_all_that_forwards_back(self):
        """Nobody's: said at RCPT, or ended by a bounce; in any case no message stays or multiplies."""
        self.ctl("domain", "set", "a.test", "--catch-all", "who@b.test")
        self.ctl("domain", "set", "b.test", "--catch-all", "who@a.test")
        with smtp(self.instance) as client:
            client.ask(f"MAIL FROM:<{CARL}>")
            answer = client.ask("RCPT TO:<who@a.test>")
            if answer.startswith("250"):
                client.ask("DATA")
                client.ask("To: who@a.test\r\n\r\nx\r\n.")
        accepted = len(self.events("queue.message.accepted"))
        self.settle() if answer.startswith("250") else None
        made = len(self.events("queue.message.created"))
        self.assertLessEqual(made, 3, (answer, accepted, self.events("queue.")))

    def comes(self, address, wanted):
        wait_until(lambda: len(self.inbox(address)) >= wanted, f"{wanted} messages for {address}")

    def created(self):
        return len(self.events("queue.message.created"))

    def test_an_answer_that_comes_back_through_a_catch_all_is_not_answered(self):
        """Ann answers who@b.test, whose mail is hers: her answer comes back to her, and that is all."""
        self.ctl("domain", "set", "b.test", "--catch-all", ANN)
        self.away(ANN)
        self.send("who@b.test", ANN)
        self.comes(ANN, 2)
        self.settle()
        self.assertEqual((len(self.inbox(ANN)), self.created()), (2, 1))

    def test_what_a_catch_all_brings_is_not_answered(self):
        self.ctl("domain", "set", "b.test", "--catch-all", BEN)
        self.away(BEN)
        self.send(CARL, "who@b.test")
        self.comes(BEN, 1)
        self.settle()
        self.assertEqual((len(self.inbox(BEN)), self.inbox(CARL), self.created()), (1, [], 0))

    def test_two_who_are_away_and_forward_to_each_other(self):
        for one, other in ((ANN, BEN), (BEN, ANN)):
            self.away(one)
            self.ctl("alias", "add", one, other, "--keep-copy=on")
        for copies in (1, 2):
            self.send(CARL, ANN)
            self.comes(ANN, copies)
            self.comes(BEN, copies)
            self.settle()
        self.comes(CARL, 1)
        self.assertEqual((len(self.inbox(ANN)), len(self.inbox(BEN))), (2, 2))
        self.assertLessEqual(self.created(), 2)  # an answer from each at most


if __name__ == "__main__":
    unittest.main()
