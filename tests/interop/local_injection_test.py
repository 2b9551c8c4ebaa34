"""The programs that a machine's own users send mail with, run as they run them: qmail-queue, qmail-inject,
sendmail, mailq and forward, against a real server, and against none."""

import email
import os
import socket
import subprocess
import threading
import unittest

from toast_instance import Instance, program, wait_until
from wire_client import ANN, QUICK, take_mail, wait_for_subjects

UID = os.getuid()
STRANGER = 65533
MESSAGE = b"Subject: x\n\nhello\n"


def envelope(sender, *recipients):
    return b"F" + sender + b"\0" + b"".join(b"T" + r + b"\0" for r in recipients) + b"\0"


class Local(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.instance = Instance(settings={**QUICK, "databytes": 400000, "envnoathost": "example.test"})
        cls.addClassCleanup(cls.instance.remove)
        cls.instance.ctl("domain", "add", "example.test")
        cls.instance.add_mailbox(ANN)
        cls.instance.add_mailbox("bob@example.test")
        cls.instance.start()

    def environment(self, **more):
        kept = {"PATH": os.environ["PATH"], "TOAST_ROOT": self.instance.root}
        return {**kept, **more}

    def run_program(self, name, *arguments, stdin=b"", **environment):
        return subprocess.run([program(name), *arguments], input=stdin, capture_output=True, timeout=120,
                              env=self.environment(**environment))

    def sent(self, name, *arguments, stdin=MESSAGE, **environment):
        done = self.run_program(name, *arguments, stdin=stdin, **environment)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done

    def mail(self, subject="x", login=ANN):
        return wait_for_subjects(self.instance, [subject], login)[0]

    def queue(self, content, addresses, code=0):
        """qmail-queue with `addresses` on descriptor 1; its standard error."""
        read_end, write_end = os.pipe()
        writer = threading.Thread(target=self.write_and_close, args=(write_end, addresses))
        writer.start()
        try:
            done = subprocess.run([program("qmail-queue")], input=content, stdout=read_end,
                                  stderr=subprocess.PIPE, timeout=120, env=self.environment())
        finally:
            os.close(read_end)
            writer.join()
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr.decode()

    @staticmethod
    def write_and_close(descriptor, data):
        with os.fdopen(descriptor, "wb") as pipe:
            try:
                pipe.write(data)
                pipe.flush()
            except BrokenPipeError:
                pass


class QmailQueue(Local):
    def test_a_message(self):
        self.queue(MESSAGE, envelope(b"me@example.test", ANN.encode(), b"bob", ANN.encode()) + b"not read")
        text = self.mail()
        self.assertRegex(text, r"\nReceived: \(toast-queue [0-9a-v]{13} invoked by uid " + str(UID) +
                         r"\); \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d -0000\nSubject: x\n")
        self.assertTrue(text.startswith("Return-Path: <me@example.test>\n"), text)
        self.mail(login="bob@example.test")  # a name alone is one at envnoathost

    def test_the_envelope_decides_the_exit_code(self):
        longest = b"a" * 1002
        cases = [
            (b"", 54), (b"F", 54), (b"Fa@b", 54), (b"Fa@b\0", 54), (b"Fa@b\0Tc@d\0", 54),
            (b"X", 91), (b"Ta@b\0\0", 91), (b"Fa@b\0Xc@d\0\0", 91), (b"\0", 91),
            (b"F" + longest + b"x\0\0", 11), (b"Fa@b\0T" + longest + b"x\0\0", 11),
            (b"Fa@b\0T" + longest + b"\0\0", 31),   # read, but no address can be so long
            (b"Fa@b\0Ta b@c d\0\0", 31), (b"Fa@b\0T@c.test\0\0", 31), (b"Fa@b\0Tx\n@c.test\0\0", 31),
            (b"Fbad@\0T" + ANN.encode() + b"\0\0", 31),
            (b"F\0\0", 0),                          # to nobody: taken, and done with
        ]
        for data, code in cases:
            with self.subTest(envelope=data[:40]):
                said = self.queue(MESSAGE, data, code)
                self.assertEqual(bool(said), code != 0)
        self.assertEqual(take_mail(self.instance), [])

    def test_special_senders(self):
        self.queue(MESSAGE, envelope(b"list-@example.test-@[]", ANN.encode()))
        self.assertTrue(self.mail().startswith("Return-Path: <list-ann=example.test@example.test>\n"))
        for null in (b"", b"#@[]"):
            self.queue(MESSAGE, envelope(null, ANN.encode()))
            self.assertTrue(self.mail().startswith("Return-Path: <>\n"))

    def test_bytes_are_kept_and_the_last_line_ends(self):
        content = b"Subject: x\n\n.\n..\n\r\nbare \r cr\nNUL \0 \xff" + b"y" * 300000
        self.queue(content, envelope(b"", ANN.encode()))
        maildir = self.instance.maildir(ANN) + "/new"
        [name] = wait_until(lambda: os.listdir(maildir), "a delivery")
        with open(os.path.join(maildir, name), "rb") as stored:
            self.assertTrue(stored.read().endswith(b"-0000\n" + content + b"\n"))
        take_mail(self.instance)

    def test_too_large_is_refused_for_good(self):
        self.assertIn("5.3.4", self.queue(b"x" * 500000, envelope(b"", ANN.encode()), 31))

    def test_many_recipients(self):
        many = [b"x%d@nowhere.example" % n for n in range(2999)] + [ANN.encode()]
        self.queue(MESSAGE, envelope(b"", *many))
        self.mail()
        self.assertIn("10000", self.queue(MESSAGE, envelope(b"", *many * 4), 31))

    def test_no_server_is_a_temporary_code(self):
        with Instance(settings=QUICK) as other:
            environment = self.environment(TOAST_ROOT=other.root)

            def run():
                return subprocess.run([program("qmail-queue")], stdin=subprocess.DEVNULL,
                                      capture_output=True, env=environment).returncode
            self.assertEqual(run(), 62)   # never started
            other.start()
            other.stop()
            self.assertEqual(run(), 62)   # stopped: the socket is still there
        self.assertEqual(run(), 61)       # no instance at all


class Inject(Local):
    def test_header_and_envelope(self):
        self.sent("qmail-inject", stdin=b"Subject: x\nTo: Ann Example <ann>, bob@example.test\n"
                  b"Bcc: carl@nowhere.example\n\nbody\n", USER="joe", NAME="Joe User",
                  QMAILDEFAULTHOST="example.test")
        text = self.mail()
        self.mail(login="bob@example.test")
        parsed = email.message_from_string(text)
        self.assertEqual(parsed["Return-Path"], "<joe@example.test>")
        self.assertEqual(parsed["From"], '"Joe User" <joe@example.test>')
        self.assertEqual(parsed["To"], "Ann Example <ann@example.test>, bob@example.test")
        self.assertRegex(parsed["Message-ID"], r"^<\d{14}\.\d+\.qmail@mx\.example\.test>$")
        self.assertRegex(parsed["Date"], r"^\d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d -0000$")
        self.assertNotIn("Bcc", parsed)
        self.assertEqual(parsed.get_payload(), "body\n")

    def test_verp_letter(self):
        self.sent("qmail-inject", ANN, QMAILINJECT="r", QMAILSUSER="list", QMAILSHOST="example.test")
        self.assertTrue(self.mail().startswith("Return-Path: <list-ann=example.test@example.test>\n"))

    def test_exit_codes(self):
        for arguments, stdin, code in [
                (["-z"], MESSAGE, 100), ([], MESSAGE, 100), (["-H"], b"To: \n\n", 100),
                (["a b@c@d@"], b"From: (open\n\n", 100), (["x@y.test", "-f("], MESSAGE, 100)]:
            with self.subTest(arguments=arguments):
                done = self.run_program("qmail-inject", *arguments, stdin=stdin)
                self.assertEqual(done.returncode, code)
                self.assertTrue(done.stderr.startswith(b"qmail-inject: fatal: "), done.stderr)
        done = self.run_program("qmail-inject", ANN, stdin=MESSAGE, TOAST_ROOT="/nonexistent")
        self.assertEqual(done.returncode, 111)

    def test_another_qmail_queue(self):
        folder = os.path.join(self.instance.directory, "other")
        os.makedirs(folder, exist_ok=True)
        script = os.path.join(folder, "queue")
        for body, code, said in [
                (f"cat >{folder}/content; cat <&1 >{folder}/envelope", 0, b""),
                ("cat >/dev/null; exit 31", 100, b"5.3.0"), ("exit 53", 111, b"4.3.0"),
                ("printf 'Dgo away' >&6; exit 82", 100, b"go away"),
                ("printf 'Zcome back' >&6; exit 82", 111, b"come back"), ("kill -9 $$", 111, b"crashed")]:
            with open(script, "w") as file:
                file.write(f"#!/bin/sh\n{body}\n")
            os.chmod(script, 0o755)
            with self.subTest(body=body):
                done = self.run_program("qmail-inject", "-fme@example.test", ANN, stdin=MESSAGE * 20000,
                                        QMAILQUEUE=script)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(said, done.stderr)
        with open(f"{folder}/envelope", "rb") as file:
            self.assertEqual(file.read(), envelope(b"me@example.test", ANN.encode()))
        done = self.run_program("qmail-inject", ANN, stdin=MESSAGE, QMAILQUEUE="/nonexistent")
        self.assertEqual(done.returncode, 111)


class Sendmail(Local):
    def test_as_programs_call_it(self):
        self.sent("sendmail", "-t", "-i", "-oi", "-oem", "-fweb@example.test", "-FThe Web",
                  stdin=b"To: ann@example.test\r\nSubject: x\r\n\r\nline\r\n.\r\nline\r\n", USER="www-data")
        parsed = email.message_from_string(self.mail())
        self.assertEqual(parsed["Return-Path"], "<web@example.test>")
        self.assertEqual(parsed["From"], '"The Web" <web@example.test>')
        self.assertEqual(parsed.get_payload(), "line\n.\nline\n")

    def test_arguments_alone_are_recipients_without_t(self):
        self.sent("sendmail", "-f", "<>", "--", ANN, stdin=b"To: bob@example.test\nSubject: x\n\nb\n")
        self.assertTrue(self.mail().startswith("Return-Path: <>\n"))
        self.assertEqual(take_mail(self.instance, "bob@example.test"), [])

    def test_an_address_that_looks_like_an_option(self):
        self.assertEqual(self.run_program("sendmail", "-q@example.test", stdin=MESSAGE).returncode, 100)
        self.sent("sendmail", "--", ANN)
        self.mail()

    def test_what_it_does_not_do(self):
        for arguments, said in [(["-bs"], b"port 25"), (["-bd"], b"-bd"), (["-Nsometimes", ANN], b"usage"),
                                (["-f"], b"usage"), (["-bxx"], b"usage")]:
            with self.subTest(arguments=arguments):
                done = self.run_program("sendmail", *arguments, stdin=MESSAGE)
                self.assertEqual(done.returncode, 100)
                self.assertIn(said, done.stderr)

    def test_mailq(self):
        self.sent("sendmail", "-f", "<>", "later@example.test")  # who is unknown for its first hour
        for name, arguments in (("mailq", []), ("sendmail", ["-bp"])):
            wait_until(lambda: b"\tlater@example.test\n" in self.sent(name, *arguments).stdout, "its line")
            shown = self.sent(name, *arguments).stdout.decode()
            self.assertRegex(shown, r"(?m)^\d{1,2} \w{3} \d{4} .* -0000  #[0-9a-v]{13}  \d+  <>$")


class Forward(Local):
    def test_on_to_another(self):
        done = self.sent("forward", ANN, DTLINE="Delivered-To: list@example.test\n", SENDER="s@example.test",
                         NEWSENDER="new@example.test")
        self.assertRegex(done.stdout, rb"^forward: qp [0-9a-v]{13}\n$")
        text = self.mail()
        self.assertTrue(text.startswith("Return-Path: <new@example.test>\n"), text)
        self.assertIn("\nDelivered-To: list@example.test\nSubject: x\n", text)

    def test_what_it_needs(self):
        self.assertEqual(self.run_program("forward", ANN, stdin=MESSAGE).returncode, 100)
        self.assertEqual(self.run_program("forward", stdin=MESSAGE, DTLINE="x: y").returncode, 100)


class Door(Local):
    """run/submit.sock, with clients that mean no good."""

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(30)
        client.connect(os.path.join(self.instance.root, "run", "submit.sock"))
        return client

    def assert_works(self):
        self.queue(MESSAGE, envelope(b"", ANN.encode()))
        self.mail()

    def test_garbage_is_hung_up_on(self):
        pids = self.instance.children()
        noise = [b"\xff" * 4096, b"\0" * 4096, b"GET / HTTP/1.0\r\n\r\n" * 50, os.urandom(100000)]
        for data in noise:
            with self.connect() as client:
                try:
                    client.sendall(data)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
                except (BrokenPipeError, ConnectionResetError):
                    pass
        self.assertEqual(self.instance.children(), pids)
        self.assert_works()

    def test_a_full_door_lets_others_wait(self):
        held = [self.connect() for _ in range(100)]  # over the 64 of one user
        try:
            started = subprocess.Popen([program("sendmail"), ANN], stdin=subprocess.PIPE,
                                       env=self.environment())
            started.stdin.write(MESSAGE)
            started.stdin.close()
            wait_until(lambda: "queue.local.crowded" in self.instance.log(), "the cap in the log")
            self.assertIsNone(started.poll())
        finally:
            for client in held:
                client.close()
        self.assertEqual(started.wait(60), 0)
        self.mail()

    def test_a_client_that_dies_leaves_nothing(self):
        queue = os.path.join(self.instance.root, "queue")
        files = set(os.listdir(queue))
        reader, writer = os.pipe()
        dying = subprocess.Popen([program("qmail-queue")], stdin=reader, stdout=subprocess.DEVNULL,
                                 env=self.environment())
        os.close(reader)
        os.write(writer, MESSAGE)
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(b"x" * 350000)  # more than stays in memory: there is a file
            pipe.flush()
            wait_until(lambda: any(name.startswith("blob") for name in set(os.listdir(queue)) - files),
                       "its file")
            dying.kill()
            dying.wait()
        wait_until(lambda: set(os.listdir(queue)) <= files, "its file to go")
        self.assert_works()

    @unittest.skipUnless(UID == 0, "needs root to become somebody else")
    def test_another_user_is_named_by_the_kernel(self):
        os.chmod(self.instance.directory, 0o755)
        os.chmod(self.instance.root, 0o755)
        run_as = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"]
        probe = subprocess.run([*run_as, "test", "-x", program("sendmail")])
        self.assertEqual(probe.returncode, 0, "the programs must be readable for everybody")
        done = subprocess.run([*run_as, program("sendmail"), ANN], input=MESSAGE, capture_output=True,
                              timeout=60, env=self.environment(USER="root"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"invoked by uid {STRANGER})", self.mail())
        done = subprocess.run([*run_as, program("mailq")], capture_output=True, timeout=60,
                              env=self.environment())
        self.assertEqual(done.returncode, 100)
        self.assertIn(b"only root and the owner", done.stderr)

    def test_a_restart_of_queued_is_waited_for(self):
        [pid] = self.instance.children()["toast-queued"]
        os.kill(pid, 9)
        self.assert_works()

    def test_sixteen_at_a_time(self):
        running = []
        for number in range(16):
            sender = subprocess.Popen([program("sendmail"), ANN], stdin=subprocess.PIPE,
                                      env=self.environment())
            sender.stdin.write(b"Subject: m%d\n\nx\n" % number)
            sender.stdin.close()
            running.append(sender)
        self.assertEqual([sender.wait(60) for sender in running], [0] * 16)
        wait_for_subjects(self.instance, [f"m{number}" for number in range(16)])


if __name__ == "__main__":
    unittest.main()
