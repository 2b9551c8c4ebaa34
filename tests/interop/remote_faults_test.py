"""What other hosts and the DNS can do to us: replies without end, no reply, the wrong moment to go.
For each: what the queue says of the mail, what `toastctl queue destinations` says of the host, and
that mail to other hosts goes on meanwhile.

The slow ones run side by side: the mail for all of them is submitted before the first is looked at.
"""

import json
import re
import socket
import unittest

import rude_hosts as rude
from rude_hosts import Host, NameServer, unused_port
from toast_instance import Instance, wait_until
from wire_client import ANN, QUICK, send, smtp, wait_for_subjects

TIMEOUT = 10  # of timeoutremote, its least
SETTINGS = {**QUICK, "relaynetworks": "127.0.0.0/8", "timeoutremote": TIMEOUT, "timeoutconnect": 5}
LARGE = 300 * 1024


def submit(instance, recipient, size=0):
    """The queue id of a message from ann, its subject the recipient."""
    lines = b"x" * 70 + b"\r\n"
    text = (f"Subject: {recipient}\r\nMessage-ID: <{recipient}>\r\n\r\n".encode()
            + lines * (size // len(lines)) + b"end\r\n")
    with smtp(instance) as client:
        for command in (f"MAIL FROM:<{ANN}>", f"RCPT TO:<{recipient}>"):
            if not (answer := client.ask(command)).startswith("250"):
                raise AssertionError(f"{command}: {answer}")
        answer = send(client, text)
    return re.search(r"[0-9a-v]{13}", answer).group()


class RemoteTest(unittest.TestCase):
    @classmethod
    def make(cls, **settings):
        instance = Instance(settings={**SETTINGS, **settings})
        cls.addClassCleanup(instance.remove)
        instance.ctl("domain", "add", "example.test")
        instance.add_mailbox(ANN)
        return instance.start()

    @classmethod
    def host(cls, script, **where):
        host = Host(script, **where)
        cls.addClassCleanup(host.close)
        return host

    def recipient(self, queue_id):
        done = self.instance.ctl("queue", "show", queue_id, "--json", check=False)
        return json.loads(done.stdout)["recipient_details"][0] if done.returncode == 0 else None

    def deferral(self, queue_id, seconds=45):
        """The first deferral of the message: its text."""
        def history():
            return [e for e in self.recipient(queue_id)["history"] if e["event"] == "deferred"]
        return wait_until(history, f"{queue_id} is deferred", seconds)[0]["text"]

    def destination(self, name):
        rows = json.loads(self.instance.ctl("queue", "destinations", "--json"))["destinations"]
        return next((row for row in rows if row["destination"] == name), None)

    def assert_traced(self, queue_id, text):
        """`toastctl trace` tells the same, for people."""
        human = self.instance.ctl("trace", queue_id)
        self.assertIn("accepted", human)
        self.assertIn(text, human)

    def assert_taken(self, host, recipient, seconds=20):
        subject = f"Subject: {recipient}\r\n".encode()
        wait_until(lambda: any(subject in text for text in host.messages), f"mail for {recipient}", seconds)


class Hosts(RemoteTest):
    """Name: script, size of its mail, is the destination down, what the queue says of the mail."""

    CASES = {
        "endless-lines": (rude.endless_lines, 0, True, r"^4\.5\.0 "),
        "line-without-end": (rude.line_without_end, 0, True, r"^4\.5\.0 "),
        "megabyte-reply": (rude.megabyte_reply, 0, True, r"^4\.5\.0 "),
        "silent-at-the-dot": (rude.never_answers_the_dot, 0, False, r"^4\.4\.2 .*may arrive twice"),
        "silent": (rude.never_greets, 0, True, r"^4\.4\.2 "),
        "goes-at-once": (rude.goes_at_once, 0, True, r"421 4\.3\.2 too many connections"),
        "refuses-at-once": (rude.refuses_at_once, 0, True, r"^4.*554 5\.7\.1 your address is on a list"),
        "closes": (rude.closes_in_the_middle, LARGE, False, r"^4\.4\.2 .*lost"),
        "something-else": (rude.speaks_something_else, 0, True, r"^4\.5\.0 "),
    }

    @classmethod
    def setUpClass(cls):
        cls.good = cls.host(rude.good)
        cls.hosts = {name: cls.host(case[0]) for name, case in cls.CASES.items()}
        cls.ports = {name: host.port for name, host in cls.hosts.items()}
        cls.ports["closed"] = unused_port()
        routes = [f"{name}.test:127.0.0.1:{port}" for name, port in cls.ports.items()]
        cls.instance = cls.make(smtproutes="\n".join([*routes, f"good.test:127.0.0.1:{cls.good.port}"]))
        cls.ids = {name: submit(cls.instance, f"carl@{name}.test", cls.CASES.get(name, (0, 0))[1])
                   for name in cls.ports}

    def look(self, name, down, text):
        """Each in a test of its own, so that one that is wrong does not hide the others."""
        said = self.deferral(self.ids[name])
        self.assertRegex(said, text)
        self.assertLess(len(said), 4096)
        self.assertTrue(said.isprintable(), said)
        self.assert_traced(self.ids[name], said.split(" ")[0])
        destination = self.destination(f"[127.0.0.1]:{self.ports[name]}")
        if down:
            self.assertEqual(destination["state"], "down")
            self.assertRegex(destination["why"], text)
            self.assertTrue(destination["next_probe"])
        elif destination:
            self.assertEqual(destination["state"], "up")
        # And the others go on.
        submit(self.instance, f"after-{name}@good.test")
        self.assert_taken(self.good, f"after-{name}@good.test", seconds=5)

    def test_connection_refused(self):
        self.look("closed", True, r"^4\.4\.1 .*[Rr]efused")

    def test_a_dead_host_costs_one_attempt(self):
        """What else comes for it waits for the probe; when that succeeds all of it goes."""
        self.look("goes-at-once", True, "421")
        host = self.hosts["goes-at-once"]
        seen = host.connections
        more = [submit(self.instance, f"more{n}@goes-at-once.test") for n in range(5)]
        submit(self.instance, "beside@good.test")
        self.assert_taken(self.good, "beside@good.test")
        self.assertEqual(host.connections, seen)
        self.assertEqual([self.recipient(i)["attempts"] for i in more], [0] * 5)
        host.script = rude.good
        self.instance.ctl("queue", "flush", "goes-at-once.test")
        for n in range(5):
            self.assert_taken(host, f"more{n}@goes-at-once.test")
        wait_until(lambda: self.recipient(more[0]) is None, "it has left the queue", 10)
        self.assertIn("delivered", self.instance.ctl("trace", more[0]))


    def test_what_waits_behind_it_says_why(self):
        """Though it was never tried itself."""
        self.deferral(self.ids["refuses-at-once"])
        waiting = submit(self.instance, "later@refuses-at-once.test")
        words = "554 5.7.1 your address is on a list"
        self.assertIn(words, self.instance.ctl("queue", "list", "--to", "later@*"))
        self.assertIn(words, self.recipient(waiting)["last_text"] or "")
        self.assertIn(words, self.instance.ctl("trace", waiting))


def add_case(name, down, text):
    def test(self):
        self.look(name, down, text)
    setattr(Hosts, "test_" + name.replace("-", "_"), test)


for case_name, (_, _, is_down, words) in Hosts.CASES.items():
    if case_name != "goes-at-once":
        add_case(case_name, is_down, words)


class NextHost(RemoteTest):
    """The second MX host takes what the first does not; they have the same port here."""

    def test_next_host_after_a_bad_greeting(self):
        for number, script in enumerate((rude.goes_at_once, rude.refuses_at_once, rude.speaks_something_else)):
            with self.subTest(script=script.__name__):
                network = f"127.77.{number}"
                first = Host(script, address=f"{network}.1")
                second = Host(rude.good, address=f"{network}.2", port=first.port)
                names = NameServer({("elsewhere.test", "MX"): [(10, "a.elsewhere.test"),
                                                               (20, "b.elsewhere.test")],
                                    ("a.elsewhere.test", "A"): [f"{network}.1"],
                                    ("b.elsewhere.test", "A"): [f"{network}.2"]})
                for part in (first, second, names):
                    self.addCleanup(part.close)
                instance = self.make(smtproutes=f"::{first.port}", dnsservers=f"127.0.0.1:{names.port}")
                submit(instance, "carl@elsewhere.test")
                self.assert_taken(second, "carl@elsewhere.test")
                self.assertEqual(first.connections, 1)


class Dns(RemoteTest):
    """Nothing bounces because it fails, and destinations that are addresses are still served."""

    @classmethod
    def setUpClass(cls):
        cls.servers = {"silent": NameServer(None), "liar": NameServer({
            ("elsewhere.test", "CNAME"): ["other.test"], ("other.test", "CNAME"): ["elsewhere.test"]})}
        ports = {name: server.port for name, server in cls.servers.items()}
        ports["closed"] = unused_port(socket.SOCK_DGRAM)
        cls.good = cls.host(rude.good)
        cls.instances, cls.ids = {}, {}
        for server in cls.servers.values():
            cls.addClassCleanup(server.close)
        for name, port in ports.items():
            cls.instances[name] = cls.make(smtproutes=f"good.test:127.0.0.1:{cls.good.port}",
                                           dnsservers=f"127.0.0.1:{port}")
            cls.ids[name] = submit(cls.instances[name], "carl@elsewhere.test")

    def look(self, name):
        self.instance, waiting = self.instances[name], self.ids[name]
        recipient = f"{name}@good.test"
        submit(self.instance, recipient)
        self.assert_taken(self.good, recipient)
        self.assertRegex(self.deferral(waiting, seconds=60), r"^4\.4\.3 ")
        self.assert_traced(waiting, "4.4.3")
        wait_until(lambda: self.destination("elsewhere.test")["state"] == "down", "it is down", 10)
        self.assertRegex(self.destination("elsewhere.test")["why"], r"^4\.4\.3 ")

    def test_silent(self):
        self.look("silent")
        self.assertGreater(self.servers["silent"].asked, 0)

    def test_closed(self):
        self.look("closed")

    def test_loop_of_aliases(self):
        self.look("liar")

    def test_a_huge_answer(self):
        """More mail hosts than anybody has: the best of them is found, however far back it stands."""
        hosts = [(100 + n, f"host-with-a-long-name-{n}.elsewhere.test") for n in range(900)]
        host = self.host(rude.good, address="127.77.9.1")
        names = NameServer({("elsewhere.test", "MX"): [*hosts, (1, "best.elsewhere.test")],
                            ("best.elsewhere.test", "A"): [host.address]})
        self.addCleanup(names.close)
        instance = self.make(smtproutes=f"::{host.port}", dnsservers=f"127.0.0.1:{names.port}")
        submit(instance, "carl@elsewhere.test")
        self.assert_taken(host, "carl@elsewhere.test")
        self.assertGreater(names.asked_over_tcp, 0)

    def test_no_such_domain_bounces(self):
        names = NameServer({})
        self.addCleanup(names.close)
        instance = self.make(dnsservers=f"127.0.0.1:{names.port}")
        submit(instance, "carl@nowhere.test")
        [bounce] = wait_for_subjects(instance, ["failure notice"])
        self.assertIn("Status: 5.1.2\n", bounce)


if __name__ == "__main__":
    unittest.main(verbosity=2)
