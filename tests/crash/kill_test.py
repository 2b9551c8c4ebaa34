"""Every message that got its 250 is in a Maildir, once, intact: without faults, and while each program
in turn, and all of them at once, are killed with -9 at random.

TOAST_KILL_MESSAGES and TOAST_KILL_ROUNDS make the runs longer than ./check's bounded ones.
"""

import json
import os
import random
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from load import Load, account, arrived  # noqa: E402
from toast_instance import Instance, wait_until  # noqa: E402

MESSAGES = int(os.environ.get("TOAST_KILL_MESSAGES", "20000"))
ROUNDS = int(os.environ.get("TOAST_KILL_ROUNDS", "3"))
SEED = int(os.environ.get("TOAST_KILL_SEED", str(random.randrange(1 << 30))))
PROGRAMS = ("toast-smtpd", "toast-queued", "toast-maild", "toast-vdomaind", "toast-authd",
            "toast-remoted", "toast-pop3d")


def make_instance():
    # The cheapest password hash that is allowed: ten thousand accounts, none of which logs in.
    instance = Instance(settings={"passwordopslimit": 1, "passwordmemlimit": 8192})
    try:
        addresses = [f"user{u}@d{d}.test" for d in range(100) for u in range(100)]
        for d in range(100):
            instance.ctl("domain", "add", f"d{d}.test")
        passwords = os.path.join(instance.directory, "password")
        with open(passwords, "w") as file:
            file.write("not used here\n")
        os.chmod(passwords, 0o600)
        instance.ctl("mailbox", "add", "-", "--password-file", passwords, "--quiet",
                     stdin="\n".join(addresses) + "\n")
        # Neighbours in the list are in different domains.
        order = sorted(addresses, key=lambda a: (a.split("@")[0], a))
        return instance, order
    except BaseException:
        instance.remove()
        raise


def queue_is_empty(instance):
    done = instance.ctl("queue", "list", "--json", check=False)
    return done.returncode == 0 and not json.loads(done.stdout)["messages"]


class Killer(threading.Thread):
    """Kills one program after the other, then all at once (toastd included), `rounds` times over."""

    def __init__(self, instance, rng, rounds):
        super().__init__(daemon=True)
        self.instance = instance
        self.rng = rng
        self.rounds = rounds
        self.kills = 0
        self.failure = None

    def run(self):
        try:
            for _ in range(self.rounds):
                for name in PROGRAMS:
                    time.sleep(self.rng.uniform(0.05, 0.8))  # the load runs meanwhile
                    for pid in self.instance.children().get(name, []):
                        os.kill(pid, signal.SIGKILL)
                        self.kills += 1
                time.sleep(self.rng.uniform(0.05, 0.8))
                self.kills += 1
                self.instance.kill_all()
                self.instance.start()
        except Exception as failure:  # reported by the test, in its own thread
            self.failure = failure


class Killing(unittest.TestCase):
    def setUp(self):
        self.instance, self.recipients = make_instance()
        self.addCleanup(self.instance.remove)

    def settle_and_account(self, load):
        wait_until(lambda: queue_is_empty(self.instance), "the queue drains", seconds=300)
        found, damaged = arrived(os.path.join(self.instance.root, "mail"))
        line, lost, twice = account(load.attempts, found, damaged)
        print(f"seed {SEED}: {line}; unhappy answers {load.answers}", flush=True)
        self.assertEqual(lost, [])
        self.assertEqual(damaged, [])
        self.assertEqual(twice, [])
        return found

    def test_exactly_once_without_faults(self):
        self.instance.start()
        load = Load(self.instance.smtp, self.recipients, MESSAGES, connections=50)
        started = time.monotonic()
        load.run()
        print(f"{MESSAGES} accepted in {time.monotonic() - started:.1f} s", flush=True)
        found = self.settle_and_account(load)
        self.assertEqual(len(found), MESSAGES)
        self.assertEqual(load.answers, {})

    def test_nothing_acknowledged_is_lost_when_killed(self):
        self.instance.start()
        killer = Killer(self.instance, random.Random(SEED), ROUNDS)
        load = Load(self.instance.smtp, self.recipients, MESSAGES, connections=50, patience=900)
        killer.start()
        load.run()
        killer.join(600)
        if killer.failure:
            raise killer.failure
        print(f"{killer.kills} processes killed", flush=True)
        self.assertGreaterEqual(killer.kills, ROUNDS * (len(PROGRAMS) - 1))
        self.settle_and_account(load)


if __name__ == "__main__":
    unittest.main(verbosity=2)
