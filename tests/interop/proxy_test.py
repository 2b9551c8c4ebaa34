"""Balancers in front of us: the PROXY protocol, version 2, by hand and from HAProxy. Whose address counts
then, for what; and that nobody but a named balancer is believed."""

import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import unittest

from rude_hosts import unused_port
from toast_instance import Instance, wait_until
from wire_client import ANN, PASSWORD, QUICK, Client, message, send, take_mail

BALANCER = "127.0.0.2"  # we are 127.0.0.1, and so is whoever is no balancer
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL = SIGNATURE + b"\x20\0\0\0"
PORTS = {"smtp": 25, "submission": 587, "submissions": 465, "pop3": 110, "pop3s": 995}
CAP = 13  # connections of one address
PATIENCE = 5  # seconds that a balancer has for its header


def header(client, extra=b""):
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    addresses = socket.inet_pton(family, client)
    addresses += bytes(len(addresses) - 1) + b"\1" + struct.pack(">HH", 40000, 25)
    code = b"\x21\x21" if family == socket.AF_INET6 else b"\x21\x11"
    return SIGNATURE + code + struct.pack(">H", len(addresses + extra)) + addresses + extra


def context():
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


class Proxied(Client):
    """A connection from the balancer's address (or `source`), which begins with `first`."""

    def __init__(self, instance, port, first, source=BALANCER, tls=False):
        plain = socket.create_connection(("127.0.0.1", instance.base + PORTS[port]), timeout=30,
                                         source_address=(source, 0))
        plain.sendall(first)
        self.socket = context().wrap_socket(plain) if tls else plain
        self.read_ahead = b""


class ProxyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The balancer's own network may relay: its clients may not, for all that.
        cls.mail = Instance(settings={**QUICK, "proxynetworks": f"{BALANCER}/32",
                                      "relaynetworks": "127.0.0.0/8\n198.51.100.0/24",
                                      "smtpmaxperaddress": CAP, "pop3maxperaddress": CAP})
        cls.addClassCleanup(cls.mail.remove)
        cls.mail.ctl("domain", "add", "example.test")
        cls.mail.add_mailbox(ANN)
        cls.mail.start()

    def through(self, port, client, **more):
        return Proxied(self.mail, port, header(client), **more)

    def logged(self, pattern):
        wait_until(lambda: re.search(pattern, self.mail.log()), pattern, 20)

    def relays(self, client):
        """The answer to a recipient elsewhere."""
        with client:
            client.reply()
            for command in ("EHLO client.example", "MAIL FROM:<x@client.example>"):
                client.ask(command)
            return client.ask("RCPT TO:<you@elsewhere.test>")

    # -- the client's address

    def test_received_and_the_log_name_the_client(self):
        for address, shown in (("203.0.113.7", "[203.0.113.7]"), ("2001:db8:7::9", "[IPv6:2001:db8:7::9]")):
            with self.through("smtp", address) as client:
                client.reply()
                client.ask("EHLO client.example")
                client.ask("MAIL FROM:<bob@client.example>")
                self.assertRegex(client.ask(f"RCPT TO:<{ANN}>"), "^250")
                self.assertRegex(send(client, message("through the balancer")), "^250")
            self.logged(rf"smtp\.message\.accepted .*peer={address}")
            found = []
            wait_until(lambda: found.extend(take_mail(self.mail)) or found, "the message", 20)
            self.assertIn(shown, found[0])
            self.assertNotIn(BALANCER, found[0])

    def test_relaying_is_the_clients_right(self):
        self.assertRegex(self.relays(self.through("smtp", "198.51.100.9")), "^250")
        self.assertRegex(self.relays(self.through("smtp", "203.0.113.9")), "^550 5.7.1")
        self.assertRegex(self.relays(Proxied(self.mail, "smtp", b"", source="127.0.0.1")), "^250")

    def test_caps_count_clients_and_not_the_balancer(self):
        for port, welcome, refusal in (("smtp", "^220", "^421 4.7.0"), ("pop3", r"^\+OK", r"^-ERR \[SYS/TEMP\]")):
            with self.subTest(port=port):
                others = [self.through(port, f"203.0.113.{10 + i}") for i in range(2 * CAP)]
                same = [self.through(port, "203.0.113.99") for _ in range(CAP)]
                for one in others + same:
                    self.assertRegex(one.line(), welcome)
                with self.through(port, "203.0.113.99") as one_more:
                    self.assertRegex(one_more.line(), refusal)
                    self.assertEqual(one_more.rest(), [])
                for one in others + same:
                    one.socket.close()

    def test_logins_and_their_failures_belong_to_the_client(self):
        for port, tls in (("pop3", False), ("pop3s", True)):
            with self.through(port, "203.0.113.20", tls=tls) as client:
                client.line()
                client.ask(f"USER {ANN}")
                self.assertRegex(client.ask(f"PASS {PASSWORD}"), r"^\+OK")
            with self.through(port, "203.0.113.21", tls=tls) as client:
                client.line()
                client.ask("USER nobody@example.test")
                self.assertRegex(client.ask("PASS wrong"), "^-ERR")
        self.logged(r"pop3\.login\.ok .*peer=203\.0\.113\.20")
        self.logged(r"auth\.login\.refused .*peer=203\.0\.113\.21")

    def test_who_guesses_through_a_balancer_is_slowed_down_and_nobody_else(self):
        for batch in range(2):  # beyond what an address may do for nothing
            guessers = [self.through("pop3", "203.0.113.66") for _ in range(CAP - 1)]
            for number, guesser in enumerate(guessers):
                guesser.line()
                guesser.send(f"USER nobody{batch}-{number}@example.test\r\nPASS wrong\r\n".encode())
            for guesser in guessers:
                with guesser:
                    guesser.line()
                    guesser.line()
        self.logged(r"auth\.throttle\.began .*203\.0\.113\.66")
        self.assertNotRegex(self.mail.log(), rf"auth\.throttle\.began .*{BALANCER}")
        with self.through("pop3", "203.0.113.67") as client:
            client.line()
            client.ask(f"USER {ANN}")
            self.assertRegex(client.ask(f"PASS {PASSWORD}"), r"^\+OK")

    def test_every_listener(self):
        for port, welcome in (("smtp", "^220"), ("submission", "^220"), ("submissions", "^220"), ("pop3", r"^\+OK"),
                              ("pop3s", r"^\+OK")):
            with self.subTest(port=port), \
                    self.through(port, "203.0.113.30", tls=port in ("submissions", "pop3s")) as client:
                self.assertRegex(client.line(), welcome)

    def test_starttls_after_a_header(self):
        with self.through("smtp", "203.0.113.31") as client:
            client.reply()
            client.ask("EHLO client.example")
            self.assertRegex(client.ask("STARTTLS"), "^220")
            client.socket = context().wrap_socket(client.socket)
            self.assertRegex(client.ask("EHLO client.example"), "^250")

    def test_fields_and_slow_headers(self):
        extra = b"\x02\0\x0fmx.example.test" + b"\x20\0\x05\1\0\0\0\0"
        whole = header("203.0.113.32", extra)
        with Proxied(self.mail, "smtp", whole[:5]) as client:
            for i in range(5, len(whole)):
                client.send(whole[i:i + 1])
            self.assertRegex(client.line(), "^220")

    # -- a balancer's own connections

    def test_a_check_of_our_health(self):
        with Proxied(self.mail, "smtp", LOCAL) as client:
            self.assertRegex(client.reply(), "^220")
            self.assertRegex(client.ask("QUIT"), "^221")
        before = self.mail.log().count("proxy.refused")
        for port in PORTS:  # a look at the port leaves no trace
            Proxied(self.mail, port, b"").socket.close()
        with self.through("pop3", "203.0.113.33") as client:
            self.assertRegex(client.line(), r"^\+OK")
        self.assertEqual(self.mail.log().count("proxy.refused"), before)

    # -- what is refused

    def test_a_balancer_without_a_header_is_hung_up_on(self):
        v1 = b"PROXY TCP4 203.0.113.40 127.0.0.1 40000 25\r\nEHLO x\r\n"
        nobody = SIGNATURE + b"\x21\0\0\0"
        broken = header("203.0.113.41", b"\3\0\4\0\0\0\0")
        long = SIGNATURE + b"\x21\x11\xff\xff"
        for first, reason in ((b"EHLO client.example\r\n", "not a header"), (v1, "version 1"),
                              (nobody, "does not say who"), (broken, "checksum is wrong"), (long, "too long")):
            for port, event in (("smtp", "smtp"), ("submissions", "smtp"), ("pop3", "pop3"), ("pop3s", "pop3")):
                with self.subTest(reason=reason, port=port), Proxied(self.mail, port, first) as client:
                    self.assertEqual(client.rest(), [])
                    self.logged(rf"{event}\.proxy\.refused balancer={BALANCER} reason=.*{reason}")

    def test_a_header_that_never_comes(self):
        began = time.monotonic()
        waiting = [Proxied(self.mail, port, SIGNATURE) for port in ("smtp", "pop3s")]
        for client in waiting:
            with client:
                self.assertEqual(client.rest(), [])
        self.assertGreater(time.monotonic() - began, PATIENCE - 1)
        self.logged(r"smtp\.proxy\.refused .*no header in time")

    def test_a_header_from_anybody_else_is_rubbish(self):
        for port, refusal in (("smtp", r"^5\d\d "), ("pop3", "^-ERR")):
            with Proxied(self.mail, port, header("198.51.100.9"), source="127.0.0.1") as client:
                client.line()
                self.assertRegex(client.line(), refusal)
        with Proxied(self.mail, "smtp", LOCAL, source="127.0.0.3") as client:
            client.line()
            self.assertRegex(client.line(), "^5")
        self.assertNotIn("198.51.100.9 reason", self.mail.log())

    def test_balancers_are_named_and_dismissed_without_a_restart(self):
        another = "127.0.0.4"
        with Proxied(self.mail, "smtp", b"", source=another) as client:
            self.assertRegex(client.line(), "^220")
        self.mail.ctl("config", "set", "proxynetworks", f"{BALANCER}/32", f"{another}/32")
        self.mail.process.send_signal(signal.SIGHUP)

        def is_believed():
            with Proxied(self.mail, "smtp", header("203.0.113.50"), source=another) as client:
                client.line()
                return client.ask("NOOP").startswith("250")
        wait_until(is_believed, "a header from the new balancer", 20)
        self.mail.ctl("config", "set", "proxynetworks", f"{BALANCER}/32")
        self.mail.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not is_believed(), "no balancer any more", 20)


class HaproxyTest(unittest.TestCase):
    """A real one, in TCP mode, with its health checks."""

    def setUp(self):
        self.mail = Instance(settings={**QUICK, "proxynetworks": "127.0.0.1"})
        self.addCleanup(self.mail.remove)
        self.mail.ctl("domain", "add", "example.test")
        self.mail.add_mailbox(ANN)
        self.mail.start()
        folder = tempfile.TemporaryDirectory(prefix="toast-haproxy-")
        self.addCleanup(folder.cleanup)
        self.ports = {name: unused_port() for name in PORTS}
        lines = ["global", "  log stderr local0", "defaults", "  mode tcp", "  timeout connect 5s",
                 "  timeout client 30s", "  timeout server 30s"]
        for name, offset in PORTS.items():
            lines += [f"listen {name}", f"  bind 127.0.0.1:{self.ports[name]}",
                      f"  server us 127.0.0.1:{self.mail.base + offset} send-proxy-v2 check inter 200ms"]
        path = os.path.join(folder.name, "haproxy.cfg")
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")
        self.log = open(os.path.join(folder.name, "log"), "wb")
        self.addCleanup(self.log.close)
        self.haproxy = subprocess.Popen(["haproxy", "-db", "-f", path], stdout=self.log, stderr=self.log)
        self.addCleanup(self.haproxy.wait)
        self.addCleanup(self.haproxy.kill)
        wait_until(self.is_listening, "HAProxy", 20)

    def is_listening(self):
        try:
            socket.create_connection(("127.0.0.1", self.ports["pop3s"])).close()
            return True
        except OSError:
            return False

    def connect(self, port, source, tls=False):
        plain = socket.create_connection(("127.0.0.1", self.ports[port]), timeout=30, source_address=(source, 0))
        client = Client.__new__(Client)
        client.socket = context().wrap_socket(plain) if tls else plain
        client.read_ahead = b""
        return client

    def test_mail_in_and_out_through_haproxy(self):
        with self.connect("smtp", "127.0.0.9") as client:
            client.reply()
            client.ask("EHLO client.example")
            client.ask("MAIL FROM:<bob@client.example>")
            self.assertRegex(client.ask(f"RCPT TO:<{ANN}>"), "^250")
            self.assertRegex(send(client, message("by HAProxy")), "^250")
        for port in ("submissions", "pop3s"):
            with self.connect(port, "127.0.0.9", tls=True) as client:
                self.assertRegex(client.line(), r"^(220|\+OK)")
        with self.connect("pop3", "127.0.0.8") as client:
            client.line()
            client.ask(f"USER {ANN}")
            self.assertRegex(client.ask(f"PASS {PASSWORD}"), r"^\+OK")
        wait_until(lambda: "peer=127.0.0.9" in self.mail.log() and "peer=127.0.0.8" in self.mail.log(),
                   "the clients' addresses in the log", 20)
        self.assertNotIn("proxy.refused", self.mail.log())  # its checks neither


if __name__ == "__main__":
    unittest.main()
