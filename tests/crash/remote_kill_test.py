"""Nothing that got its 250 is lost on its way to other hosts: under mixed local and remote load, the
other hosts refuse, defer, hang up and stall, and meanwhile each of our programs, and all at once, are
killed with -9. At the end every recipient of every acknowledged message is accounted for.

    remote_kill_test.py [--kills N] [--seed S]        ./check runs the default
"""

import json
import os
import random
import signal
import sys
import threading
import time
import unittest
from types import SimpleNamespace

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from mixed_load import Mailboxes, Message, MixedLoad  # noqa: E402
from moody_sink import Sink, Taken  # noqa: E402
from toast_instance import Instance, wait_until  # noqa: E402


def option(name, default):
    if name not in sys.argv:
        return default
    at = sys.argv.index(name)
    value = int(sys.argv[at + 1])
    del sys.argv[at:at + 2]
    return value


KILLS = option("--kills", 14)
SEED = option("--seed", random.randrange(1 << 30))
# One after the other in random order; "toastd" is it and all of its programs at once.
VICTIMS = ("toast-queued", "toast-remoted", "toast-maild", "toast-smtpd", "toast-vdomaind", "toastd",
           "toastd alone")
LOCAL = [f"ann{n}@example.test" for n in range(8)]
SENDERS = [f"bob{n}@example.test" for n in range(4)]
AWAY = ["erik@one.test", "erik@three.test"]  # senders whose bounces are mail for other hosts as well
OFFERS = {"one.test": ("PIPELINING", "8BITMIME"), "two.test": ("8BITMIME", "SIZE 1000000"),
          "three.test": ("PIPELINING", "8BITMIME", "CHUNKING", "ENHANCEDSTATUSCODES")}
REMOTE = [f"{name}@{domain}" for domain in OFFERS for name in ("carl", "dora", "emil", "refused")]
# How far a kill may be from a message that it made come twice, in seconds. What was sent before it is
# read by the host up to so long after; and who heard a reply has it on disk so soon. On a machine with
# time to spare both are milliseconds.
READ_LATE = 1.0
NOTED = 2.0
DRAIN = 180


class Killer(threading.Thread):
    def __init__(self, instance, rng, kills):
        super().__init__(daemon=True)
        self.instance = instance
        self.rng = rng
        self.left = kills
        self.killed = []  # (from, to, victim): when it was
        self.failure = None

    def run(self):
        try:
            turn = []
            while self.left > 0:
                turn = turn or self.rng.sample(VICTIMS, len(VICTIMS))
                time.sleep(self.rng.uniform(0.1, 1.2))  # the load runs meanwhile
                self.kill(turn.pop())
        except Exception as failure:  # reported by the test, in its own thread
            self.failure = failure

    def kill(self, victim):
        began = time.time()
        if victim == "toastd":
            self.instance.kill_all()
        elif victim == "toastd alone":
            self.instance.process.kill()
            self.instance.process.wait()
            self.instance.process.stdout.close()
        else:
            pids = self.instance.children().get(victim)
            if not pids:
                return  # not back since it was killed last
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        self.killed.append((began, time.time(), victim))
        self.left -= 1
        if victim.startswith("toastd"):
            self.instance.start()


class Operator(threading.Thread):
    """Lets nothing wait for its time: what is deferred is tried again within moments."""

    def __init__(self, instance):
        super().__init__(daemon=True)
        self.instance = instance
        self.going = threading.Event()

    def run(self):
        while not self.going.wait(0.7):
            self.try_again()

    def try_again(self):
        self.instance.ctl("queue", "retry", "--all", check=False)  # queued may be dead just now
        for domain in OFFERS:
            self.instance.ctl("queue", "flush", domain, check=False)

    def stop(self):
        self.going.set()
        self.join(60)


def queued(instance):
    """{queue id: open recipients}, or None while queued does not answer."""
    done = instance.ctl("queue", "list", "--json", check=False)
    if done.returncode != 0:
        return None
    return {m["id"]: m for m in json.loads(done.stdout)["messages"]}


class Account:
    """Where each recipient of each acknowledged message is, and whether each bounce is right."""

    def __init__(self, load, mailboxes, sinks, kills):
        self.load = load
        self.boxes = mailboxes
        self.kills = [(began, ended) for began, ended, victim in kills
                      if victim in ("toast-queued", "toast-remoted") or victim.startswith("toastd")]
        self.taken = {}
        for sink in sinks:
            for one in sink.taken:
                self.taken.setdefault((one.id, one.recipient), []).append(one)
        for copies in self.taken.values():
            if any(one.acknowledged for one in copies):
                for key in copies[0].failed:
                    self.boxes.bounced.setdefault(key, []).append((copies[0].recipient, "at a host"))
        self.by_id = {m.id: m for m in load.messages}
        self.lost, self.wrong, self.places = [], [], {"maildir": 0, "sink": 0, "bounce": 0}
        self.unexplained, self.twice = [], 0
        for message in load.messages:
            if message.acknowledged:
                for recipient in message.recipients:
                    self.place(message, recipient)
        self.check_bounces()
        self.check_copies()

    def place(self, message, recipient):
        key = (message.id, recipient)
        if key in self.boxes.found:
            self.places["maildir"] += 1
        elif any(one.acknowledged for one in self.taken.get(key, ())):
            self.places["sink"] += 1
        elif key in self.boxes.bounced:
            self.places["bounce"] += 1
        else:
            self.lost.append(key)

    def check_bounces(self):
        """Only for recipients that were refused, to nobody but the sender, once."""
        for (identity, recipient), told in self.boxes.bounced.items():
            sender = self.by_id[identity].sender
            if (not recipient.startswith("refused") or [who for who, _ in told] != [sender]
                    or recipient not in self.by_id[identity].recipients):
                self.wrong.append((identity, recipient, told))

    def check_copies(self):
        """A Maildir has one copy. A host may have more: where it hung up in place of the reply, or we
        were killed before we had it on disk."""
        self.wrong += [(key, paths) for key, paths in self.boxes.found.items() if len(paths) > 1]
        for key, copies in self.taken.items():
            for earlier in copies[:-1]:
                self.twice += 1
                killed = any(ended + READ_LATE >= earlier.began and began <= earlier.said + NOTED
                             for began, ended in self.kills)
                if earlier.acknowledged and not killed:
                    self.unexplained.append((key, earlier))

    def line(self):
        acknowledged = [m for m in self.load.messages if m.acknowledged]
        return (f"{len(self.load.messages)} messages, {len(acknowledged)} acknowledged with "
                f"{sum(len(m.recipients) for m in acknowledged)} recipients: {self.places}, "
                f"{len(self.lost)} lost; a host got {self.twice} twice, "
                f"{len(self.unexplained)} of these without a reason")


class TheAccountItself(unittest.TestCase):
    """It must be able to say that something is wrong."""

    def account(self, recipient, taken=(), kills=(), bounced=()):
        message = Message(0, SENDERS[0])
        message.acknowledged = True
        message.recipients = [recipient]
        load = MixedLoad(None, SENDERS, LOCAL, 1)
        load.messages = [message]
        boxes = Mailboxes({})
        boxes.bounced = {(message.id, recipient): list(bounced)} if bounced else {}
        host = SimpleNamespace(taken=[Taken(message.id, recipient, at, at, said, True) for at, said in taken])
        return Account(load, boxes, [host], kills)

    def test_lost(self):
        key = ("id00000000", "carl@one.test")
        self.assertEqual(self.account(key[1]).lost, [key])
        self.assertEqual(self.account(key[1], taken=[(5.0, False)]).lost, [key])
        self.assertEqual(self.account(key[1], taken=[(5.0, True)]).lost, [])
        self.assertEqual(self.account("refused@one.test", bounced=[(SENDERS[0], "-")]).lost, [])

    def test_bounced_wrongly(self):
        for recipient, told in (("carl@one.test", SENDERS[:1]), ("refused@one.test", SENDERS[1:2]),
                                ("refused@one.test", SENDERS[:1] * 2)):
            self.assertTrue(self.account(recipient, bounced=[(who, "-") for who in told]).wrong)

    def test_twice(self):
        for kill, unexplained in (((50.0, 50.1), 1), ((3.5, 3.9), 1), ((4.9, 5.0), 0), ((6.5, 7.0), 0)):
            account = self.account("carl@one.test", taken=[(5.0, True), (9.0, True)],
                                   kills=[(*kill, "toast-queued")])
            self.assertEqual((account.twice, len(account.unexplained)), (1, unexplained), kill)
        self.assertEqual(self.account("carl@one.test", taken=[(5.0, False), (9.0, True)]).unexplained, [])


class RemoteKilling(unittest.TestCase):
    def setUp(self):
        self.sinks = [Sink(domain, offers, SEED) for domain, offers in OFFERS.items()]
        for sink in self.sinks:
            self.addCleanup(sink.stop)
        routes = "\n".join(f"{sink.name}:127.0.0.1:{sink.port}" for sink in self.sinks)
        self.instance = Instance(settings={"relaynetworks": "127.0.0.0/8", "smtproutes": routes,
                                           "passwordopslimit": 1, "passwordmemlimit": 8192})
        self.addCleanup(self.instance.remove)
        self.instance.ctl("domain", "add", "example.test")
        for address in LOCAL + SENDERS:
            self.instance.add_mailbox(address)
        self.instance.start()

    def test_every_recipient_is_accounted_for(self):
        print(f"seed {SEED}", flush=True)
        load = MixedLoad(self.instance.smtp, SENDERS + AWAY, LOCAL + REMOTE, SEED)
        killer = Killer(self.instance, random.Random(SEED), KILLS)
        operator = Operator(self.instance)
        sending = threading.Thread(target=load.run, daemon=True)
        for thread in (sending, operator, killer):
            thread.start()
        killer.join(60 + KILLS * 15)
        load.ending = True
        sending.join(120)
        operator.stop()
        for failure in filter(None, (killer.failure, load.failure)):
            raise failure
        self.assertFalse(sending.is_alive())
        self.assertEqual(len(killer.killed), KILLS)
        for sink in self.sinks:
            sink.moody = False

        left = self.drain(operator)
        maildirs = {address: self.instance.maildir(address) for address in LOCAL + SENDERS}
        account = Account(load, Mailboxes(maildirs), self.sinks, killer.killed)
        moods = {mood: sum(s.moods_met.get(mood, 0) for s in self.sinks)
                 for s in self.sinks for mood in s.moods_met}
        print(f"seed {SEED}, {KILLS} kills: {account.line()}; connections to the hosts {moods}; "
              f"answers of ours {load.answers}", flush=True)
        self.assertEqual(left, {})
        self.assertEqual(account.lost, [])
        self.assertEqual(account.wrong, [])
        self.assertEqual(account.unexplained, [])
        self.assertEqual(account.boxes.damaged, [])
        self.assertEqual(account.boxes.strange, [])
        self.assertEqual([t for s in self.sinks for t in s.taken if not t.intact], [])
        # The run was what it is meant to be.
        for place, number in account.places.items():
            self.assertGreater(number, 0, place)
        self.assertGreater(moods.get("drop", 0), 0)

    def drain(self, operator):
        """What is left in the queue when the hosts have been good for a while; nothing is right."""
        def empty():
            operator.try_again()
            return queued(self.instance) == {}
        try:
            wait_until(empty, "the queue drains", seconds=DRAIN)
        except AssertionError:
            left = queued(self.instance)
            for identity in left or ():
                print(self.instance.ctl("queue", "show", identity, check=False).stdout)
            return left
        return {}


if __name__ == "__main__":
    unittest.main(verbosity=2)
