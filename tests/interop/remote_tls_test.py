"""STARTTLS towards other hosts: with one that does it well, and with each way of doing it badly, after
which the mail goes to the same host in clear text. toast-remoted runs in its sandbox here: what OpenSSL
would want to open when it is too late shows in these tests."""

import os
import signal
import ssl
import subprocess
import tempfile
import unittest
import warnings

from rude_hosts import Connection, Host, NameServer
from toast_instance import Instance, wait_until
from wire_client import ANN, QUICK, send, smtp


def make_certificate(folder):
    """A key and a certificate that nobody has signed."""
    path = os.path.join(folder, "both.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=not.the.name", "-keyout", path, "-out", path + ".crt"],
                   check=True, capture_output=True)
    return path + ".crt", path


def server_context(certificate, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if version:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():  # of the old ones, which are why we are here
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
    return context


class TlsHost:
    """Offers STARTTLS and answers it with `rude(connection)`, or with a handshake. `taken` has for each
    message: the TLS version or None, the server name, whether a session was resumed, the EHLOs before and
    under TLS, and its text."""

    def __init__(self, context=None, rude=None):
        self.context = context
        self.rude = rude
        self.names = []
        self.taken = []
        self.asked = 0  # STARTTLS commands
        if context:
            context.sni_callback = lambda tls, name, _: self.names.append(name)
        self.host = Host(self.talk)

    def talk(self, connection):
        connection.say("220 mx.rude.test")
        self.serve(connection, None, [0, 0])

    def serve(self, connection, secured, hellos):
        while True:
            line = connection.hear().upper()
            if line.startswith("EHLO"):
                hellos[bool(secured)] += 1
                offer = "" if secured else "250-STARTTLS\r\n"
                connection.say(f"250-mx.rude.test\r\n{offer}250 LIMITS MAILMAX=1")
            elif line == "STARTTLS":
                self.asked += 1
                if self.rude:
                    self.rude(connection)
                    continue
                connection.say("220 2.0.0 go ahead")
                with self.context.wrap_socket(connection.client, server_side=True) as secured:
                    return self.serve(Connection(secured, []), secured, hellos)
            elif line == "DATA":
                text = connection.content().decode()
                self.taken.append((secured and secured.version(), self.names[-1] if self.names else None,
                                   bool(secured and secured.session_reused), tuple(hellos), text))
                connection.say("250 2.0.0 ok")
            elif line == "QUIT":
                connection.say("221 bye")
                return
            else:
                connection.say("250 ok")


def says_garbage(connection):
    connection.say("220 go ahead")
    connection.client.recv(1)
    connection.say(b"these are no TLS records at all\r\n" * 10)


def closes_at_once(connection):
    connection.say("220 go ahead")
    connection.client.recv(1)
    raise ConnectionError


def refuses(connection):
    connection.say("454 4.7.0 no TLS at the moment")


def injects(connection):
    connection.say(b"220 go ahead\r\n250-mx.rude.test\r\n250 SIZE 1\r\n")


class RemoteTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="toast-tls-")
        cls.addClassCleanup(folder.cleanup)
        certificate = make_certificate(folder.name)
        with_version = lambda version: TlsHost(server_context(certificate, version))
        cls.hosts = {
            "new": with_version(ssl.TLSVersion.TLSv1_3),
            "middle": with_version(ssl.TLSVersion.TLSv1_2),
            "old": with_version(ssl.TLSVersion.TLSv1),
            "garbage": TlsHost(rude=says_garbage),
            "closes": TlsHost(rude=closes_at_once),
            "refuses": TlsHost(rude=refuses),
            "injects": TlsHost(rude=injects),
            "off": with_version(None),
        }
        records = {}
        for name, host in cls.hosts.items():
            cls.addClassCleanup(host.host.close)
            records[f"{name}.test", "MX"] = [(10, f"mx.{name}.test")]
            records[f"mx.{name}.test", "A"] = ["127.0.0.1"]
        cls.dns = NameServer(records)
        cls.addClassCleanup(cls.dns.close)
        routes = "\n".join(f"{name}.test::{host.host.port}" for name, host in cls.hosts.items())
        cls.instance = Instance(settings={
            **QUICK, "relaynetworks": "127.0.0.0/8", "smtproutes": routes,
            "dnsservers": f"127.0.0.1:{cls.dns.port}"})
        cls.addClassCleanup(cls.instance.remove)
        cls.instance.ctl("domain", "add", "example.test")
        cls.instance.add_mailbox(ANN)
        cls.instance.start()

    def deliver(self, name, subject):
        host = self.hosts[name]
        before = len(host.taken)
        with smtp(self.instance) as client:
            for command in (f"MAIL FROM:<{ANN}>", f"RCPT TO:<you@{name}.test>"):
                self.assertRegex(client.ask(command), "^250")
            self.assertRegex(send(client, f"Subject: {subject}\r\n\r\nx\r\n".encode()), "^250")
        wait_until(lambda: len(host.taken) > before, f"{name}: the message", 30)
        taken = host.taken[-1]
        self.assertIn(f"Subject: {subject}\r\n", taken[-1])
        return taken[:-1]

    def log_lines(self, event, name):
        return [line for line in self.instance.log().splitlines()
                if f" {event} " in line and f"destination={name}.test:" in line]

    def test_new_hosts_get_tls(self):
        self.assertEqual(self.deliver("new", "one"), ("TLSv1.3", "mx.new.test", False, (1, 1)))
        opened = self.log_lines("remote.connection.opened", "new")[-1]
        self.assertRegex(opened, r'tls="TLSv1\.3 TLS_[A-Z0-9_]+"')
        self.assertEqual(self.deliver("new", "two"), ("TLSv1.3", "mx.new.test", True, (1, 1)))

    def test_tls_1_2_is_good_enough(self):
        self.assertEqual(self.deliver("middle", "one"), ("TLSv1.2", "mx.middle.test", False, (1, 1)))
        self.assertEqual(self.deliver("middle", "two"), ("TLSv1.2", "mx.middle.test", True, (1, 1)))

    def test_bad_tls_is_followed_by_clear_text(self):
        reasons = {
            "old": "protocol version",
            "garbage": "wrong version number",
            "closes": "closed during the handshake",
            "refuses": "STARTTLS is refused: 454 4.7.0 no TLS at the moment",
            "injects": "the host speaks before it is asked",
        }
        for name, reason in reasons.items():
            with self.subTest(name):
                self.assertEqual(self.deliver(name, "one")[0], None)
                failed = self.log_lines("remote.tls.failed", name)
                self.assertEqual(len(failed), 1, failed)
                self.assertIn(reason, failed[0])
                self.assertIn("tls=none", self.log_lines("remote.connection.opened", name)[-1])
                # Remembered: the second message does not ask again.
                self.assertEqual(self.deliver(name, "two")[0], None)
                self.assertEqual(self.hosts[name].asked, 1)
        # Nothing of what was injected is believed: SIZE 1 would have refused the message.
        self.assertEqual(self.log_lines("remote.transaction.failed", "injects"), [])

    def test_switched_off_at_a_reload(self):
        self.assertEqual(self.deliver("off", "before")[3], (1, 1))
        self.instance.ctl("config", "set", "remotetls", "off")
        self.instance.process.send_signal(signal.SIGHUP)
        try:
            wait_until(lambda: self.deliver("off", "after")[0] is None, "clear text")
        finally:
            self.instance.ctl("config", "set", "remotetls", "opportunistic")
            self.instance.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.deliver("off", "again")[0] is not None, "TLS once more")


if __name__ == "__main__":
    unittest.main()
