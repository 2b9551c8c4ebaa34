"""What clients can do wrong or mean badly, over SMTP and POP3: each with the answer it gets, and a
message that goes in and comes out afterwards."""

import random
import time
import unittest

from toast_instance import Instance, wait_until
from wire_client import (ANN, QUICK, Client, log_in, message, resident_kib, send, smtp, still_works,
                         submit, transaction, wait_for_subjects)

MIB = 1 << 20


class BadInput(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.instance = Instance(settings={**QUICK, **cls.settings})
        cls.addClassCleanup(cls.instance.remove)
        cls.instance.ctl("domain", "add", "example.test", "--sub-addressing", "+")
        cls.instance.add_mailbox(ANN)
        cls.instance.start()
        still_works(cls.instance)
        cls.pids = cls.instance.children()

    def tearDown(self):
        still_works(self.instance)
        self.assertEqual(self.instance.children(), self.pids)  # no program fell over

    def resident(self, name):
        return resident_kib(self.pids[name][0])

    def assert_begins(self, text, beginning):
        self.assertEqual(text[:len(beginning)], beginning, text)

    def assert_log(self, *words):
        wait_until(lambda: any(all(word in line for word in words)
                               for line in self.instance.log().splitlines()), f"{words} in the log")


class Smtp(BadInput):
    settings = {"smtpmaxrecipients": 100}

    def test_command_lines_of_a_megabyte(self):
        before = self.resident("toast-smtpd")
        for start in (b"NOOP ", b"EHLO ", b"MAIL FROM:<", b"VRFY <>\0", b""):
            with smtp(self.instance) as client:
                answer = client.ask(start + b"x" * MIB + b"\r\n")
                self.assert_begins(answer, "500 5.5.2 line too long")
                self.assert_begins(client.ask("NOOP"), "250 2.0.0")
        with smtp(self.instance) as client:  # without an end at all
            client.send(b"y" * (16 * MIB))
            self.assert_begins(client.ask(b"\r\n"), "500 5.5.2 line too long")
        self.assertLess(self.resident("toast-smtpd") - before, 2048)

    def test_nul_bytes(self):
        with smtp(self.instance) as client:
            for line in (b"NO\0OP\r\n", b"\0\r\n", b"MAIL FROM:<a\0b@client.example>\r\n", b"NOOP\0\r\n"):
                self.assert_begins(client.ask(line), "500 5.5.2 NUL")
            self.assert_begins(client.ask("MAIL FROM:<a@client.example>"), "250 2.1.0")
            self.assert_begins(client.ask(b"RCPT TO:<ann\0@example.test>\r\n"), "500 5.5.2 NUL")
        # In a message it is a byte like others.
        with transaction(self.instance) as client:
            self.assert_begins(send(client, message("nul") + b"a\0b\r\n"), "250 2.6.0")
        self.assertIn("a\0b\n", wait_for_subjects(self.instance, ["nul"])[0])

    def test_flood_of_unknown_recipients(self):
        with smtp(self.instance) as client:
            client.ask("MAIL FROM:<bob@client.example>")
            flood = b"".join(b"RCPT TO:<guess%d@example.test>\r\n" % n for n in range(5000))
            client.send_until_closed(flood)
            answers = client.rest()
        self.assertEqual({answer[:9] for answer in answers[:-1]}, {"550 5.1.1"})
        self.assertEqual(len(answers), 21)  # smtpmaxerrors and the last word
        self.assert_begins(answers[-1], "421 4.7.0 too many errors")

    def test_flood_of_good_recipients(self):
        with transaction(self.instance) as client:
            for n in range(99):
                self.assert_begins(client.ask(f"RCPT TO:<ann+{n}@example.test>"), "250 2.1.5")
            self.assert_begins(client.ask("RCPT TO:<ann+more@example.test>"), "452 4.5.3")
            # Those accepted get the message; the client sends the rest separately.
            self.assert_begins(send(client, message("to a hundred")), "250 2.6.0")
        wait_for_subjects(self.instance, ["to a hundred"] * 100)
        with transaction(self.instance) as client:
            client.send_until_closed(b"".join(b"RCPT TO:<ann+%d@example.test>\r\n" % n
                                              for n in range(5000)))
            answers = client.rest()
        self.assertEqual([answer[:9] for answer in answers],
                         ["250 2.1.5"] * 99 + ["452 4.5.3"] * 101 + ["421 4.7.0"])

    def test_the_same_recipient_for_ever(self):
        with transaction(self.instance) as client:
            client.send_until_closed(f"RCPT TO:<{ANN}>\r\n".encode() * 5000)
            answers = client.rest()
        self.assertEqual({answer[:9] for answer in answers[:-1]}, {"250 2.1.5"})
        self.assertLess(len(answers), 110)
        self.assert_begins(answers[-1], "421 4.7.0 too many commands without a message")

    def test_noops_for_ever(self):
        for command in ("NOOP", "RSET", "HELP", "EHLO x", "VRFY x"):
            with smtp(self.instance) as client:
                client.send_until_closed((command + "\r\n").encode() * 5000)
                self.assert_begins(client.rest()[-1], "421 4.7.0 too many commands")

    def test_pipelined_garbage(self):
        rng = random.Random(1)
        for garbage in (rng.randbytes(MIB), b"\r\n" * 100000, b"\n" * 100000, b"\r" * 100000 + b"\r\n" * 50,
                        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000, b"\xff\xfe\x80\r\n" * 5000,
                        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(512) + b"\r\n" * 50):
            with self.subTest(garbage[:12]), Client(self.instance.smtp) as client:
                client.send_until_closed(garbage)
                client.end_of_input()
                answers = client.rest()
                self.assert_begins(answers[0], "220 ")
                self.assertTrue(all(a[:3] in ("500", "501", "502", "503", "421") for a in answers[1:]),
                                answers)
                self.assertLessEqual(len(answers), 22)

    def test_commands_out_of_order(self):
        with Client(self.instance.smtp) as client:
            client.reply()
            self.assert_begins(client.ask("MAIL FROM:<bob@client.example>"), "503 5.5.1")
            client.ask("EHLO client.example")
            self.assert_begins(client.ask(f"RCPT TO:<{ANN}>"), "503 5.5.1")
            self.assert_begins(client.ask("DATA"), "503 5.5.1")
            self.assert_begins(client.ask("XYZZY"), "500 5.5.1")
            self.assert_begins(client.ask("MAIL FROM: bob"), "501 5.1.7")
            self.assert_begins(client.ask("MAIL FROM:<bob@client.example> SIZE=99999999999"), "552 5.3.4")
            self.assert_begins(client.ask("MAIL FROM:<bob@client.example> FOO=1"), "555 5.5.4")

    def test_a_message_behind_a_refused_data_is_not_taken_for_commands(self):
        with smtp(self.instance) as client:
            client.send(b"MAIL FROM:<bob@client.example>\r\nRCPT TO:<nobody@example.test>\r\nDATA\r\n" +
                        b"RSET\r\nMAIL FROM:<eve@client.example>\r\n" +
                        f"RCPT TO:<{ANN}>\r\nDATA\r\nSubject: eve\r\n\r\n.\r\n".encode())
            answers = client.rest()
        self.assertEqual([a[:9] for a in answers], ["250 2.1.0", "550 5.1.1", "503 5.5.1", "421 4.7.0"])

    def test_bare_line_ends_in_a_message(self):
        for bad in (b"a\nb\r\n", b"a\rb\r\n", b"a\r\r\n", b"a\n\r\n", b"\n\r\n", b"\r\n\n\r\n", b"a\r\n\rb\r\n"):
            with self.subTest(bad), transaction(self.instance) as client:
                self.assert_begins(send(client, message("bare") + bad), "550 5.6.11 ")
                self.assert_begins(client.ask("NOOP"), "250 2.0.0")

    SMUGGLED_ENDS = (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r", b"\r.\r\n", b"\r\n.\r\r\n",
                     b"\n\n.\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n")

    def smuggle(self, client, end):
        """One message to the server that counts, two to one that takes `end` for the end."""
        inner = f"MAIL FROM:<eve@client.example>\r\nRCPT TO:<{ANN}>\r\nDATA\r\n".encode()
        return send(client, message("outer") + b"x" + end + inner + message("smuggled"))

    def test_smuggled_message(self):
        for end in self.SMUGGLED_ENDS:
            with self.subTest(end), transaction(self.instance) as client:
                answer = self.smuggle(client, end)
                if b"\0" in end:  # no line end at all: one message with a strange line
                    self.assert_begins(answer, "250 2.6.0")
                else:
                    self.assert_begins(answer, "550 5.6.11 ")
                self.assert_begins(client.ask("NOOP"), "250 2.0.0")  # exactly one answer was given
        wait_for_subjects(self.instance, ["outer"] * 2)

    def test_smuggled_message_when_line_ends_are_normalised(self):
        self.set_bare_newline("normalise")
        self.addCleanup(self.set_bare_newline, "refuse")
        for end in self.SMUGGLED_ENDS:
            with self.subTest(end), transaction(self.instance) as client:
                self.assert_begins(self.smuggle(client, end), "250 2.6.0")
                self.assert_begins(client.ask("NOOP"), "250 2.0.0")
        found = wait_for_subjects(self.instance, ["outer"] * len(self.SMUGGLED_ENDS))
        self.assertTrue(all("Subject: smuggled\n" in text for text in found))  # inside, as text

    def set_bare_newline(self, value):
        self.instance.ctl("config", "set", "smtpbarenewline", value)
        self.instance.reload()


class SmtpInTime(BadInput):
    """Clients that say nothing, little, or do not listen: one second for each command. (The limit of
    the whole session is an hour of patience; tests/dialogue/smtp has it with a clock of its own.)"""

    settings = {"timeoutsmtpd": 1, "smtpmaxnoops": 100000}

    def test_silence(self):
        stages = ([], ["EHLO client.example"], ["EHLO client.example", "MAIL FROM:<bob@client.example>"])
        clients = []
        for commands in stages:
            client = Client(self.instance.smtp)
            self.addCleanup(client.socket.close)
            client.reply()
            for command in commands:
                client.ask(command)
            clients.append(client)
        half_line = smtp(self.instance)
        half_line.send(b"MAIL FRO")
        in_data = transaction(self.instance)
        self.assert_begins(in_data.ask("DATA"), "354")
        in_data.send(message("never finished"))
        clients += [half_line, in_data]
        for client in clients:
            with client:
                answers = client.rest()
                self.assertEqual([a[:9] for a in answers], ["421 4.4.2"])

    def test_a_byte_at_a_time(self):
        with smtp(self.instance) as client:
            began = time.monotonic()
            client.socket.settimeout(0.1)
            answers = b""
            while time.monotonic() - began < 20 and not answers:
                client.send_until_closed(b"x")
                try:
                    answers = client.socket.recv(1000)
                except TimeoutError:  # the pace of the slow writer
                    continue
            self.assert_begins(answers.decode(), "421 4.4.2")

    def test_a_client_that_does_not_read(self):
        before = self.resident("toast-smtpd")
        deaf = smtp(self.instance, receive_buffer=4096)
        with deaf:
            deaf.socket.settimeout(5)
            try:
                deaf.send(b"HELP\r\n" * 100000)  # some 8 MB of answers
            except (TimeoutError, ConnectionError):
                pass  # the server stopped reading, as it should
            self.assert_log("smtp.session.closed", "reason=timeout", "errors=0")
            self.assertLess(self.resident("toast-smtpd") - before, 2048)


class Pop3(BadInput):
    settings = {"pop3logintimeout": 5, "pop3timeout": 10, "databytes": 64 * MIB}

    def hello(self, **options):
        client = Client(self.instance.pop3, **options)
        self.addCleanup(client.socket.close)
        self.assert_begins(client.line(), "+OK ")
        return client

    def logged_in(self, **options):
        client, answer = log_in(self.instance, **options)
        self.addCleanup(client.socket.close)
        self.assert_begins(answer, "+OK ")
        return client

    def test_command_lines_of_a_megabyte(self):
        before = self.resident("toast-pop3d")
        for connect in (self.hello, self.logged_in):
            for start in (b"USER ", b"PASS ", b"RETR ", b""):
                client = connect()
                self.assert_begins(client.ask(start + b"1" * MIB + b"\r\n"), "-ERR line too long")
                self.assert_begins(client.ask("CAPA"), "+OK")
        client = self.hello()
        client.send(b"y" * (16 * MIB))
        self.assert_begins(client.ask(b"\r\n"), "-ERR line too long")
        self.assertLess(self.resident("toast-pop3d") - before, 2048)

    def test_nul_bytes(self):
        client = self.hello()
        for line in (b"US\0ER ann\r\n", b"\0\r\n", b"USER ann\0@example.test\r\n", b"PASS a\0b\r\n"):
            self.assert_begins(client.ask(line), "-ERR NUL byte in command")
        self.assert_begins(client.ask(f"USER {ANN}"), "+OK")
        self.assert_begins(client.ask(b"PASS correct horse\0\r\n"), "-ERR NUL byte in command")

    def test_garbage(self):
        rng = random.Random(2)
        for garbage in (rng.randbytes(MIB), b"\r\n" * 100000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000,
                        b"RETR 1\r\n" * 5000, b"\xff\xfe\x80\r\n" * 5000):
            with self.subTest(garbage[:12]):
                client = self.hello()
                client.send_until_closed(garbage)
                answers = client.rest()
                self.assertEqual({a[:5] for a in answers}, {"-ERR "})
                self.assertEqual(len(answers), 20)  # pop3maxerrors
                self.assertTrue(answers[-1].endswith("too many errors, closing"), answers[-1])
                self.assertNotIn("[AUTH]", "".join(answers))

    def test_numbers_of_no_message(self):
        client = self.logged_in()
        for command in ("RETR 0", "RETR 1", "DELE 4294967296", "LIST 99999999999999999999", "TOP 1 0",
                        "RETR -1", "RETR x", "TOP 1", "UIDL 1 2"):
            self.assert_begins(client.ask(command), "-ERR ")
        self.assert_begins(client.ask("STAT"), "+OK 0 0")

    def test_slow_reader_of_30_megabytes(self):
        self.assert_begins(submit(self.instance, "large", size=30 * MIB), "250 2.6.0")
        wait_until(lambda: self.logged_in().ask("STAT").startswith("+OK 1 "), "30 MB in the mailbox")
        slow = self.logged_in(receive_buffer=4096)
        before = self.resident("toast-pop3d")
        slow.send(b"RETR 1\r\n")
        self.assert_begins(slow.line(), "+OK ")
        # pop3d has written all that the sockets hold: it waits for the reader and serves others.
        for _ in range(20):
            self.logged_in().ask("UIDL")
        self.assertLess(self.resident("toast-pop3d") - before, 4096)
        received = [slow.read_ahead]
        while not received[-1].endswith(b"end\r\n.\r\n"):
            received.append(slow.receive())
            self.assertTrue(received[-1], "cut")
        self.assertGreater(sum(map(len, received)), 30 * MIB - 100)
        self.assertLess(self.resident("toast-pop3d") - before, 4096)
        slow.read_ahead = b""
        self.assert_begins(slow.ask("DELE 1"), "+OK")
        self.assert_begins(slow.ask("QUIT"), "+OK")

    def test_silence(self):
        """Before the login and after it; and what was marked deleted is still there."""
        self.assert_begins(submit(self.instance, "kept"), "250 2.6.0")
        wait_until(lambda: self.logged_in().ask("STAT").startswith("+OK 1 "), "the message")
        silent = self.hello()
        half_line = self.hello()
        half_line.send(b"USER an")
        idle = self.logged_in()
        self.assert_begins(idle.ask("DELE 1"), "+OK")
        for client in (silent, half_line, idle):
            self.assertEqual(client.rest(), [])
        wait_for_subjects(self.instance, ["kept"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
