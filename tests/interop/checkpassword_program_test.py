"""Domains whose passwords another program checks: real programs, in Python and in sh, that read descriptor 3; right
ones, broken ones, slow ones, loud ones. Over POP3 and SMTP, and by toastctl."""

import base64
import json
import os
import poplib
import pwd
import shutil
import signal
import smtplib
import subprocess
import tempfile
import unittest

from auth_admin_test import From, context
from toast_instance import Instance, program, wait_until

# Root's programs run as somebody else; without root nobody can become anybody else.
USER = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name

CHECKER = """#!/usr/bin/python3
import json, os, signal, sys
said = b""
while piece := os.read(3, 513 - len(said)):
    said += piece
os.close(3)
if len(said) > 512 or said.count(b"\\0") != 3:
    sys.exit(2)
login, password, time, _ = said.split(b"\\0")
words = password.decode("utf-8", "surrogateescape").partition(" ")[0]
with open("HEARD", "a") as heard:
    print(json.dumps([login.decode(), len(password), os.environ["SERVICE"], os.environ["TCPREMOTEIP"],
                      sys.argv[1:], os.getuid()]), file=heard)
if words == "shout":
    print("password", password, flush=True)
    os.write(2, b"password " + password + b"\\n")
    sys.exit(111)
if words == "flood":
    for _ in range(300):
        os.write(1, password * 100)
        os.write(2, b"x" * 100000)
    sys.exit(111)
if words == "later":
    sys.exit(111)
if words == "misused":
    sys.exit(2)
if words == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
if words == "hang":
    os.mkfifo("FIFO")
    open("FIFO").read()
if words == "helper":
    if os.fork() == 0:
        os.execv("/bin/sleep", ["sleep", "1000"])
if words not in ("right", "helper"):
    sys.exit(1)
os.execv(sys.argv[-1], sys.argv[-1:])
"""

# What checkpassword's own description asks for, in sh.
SHELL_CHECKER = """#!/bin/sh
{ IFS= read -r login; IFS= read -r password; } <<EOF
$(tr '\\0' '\\n' <&3)
EOF
exec 3<&-
[ "$login" = carl@shell.test ] || exit 1
[ "$password" = "two words 'and' quotes" ] || exit 1
exec "$@"
"""


class ProgramTest(unittest.TestCase):
    patience = "20"

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="toast-programs-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)
        self.out = os.path.join(self.folder, "out")
        os.mkdir(self.out)
        self.heard_path = os.path.join(self.out, "heard")
        self.fifo = os.path.join(self.out, "fifo")
        if os.geteuid() == 0:
            os.chown(self.out, pwd.getpwnam(USER).pw_uid, -1)
        self.checker = self.write("checker", CHECKER.replace("HEARD", self.heard_path).replace("FIFO", self.fifo))
        shell = self.write("shell-checker", SHELL_CHECKER)
        self.lines = [f"example.org:{USER}:{self.checker} --realm example", f"shell.test:{USER}:{shell}"]
        self.mail = Instance(settings={"checkpasswordprograms": "# who checks\n" + "\n".join(self.lines),
                                       "checkpasswordseconds": self.patience})
        self.addCleanup(self.mail.remove)
        for domain in ("example.org", "shell.test", "here.test"):
            self.mail.ctl("domain", "add", domain)
        self.mail.ctl("domain", "add", "alias.test", "--alias-of", "example.org")
        self.mail.ctl("mailbox", "add", "ann@example.org", "carl@shell.test")
        self.mail.add_mailbox("bob@here.test", "stored")
        self.mail.start()
        self.home = From(self.mail, "127.0.0.7")

    def write(self, name, text, mode=0o755):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def heard(self):
        try:
            with open(self.heard_path) as lines:
                return [json.loads(line) for line in lines]
        except FileNotFoundError:
            return []

    def pop3(self, password, user="ann@example.org"):
        """ "in", or the words of the refusal."""
        client = self.home.pop3(user=user, password=password)
        if isinstance(client, str):
            return client
        client.quit()
        return "in"

    def submission(self, password, user="ann@example.org"):
        client = self.home.submission(user=user, password=password)
        if isinstance(client, str):
            return client
        client.quit()
        return "in"

    def auth_plain(self, message):
        """The reply to AUTH PLAIN with these bytes, of SMTP."""
        client = smtplib.SMTP("127.0.0.1", self.mail.base + 587, timeout=60)
        self.addCleanup(client.close)
        client.starttls(context=context())
        client.ehlo()
        code, text = client.docmd("AUTH", "PLAIN " + base64.b64encode(message).decode())
        return f"{code} {text.decode()}"


class Logins(ProgramTest):
    def test_the_program_decides_over_pop3_and_smtp(self):
        self.assertEqual(self.pop3("right"), "in")
        self.assertEqual(self.submission("right"), "in")
        wrong_pop3, wrong_smtp = self.pop3("guess"), self.submission("guess")
        self.assertRegex(wrong_pop3, r"^-ERR \[AUTH\]")
        self.assertRegex(wrong_smtp, r"^535 5\.7\.8")
        # A name that does not exist is answered alike, and the program asked all the same.
        self.assertEqual(self.pop3("right", user="nobody@example.org"), wrong_pop3)
        uid = pwd.getpwnam(USER).pw_uid
        arguments = ["--realm", "example", "/bin/true"]
        self.assertEqual(self.heard(), [
            ["ann@example.org", 5, "pop3", "127.0.0.7", arguments, uid],
            ["ann@example.org", 5, "smtp", "127.0.0.7", arguments, uid],
            ["ann@example.org", 5, "pop3", "127.0.0.7", arguments, uid],
            ["ann@example.org", 5, "smtp", "127.0.0.7", arguments, uid],
            ["ann@example.org", 5, "smtp", "127.0.0.7", arguments, uid],  # PLAIN refused, Python tries LOGIN
            ["nobody@example.org", 5, "pop3", "127.0.0.7", arguments, uid]])

    def test_an_alias_of_the_domain_is_told_as_the_domain(self):
        self.assertEqual(self.pop3("right", user="Ann@alias.test"), "in")
        self.pop3("right", user="nobody@alias.test")
        self.assertEqual([one[0] for one in self.heard()], ["ann@example.org", "nobody@example.org"])

    def test_a_program_in_sh(self):
        self.assertEqual(self.pop3("two words 'and' quotes", user="carl@shell.test"), "in")
        self.assertRegex(self.pop3("two words", user="carl@shell.test"), r"^-ERR \[AUTH\]")

    def test_other_domains_are_checked_here(self):
        self.assertEqual(self.pop3("stored", user="bob@here.test"), "in")
        self.assertRegex(self.pop3("right", user="bob@here.test"), r"^-ERR \[AUTH\]")
        self.assertEqual(self.heard(), [])

    def test_toast_checkpassword_asks_it_as_well(self):
        def check(password):
            read, write = os.pipe()
            os.write(write, f"ann@example.org\0{password}\0\0".encode())
            os.close(write)
            done = subprocess.run(
                ["sh", "-c", f'exec 3<&{read}; exec "$@"', "sh", program("toast-checkpassword"), "--root",
                 self.mail.root, "true"], pass_fds=[read], timeout=60)
            os.close(read)
            return done.returncode
        self.assertEqual([check("right"), check("guess"), check("later")], [0, 1, 111])

    def test_what_fits_and_what_does_not(self):
        room = 512 - len("ann@example.org") - len("1800000000") - 3
        self.assertRegex(self.auth_plain(b"\0ann@example.org\0" + b"y" * room), "^535")
        self.assertEqual([one[1] for one in self.heard()], [room])
        self.assertRegex(self.auth_plain(b"\0ann@example.org\0" + b"y" * (room + 1)), "^535")
        self.assertRegex(self.auth_plain(b"\0ann@example.org\0rig\0ht"), "^5")
        self.assertEqual(len(self.heard()), 1)  # neither was put to it


class Failures(ProgramTest):
    def assert_later(self, password):
        self.assertRegex(self.pop3(password), r"^-ERR \[SYS/TEMP\]", password)
        self.assertRegex(self.submission(password), r"^454 4\.", password)

    def test_what_is_no_answer_is_never_a_wrong_password(self):
        for password in ("later", "misused", "crash", "flood", "shout PaSsWoRd"):
            self.assert_later(password)
        for line in self.mail.log().splitlines():
            self.assertNotIn("PaSsWoRd", line)
            self.assertNotIn("xxxxx", line)
        self.assertIn("spawn.program.failed domain=example.org", self.mail.log())
        # None of these counted as a failure, however often.
        for _ in range(25):
            self.assertRegex(self.pop3("later"), r"^-ERR \[SYS/TEMP\]")
        self.assertEqual(self.pop3("right"), "in")

    def test_what_it_leaves_behind_is_ended(self):
        self.assertEqual(self.pop3("helper"), "in")

        def helpers():
            found = []
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{pid}/cmdline") as line, open(f"/proc/{pid}/stat") as stat:
                        if line.read() == "sleep\x001000\x00" and os.stat(f"/proc/{pid}").st_uid == \
                                pwd.getpwnam(USER).pw_uid and ") Z " not in stat.read():
                            found.append(pid)
                except OSError:
                    continue
            return found
        wait_until(lambda: not helpers(), "the helper is gone")

    def test_a_program_that_is_missing_or_anybodys(self):
        away = self.checker + ".away"
        os.rename(self.checker, away)
        self.assert_later("right")
        status = json.loads(self.mail.ctl("status", "--json", check=False).stdout)
        self.assertEqual(status["status"], "CRIT")
        self.assertIn(f"cannot run {self.checker}: there is no such file", status["reasons"][0]["message"])
        os.rename(away, self.checker)
        self.assertEqual(self.pop3("right"), "in")
        for mode, why in ((0o777, "others may write"), (0o644, "not executable")):
            os.chmod(self.checker, mode)
            self.assert_later("right")
            self.assertIn(why, self.mail.ctl("status", check=False).stdout)
        os.chmod(self.checker, 0o755)
        self.assertEqual(self.pop3("right"), "in")
        self.assertNotIn("cannot run", self.mail.ctl("status", check=False).stdout)

    def test_spawnd_is_killed_and_comes_back(self):
        before, = self.mail.children()["toast-spawnd"]
        os.kill(before, signal.SIGKILL)
        answers = set()

        def back():
            answers.add(self.pop3("right")[:15])
            return "in" in answers
        wait_until(back, "logins work again")
        self.assertLessEqual(answers, {"in", "-ERR [SYS/TEMP]"})
        self.assertNotEqual(self.mail.children()["toast-spawnd"], [before])

    def test_a_stop_does_not_wait_for_a_program(self):
        client = poplib.POP3("127.0.0.1", self.mail.base + 110)
        self.addCleanup(client.close)
        client.user("ann@example.org")
        client._putcmd("PASS hang")
        wait_until(lambda: os.path.exists(self.fifo), "it hangs")
        self.assertEqual(self.mail.stop(), 0)
        with self.assertRaises(OSError):  # nobody reads any more
            os.close(os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK))


class Hanging(ProgramTest):
    patience = "1"

    def test_it_is_killed_and_the_client_told_to_come_back(self):
        self.assertRegex(self.pop3("hang"), r"^-ERR \[SYS/TEMP\]")
        self.assertIn("it was killed: no answer in time", self.mail.log())
        with self.assertRaises(OSError):
            os.close(os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK))

    def test_it_dies_with_spawnd(self):
        self.mail.ctl("config", "set", "checkpasswordseconds", "25")
        self.mail.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "toastd.reload.done" in self.mail.log(), "the reload")
        client = poplib.POP3("127.0.0.1", self.mail.base + 110)
        self.addCleanup(client.close)
        client.user("ann@example.org")
        client._putcmd("PASS hang")
        wait_until(lambda: os.path.exists(self.fifo), "it hangs")
        os.kill(self.mail.children()["toast-spawnd"][0], signal.SIGKILL)
        with self.assertRaisesRegex(poplib.error_proto, "SYS/TEMP"):
            client._getresp()

        def nobody_reads():
            try:
                os.close(os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK))
                return False
            except OSError:
                return True
        wait_until(nobody_reads, "the program is gone")


class Administration(ProgramTest):
    def fails(self, code, *words, stdin=""):
        done = self.mail.ctl(*words, stdin=stdin, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_no_password_is_set_where_nobody_would_ask_for_it(self):
        told = self.fails(6, "mailbox", "passwd", "ann@alias.test", "--password-stdin", stdin="other\n")
        self.assertIn(f"the passwords of example.org are checked by {self.checker}", told)
        self.fails(6, "mailbox", "add", "dora@example.org", "--password-stdin", stdin="other\n")
        self.mail.ctl("mailbox", "add", "dora@example.org")
        self.assertEqual(self.pop3("right", user="dora@example.org"), "in")
        shown = json.loads(self.mail.ctl("mailbox", "show", "dora@example.org", "--json"))
        self.assertEqual(shown["password"], "program")

    def test_locks_switches_and_app_passwords_hold(self):
        app = json.loads(self.mail.ctl("mailbox", "app-password", "add", "ann@example.org", "phone",
                                       "--json"))["results"][0]["password"]
        self.assertEqual(self.pop3(app), "in")
        self.assertEqual(self.heard(), [])
        self.mail.ctl("mailbox", "set", "ann@example.org", "--pop3=off")
        self.assertRegex(self.pop3("right"), r"^-ERR \[AUTH\]")
        self.assertEqual(self.submission("right"), "in")
        self.mail.ctl("mailbox", "set", "ann@example.org", "--pop3=on")
        self.mail.ctl("account", "lock", "ann@example.org")
        self.assertRegex(self.pop3("right"), r"^-ERR \[AUTH\]")
        self.assertRegex(self.pop3(app), r"^-ERR \[AUTH\]")
        self.assertEqual(json.loads(self.mail.ctl("account", "show", "ann@example.org", "--json"))["login"], "locked")
        self.mail.ctl("account", "unlock", "ann@example.org")
        self.assertEqual(self.pop3("right"), "in")

    def test_bad_lines_are_refused_with_their_place(self):
        path = os.path.join(self.mail.root, "control", "checkpasswordprograms")
        for line, why in (("example.org:root:/bin/true", "never runs as root"),
                          ("example.org:no-such-account:/bin/true", "there is no account"),
                          ("example.org:nobody:true", "absolute path"),
                          (self.lines[1], "has a program already, on line 2")):
            with open(path, "w") as control:
                control.write(f"# first\n{self.lines[1]}\n{line}\n")
            told = self.fails(6, "config", "check")
            self.assertIn("control/checkpasswordprograms:3: ", told)
            self.assertIn(why, told)
        self.assertEqual(self.mail.stop(), 0)
        with self.assertRaisesRegex(RuntimeError, "control/checkpasswordprograms:3: "):
            self.mail.start()
        os.unlink(path)
        self.mail.start()
        self.assertNotIn("toast-spawnd", self.mail.children())
        self.assertRegex(self.pop3("right"), r"^-ERR \[AUTH\]")  # nothing is stored
        told = self.fails(6, "config", "set", "checkpasswordprograms", "example.org:root:/bin/true")
        self.assertIn("never runs as root", told)
        self.mail.ctl("config", "set", "checkpasswordprograms", *self.lines)
        self.mail.ctl("config", "check")


if __name__ == "__main__":
    unittest.main()
