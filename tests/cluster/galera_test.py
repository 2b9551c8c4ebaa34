#!/usr/bin/env python3
"""Two Toastmaster nodes on one Galera cluster of three MariaDB servers: what one writes the other knows,
writers on both at once, a database node killed and brought back under load, two of them lost.

  tests/cluster/galera_test.py      about a minute; needs the packages galera-4 and rsync
"""

import os
import shutil
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "interop"))

from galera_cluster import GaleraCluster  # noqa: E402
from toast_instance import Instance, wait_until  # noqa: E402
from wire_client import ANN, PASSWORD, QUICK, log_in, smtp, still_works  # noqa: E402

TEMPORARY = "-ERR [SYS/TEMP] "
PASSWORD_FILES = [os.path.join(folder, "mariadb.password") for folder in ("db", "db-auth", "db-admin")]


class Load(threading.Thread):
    """Asks one instance the same questions again and again, and keeps the beginnings of the answers."""

    def __init__(self, instance):
        super().__init__()
        self.instance = instance
        self.answers = {"known": set(), "unknown": set(), "login": set()}
        self.rounds = 0
        self.done = threading.Event()

    def run(self):
        while not self.done.is_set():
            self.answers["known"].add(rcpt(self.instance, ANN)[:9])
            self.answers["unknown"].add(rcpt(self.instance, "nobody@example.test")[:9])
            self.answers["login"].add(login(self.instance)[:len(TEMPORARY)].split("]")[0])
            self.rounds += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()


def rcpt(instance, address):
    with smtp(instance) as client:
        client.ask("MAIL FROM:<bob@client.example>")
        return client.ask(f"RCPT TO:<{address}>")


def login(instance, name=ANN, password=PASSWORD):
    client, answer = log_in(instance, name, password)
    client.socket.close()
    return "+OK" if answer.startswith("+OK") else answer


class OnGalera(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = GaleraCluster()
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.start()
        n1, n2, n3 = cls.cluster.nodes
        cls.first = cls.make_instance([n1, n2, n3])
        n1.run(cls.first.ctl("schema", "grants", "--from", "127.0.0.1"))
        cls.first.ctl("schema", "migrate")
        cls.first.ctl("domain", "add", "example.test")
        cls.first.add_mailbox(ANN)
        cls.second = cls.make_instance([n2, n3, n1])
        for name in PASSWORD_FILES:
            target = os.path.join(cls.second.root, name)
            os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
            if os.path.exists(target):
                os.remove(target)
            shutil.copy2(os.path.join(cls.first.root, name), target)
        for instance in (cls.first, cls.second):
            instance.start()
            still_works(instance)
        cls.pids = [instance.children() for instance in (cls.first, cls.second)]

    @classmethod
    def make_instance(cls, servers):
        instance = Instance(settings={**QUICK, "databasebackend": "mariadb",
                                      "mariadbservers": "\n".join(node.endpoint for node in servers)})
        cls.addClassCleanup(instance.remove)
        return instance

    def tearDown(self):
        for instance in (self.first, self.second):
            still_works(instance)
        # Nobody was restarted for it.
        self.assertEqual([instance.children() for instance in (self.first, self.second)], self.pids)

    def test_what_one_writes_the_other_knows(self):
        for round_ in range(20):
            writer, reader = (self.first, self.second) if round_ % 2 else (self.second, self.first)
            address = f"new{round_}@example.test"
            writer.add_mailbox(address)
            self.assertTrue(rcpt(reader, address).startswith("250 2.1.5"), address)
            self.assertEqual(login(reader, address), "+OK")
            self.assertIn(address, reader.ctl("mailbox", "show", address))
            writer.ctl("mailbox", "passwd", address, "--password-stdin", stdin="another horse\n")
            self.assertEqual(login(reader, address, "another horse"), "+OK")

    def test_a_node_that_lags_is_not_believed(self):
        """The second instance's database takes in nothing: it must not call a new mailbox unknown."""
        lagging = self.cluster.nodes[1]
        hold = threading.Thread(target=lagging.run, args=("FLUSH TABLES WITH READ LOCK; SELECT SLEEP(8)",))
        hold.start()
        wait_until(lambda: "FLUSH" in lagging.run("SHOW FULL PROCESSLIST").stdout or
                   "SLEEP" in lagging.run("SHOW FULL PROCESSLIST").stdout, "the node is held")
        self.first.add_mailbox("late@example.test")
        answer = rcpt(self.second, "late@example.test")
        self.assertTrue(answer.startswith(("250 2.1.5", "451 4.3.0")), answer)
        answer = login(self.second, "late@example.test")
        self.assertTrue(answer.startswith(("+OK", TEMPORARY)), answer)
        hold.join()
        wait_until(lambda: rcpt(self.second, "late@example.test").startswith("250 2.1.5"), "it is known")

    def test_writers_on_both_nodes(self):
        failures = []

        def write(instance, name):
            for number in range(15):
                done = instance.ctl("mailbox", "add", f"{name}{number}@example.test", "--password-stdin",
                                    stdin=PASSWORD + "\n", check=False)
                if done.returncode != 0:
                    failures.append(done.stderr)

        writers = [threading.Thread(target=write, args=(instance, name))
                   for instance, name in ((self.first, "a"), (self.second, "b"), (self.second, "c"))]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        self.assertEqual(failures, [])
        for instance in (self.first, self.second):
            listed = instance.ctl("mailbox", "list", "--domain", "example.test")
            for name in "abc":
                for number in range(15):
                    self.assertIn(f"{name}{number}@example.test", listed)

    def test_one_database_node_is_killed_and_comes_back(self):
        with Load(self.first) as one, Load(self.second) as other:
            for node in self.cluster.nodes[:2]:
                node.kill()
                before = [load.rounds for load in (one, other)]
                wait_until(lambda: all(load.rounds >= was + 20 for load, was in zip((one, other), before)),
                           "the load goes on", seconds=120)
                # toastctl, too, goes to another node.
                address = f"without-{node.name}@example.test"
                wait_until(lambda: self.first.ctl("mailbox", "add", address, "--password-stdin", stdin=PASSWORD,
                                                  check=False).returncode in (0, 6), "a change is made", 60)
                self.cluster.bring_back(node)
        for load in (one, other):
            self.assertLessEqual(load.answers["known"], {"250 2.1.5", "451 4.3.0"})
            self.assertLessEqual(load.answers["unknown"], {"550 5.1.1", "451 4.3.0"})
            self.assertLessEqual(load.answers["login"], {"+OK", "-ERR [SYS/TEMP"})

    def test_two_database_nodes_are_lost(self):
        with Load(self.first) as one, Load(self.second) as other:
            for node in self.cluster.nodes[1:]:
                node.kill()
            for load in (one, other):
                wait_until(lambda load=load: rcpt(load.instance, "nobody@example.test").startswith("451 4.3.0"),
                           "deferrals")
                wait_until(lambda load=load: login(load.instance).startswith(TEMPORARY), "later")
            done = self.first.ctl("domain", "add", "lost.test", check=False)
            self.assertEqual(done.returncode, 7, done.stderr)
            self.cluster.bring_back(*self.cluster.nodes[1:])
            for load in (one, other):
                wait_until(lambda load=load: rcpt(load.instance, "nobody@example.test").startswith("550 5.1.1"),
                           "answers again")
                wait_until(lambda load=load: login(load.instance) == "+OK", "logins again")
        for load in (one, other):
            self.assertLessEqual(load.answers["known"], {"250 2.1.5", "451 4.3.0"})
            self.assertLessEqual(load.answers["unknown"], {"550 5.1.1", "451 4.3.0"})
            self.assertLessEqual(load.answers["login"], {"+OK", "-ERR [SYS/TEMP"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
