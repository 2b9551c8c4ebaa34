"""Where is my mail: toastctl trace and the history in toastctl queue show, against a real server; and
qmail-send's lines in its log."""

import json
import os
import re
import signal
import socket
import threading
import unittest

from toast_instance import Instance, wait_until
from wire_client import ANN, QUICK, send, smtp, wait_for_subjects

AWAY = "away@elsewhere.test"
UNKNOWN_ID = "06cng36eloo80"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
NOT_FOUND, INVALID, USAGE = 3, 6, 2


class Sink:
    """A host that takes no mail yet: RCPT is answered 450."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    @staticmethod
    def talk(client):
        with client, client.makefile("rwb") as lines:
            lines.write(b"220 elsewhere.test\r\n")
            lines.flush()
            for line in lines:
                verb = line[:4].upper()
                answer = {b"RCPT": b"450 4.2.1 come back later", b"QUIT": b"221 bye"}.get(verb, b"250 ok")
                lines.write(answer + b"\r\n")
                lines.flush()
                if verb == b"QUIT":
                    return


class Trace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.listener.close)
        cls.instance = Instance(settings={**QUICK, "qmaillog": 1,
                                          "smtproutes": f"elsewhere.test:127.0.0.1:{cls.sink.port}"})
        cls.addClassCleanup(cls.instance.remove)
        cls.instance.ctl("domain", "add", "example.test")
        cls.instance.add_mailbox(ANN)
        cls.instance.ctl("alias", "add", "out@example.test", AWAY)
        cls.instance.start()

    def letter(self, recipient, message_id):
        """Sends one; its queue id."""
        with smtp(self.instance) as client:
            client.ask("MAIL FROM:<bob@client.example>")
            self.assertTrue(client.ask(f"RCPT TO:<{recipient}>").startswith("250"))
            answer = send(client, f"Subject: {message_id}\r\nMessage-ID: <{message_id}>\r\n\r\nx\r\n".encode())
        return re.search(r"[0-9a-v]{13}", answer).group()

    def trace(self, *words):
        return json.loads(self.instance.ctl("trace", *words, "--json"))

    def failure(self, *words):
        done = self.instance.ctl("trace", *words, "--json", check=False)
        self.assertEqual(done.stdout, "")
        return json.loads(done.stderr)["error"]

    def events(self, *words):
        return [event["event"] for message in self.trace(*words)["messages"] for event in message["events"]]

    def test_delivered_mail_has_a_story(self):
        message_id = "first.1@client.example"
        queue_id = self.letter(ANN, message_id)
        wait_for_subjects(self.instance, [message_id])
        wait_until(lambda: "finished" in self.events(queue_id), "the end in the store")
        for words in ((queue_id,), (message_id,), (f"<{message_id}>",), (ANN.upper(), "--since", "1h")):
            found = [m for m in self.trace(*words)["messages"] if m["id"] == queue_id]
            self.assertEqual(len(found), 1, words)
        story = found[0]
        self.assertEqual([e["event"] for e in story["events"]], ["accepted", "delivered", "finished"])
        self.assertEqual((story["state"], story["sender"], story["named_recipients"], story["message_id"],
                          story["peer"]), ("gone", "bob@client.example", [ANN], message_id, "127.0.0.1"))
        self.assertEqual(story["events"][1]["recipient"], ANN)
        human = self.instance.ctl("trace", queue_id)
        self.assertRegex(human, rf"\A{queue_id}  from <bob@client.example> to {ANN}, .*<{message_id}>\n"
                                rf"  {TIME}  accepted   from 127.0.0.1\n"
                                rf"  {TIME}  delivered  {ANN}: delivered \(.*\)\n"
                                rf"  {TIME}  finished\n\Z")

    def test_waiting_mail_says_why_and_until_when(self):
        queue_id = self.letter("out@example.test", "second.2@client.example")
        wait_until(lambda: "deferred" in self.events(queue_id), "a deferral in the store")
        parent, child = self.trace(queue_id)["messages"]
        self.assertEqual((parent["id"], parent["state"], child["parent"], child["state"]),
                         (queue_id, "gone", queue_id, "queued"))
        deferral = next(e for e in child["events"] if e["event"] == "deferred")
        self.assertIn("4.2.1 come back later", deferral["text"])
        self.assertIn("127.0.0.1", deferral["remote"])
        waiting = wait_until(lambda: self.trace(child["id"])["messages"][-1]["waiting"], "it waits")
        self.assertEqual((waiting[0]["address"], waiting[0]["state"], waiting[0]["attempts"]),
                         (AWAY, "deferred", 1))
        human = self.instance.ctl("trace", AWAY)
        self.assertIn(f"created    as forward of {queue_id}\n", human)
        self.assertRegex(human, rf"now: {AWAY} deferred, attempt 2 at {TIME}\n")
        detail = json.loads(self.instance.ctl("queue", "show", child["id"], "--json"))["recipient_details"][0]
        self.assertEqual([e["event"] for e in detail["history"]], ["deferred"])
        self.assertIn("come back later", detail["history"][0]["text"])
        self.assertRegex(self.instance.ctl("queue", "show", child["id"]),
                         rf"\n    {TIME}  deferred   {AWAY}: .*come back later")

    def test_nothing_known(self):
        self.letter(ANN, "third.3@client.example")
        for word in ("nobody@example.test", "<no@such.id>", UNKNOWN_ID):
            error = self.failure(word)
            self.assertEqual((error["exit"], error["code"], error["object"]), (NOT_FOUND, "no_trace", word))
            self.assertRegex(error["hint"], f"reaches back to {TIME}")
        self.assertEqual(self.failure(ANN, "--since", "soon")["exit"], INVALID)
        self.assertEqual(self.failure(ANN, "--limit", "0")["exit"], USAGE)

    def test_of_too_many_the_newest(self):
        ids = [self.letter(ANN, f"many.{n}@client.example") for n in range(4)]
        wait_until(lambda: ids[-1] in str(self.trace(ANN)), "the last in the store")
        answer = self.trace(ANN, "--limit", "2")
        self.assertEqual([m["id"] for m in answer["messages"]], ids[-2:])
        self.assertFalse(answer["complete"])
        self.assertIn("warning", self.instance.ctl("trace", ANN, "--limit", "2", check=False).stderr)

    def test_the_story_outlives_the_server(self):
        queue_id = self.letter(ANN, "kept.4@client.example")
        wait_until(lambda: "finished" in self.events(queue_id), "the end in the store")
        self.assertEqual(self.instance.stop(), 0)
        self.assertNotIn("queue.journal.warning", self.instance.log())
        self.assertTrue(os.listdir(os.path.join(self.instance.root, "queue", "trace")))
        self.instance.start()
        self.assertEqual(self.events(queue_id), ["accepted", "delivered", "finished"])

    def test_qmail_sends_lines(self):
        queue_id = self.letter(ANN, "lines.5@client.example")
        wait_until(lambda: "finished" in self.events(queue_id), "the end in the store")
        log = self.instance.log()
        number = int(queue_id, 32)
        self.assertRegex(log, rf"(?m)^info msg {number}: bytes \d+ from <bob@client.example> qp {number} uid 0$")
        delivery = re.search(rf"(?m)^starting delivery (\d+): msg {number} to local {ANN}$", log).group(1)
        self.assertRegex(log, rf"(?m)^delivery {delivery}: success: did_1\+0\+0/$")
        self.assertRegex(log, rf"(?m)^end msg {number}$")
        self.assertRegex(log, r"(?m)^status: local \d+/\d+ remote \d+/\d+$")


class Off(unittest.TestCase):
    def test_a_store_can_be_switched_off_and_is_empty_then(self):
        with Instance(settings=QUICK) as instance:
            instance.ctl("domain", "add", "example.test")
            instance.add_mailbox(ANN)
            instance.start()
            folder = os.path.join(instance.root, "queue", "trace")
            with smtp(instance) as client:
                client.ask("MAIL FROM:<bob@client.example>")
                client.ask(f"RCPT TO:<{ANN}>")
                send(client, b"Subject: x\r\n\r\nx\r\n")
            wait_until(lambda: os.path.isdir(folder) and os.listdir(folder), "an event on disk")
            instance.ctl("config", "set", "tracebytes", "0")
            instance.process.send_signal(signal.SIGHUP)
            wait_until(lambda: not os.listdir(folder), "the events removed")
            done = instance.ctl("trace", ANN, check=False)
            self.assertEqual(done.returncode, NOT_FOUND)
            self.assertIn("keeps no events", done.stderr)


if __name__ == "__main__":
    unittest.main()
