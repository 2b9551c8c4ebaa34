"""Bare login names get the domain of the address that their client has connected to."""

import os
import smtplib
import socket
import ssl
import struct
import unittest

from toast_instance import Instance
from wire_client import PASSWORD, QUICK, Client

BALANCER = "127.0.0.9"
INVALID = 6


def context():
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


class LoginDomainsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = Instance(settings={**QUICK, "logindomain": "one.test", "proxynetworks": f"{BALANCER}/32",
                                      "logindomains": "127.0.0.2:two.test\n[2001:db8::3]:three.test"})
        cls.addClassCleanup(cls.mail.remove)
        for listener, port in (("pop3listen", 110), ("submissionslisten", 465)):
            with open(os.path.join(cls.mail.root, "control", listener), "w") as control:
                control.writelines(f"{address}:{cls.mail.base + port}\n" for address in ("127.0.0.1", "127.0.0.2"))
        for name in ("one", "two", "three"):
            cls.mail.ctl("domain", "add", f"{name}.test")
            cls.mail.add_mailbox(f"ann@{name}.test", f"password of {name}")
        cls.mail.start()

    def logs_in(self, client, name, password):
        with client:
            client.line()
            client.ask(f"USER {name}")
            return client.ask(f"PASS {password}").startswith("+OK")

    def pop3(self, address):
        return Client((address, self.mail.base + 110))

    def test_pop3(self):
        for address, name in (("127.0.0.1", "one"), ("127.0.0.2", "two")):
            with self.subTest(address):
                self.assertTrue(self.logs_in(self.pop3(address), "ann", f"password of {name}"))
                self.assertFalse(self.logs_in(self.pop3(address), "ann", "password of three"))
                self.assertTrue(self.logs_in(self.pop3(address), "ann@three.test", "password of three"))

    def test_submission(self):
        for address, name in (("127.0.0.1", "one"), ("127.0.0.2", "two")):
            with self.subTest(address), \
                    smtplib.SMTP_SSL(address, self.mail.base + 465, timeout=30, context=context()) as client:
                client.login("ann", f"password of {name}")

    def test_the_address_that_a_balancer_names(self):
        def through(destination):
            first = b"\r\n\r\n\0\r\nQUIT\n\x21\x21" + struct.pack(">H", 36)
            first += socket.inet_pton(socket.AF_INET6, "2001:db8::77")
            first += socket.inet_pton(socket.AF_INET6, destination) + struct.pack(">HH", 40000, 110)
            client = Client.__new__(Client)
            client.socket = socket.create_connection(("127.0.0.2", self.mail.base + 110), timeout=30,
                                                     source_address=(BALANCER, 0))
            client.socket.sendall(first)
            client.read_ahead = b""
            return client

        self.assertTrue(self.logs_in(through("2001:db8::3"), "ann", "password of three"))
        self.assertTrue(self.logs_in(through("2001:db8::4"), "ann", "password of one"))

    def test_a_line_that_is_none(self):
        done = self.mail.ctl("config", "set", "logindomains", "two.test", check=False)
        self.assertEqual(done.returncode, INVALID, done.stdout + done.stderr)
        self.assertIn("ADDRESS:domain", done.stderr)


if __name__ == "__main__":
    unittest.main()
