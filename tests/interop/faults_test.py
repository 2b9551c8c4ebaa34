"""What can go wrong below the server: a full disk, wrong modes, garbage in control/, databases that are
locked, missing, read-only, corrupt or newer, a damaged journal. Each with the answer that a client,
the administrator and the log get; and afterwards a message goes in and comes out.

The file runs itself again in a mount namespace of its own, where a small file system can be mounted
over queue/ without anybody else seeing it.
"""

import json
import os
import poplib
import shutil
import signal
import sqlite3
import subprocess
import sys
import unittest

import journal_files
from toast_instance import Instance, program, wait_until
from wire_client import (ANN, PASSWORD, QUICK, Client, log_in, message, send, smtp, still_works,
                         submit, transaction, wait_for_subjects)

INSIDE = "TOAST_FAULTS_NAMESPACE"
# Root ignores modes; without these rights it is a user like others.
WITHOUT_OVERRIDE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
MIB = 1 << 20
TEMPORARY = "-ERR [SYS/TEMP] "


class FaultTest(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.instance = Instance(settings={**QUICK, **self.settings})
        self.addCleanup(self.instance.remove)
        self.instance.ctl("domain", "add", "example.test")
        self.instance.add_mailbox(ANN)

    def path(self, *parts):
        return os.path.join(self.instance.root, *parts)

    def write(self, path, content):
        with open(self.path(path), "wb") as file:
            file.write(content)

    def assert_begins(self, text, beginning):
        self.assertEqual(text[:len(beginning)], beginning, text)

    def wait_for_log(self, *words, after=0):
        def said():
            return any(all(word in line for word in words)
                       for line in self.instance.log()[after:].splitlines())
        wait_until(said, f"{words} in the log", seconds=20)

    def refused_start(self, *under):
        """toastd's last words; it must end with 1 by itself."""
        done = subprocess.run([*under, program("toastd"), "--root", self.instance.root, "--unprivileged"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=50)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertNotIn("ready", done.stdout)
        return done.stderr

    def signal_program(self, name, number):
        for pid in self.instance.children()[name]:
            os.kill(pid, number)

    def status(self):
        done = self.instance.ctl("status", check=False)
        return done.returncode, done.stdout

    def wait_for_status(self, words):
        """toastd writes what status shows within moments of the event."""
        wait_until(lambda: words in self.status()[1], f"{words!r} in toastctl status", seconds=10)


class Modes(FaultTest):
    def test_others_may_write_the_settings(self):
        for path, mode in (("control", 0o777), ("control/me", 0o666), ("control/me", 0o664)):
            os.chmod(self.path(path), mode)
            said = self.refused_start()
            self.assertIn(f"mode {mode:04o} lets others write it: chmod go-w {self.path(path)}", said)
            done = self.instance.ctl("config", "check", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("chmod go-w", done.stdout + done.stderr)
            os.chmod(self.path(path), 0o755 if path == "control" else 0o644)
        self.instance.start()
        still_works(self.instance)

    def test_others_may_write_the_mail(self):
        for path in ("", "queue", "mail", "db", "db-auth", "run"):
            mode = os.stat(self.path(path)).st_mode & 0o7777
            os.chmod(self.path(path), 0o777)
            self.assertIn("mode 0777 lets everybody write it: chmod o-w " + self.path(path).rstrip("/"),
                          self.refused_start())
            os.chmod(self.path(path), mode)
        self.instance.start()
        still_works(self.instance)

    def test_unreadable_for_their_keeper(self):
        for path in ("queue", "mail"):
            os.chmod(self.path(path), 0)
            said = self.refused_start(*WITHOUT_OVERRIDE)
            self.assertIn(f"{self.path(path)}: Permission denied", said)
            self.assertIn("cannot start (exit 1); its lines above say why", said)
            os.chmod(self.path(path), 0o700)
        for path, want in (("control", f"open {self.path('control')}: Permission denied"),
                           ("control/me", "control/me: open me: Permission denied")):
            os.chmod(self.path(path), 0)
            self.assertIn(want, self.refused_start(*WITHOUT_OVERRIDE))
            os.chmod(self.path(path), 0o755)
        self.instance.start(under=WITHOUT_OVERRIDE)
        still_works(self.instance)

    def test_second_toastd(self):
        self.instance.start()
        pid = self.instance.process.pid
        self.assertIn(f"another toastd (pid {pid}) runs this instance and holds {self.path('run/toastd.lock')}",
                      self.refused_start())
        still_works(self.instance)

    def test_no_instance(self):
        shutil.rmtree(self.path("run"))
        self.assertIn("no instance here (toastctl init makes one)", self.refused_start())


class Ends(FaultTest):
    def test_with_a_mailbox_open(self):
        """Every program ends by itself, also while a POP3 client is logged in."""
        self.instance.start()
        self.instance.ctl("domain", "add", "example.org")
        self.instance.add_mailbox("ann@example.org")
        client = poplib.POP3(*self.instance.pop3)
        client.user("ann@example.org")
        client.pass_("correct horse")
        self.assertEqual(self.instance.stop(), 0)
        client.close()
        ends = [line for line in self.instance.log().splitlines() if "toastd.child.ended" in line]
        self.assertTrue(ends)
        for line in ends:
            self.assertIn('exit="exit 0"', line)


class Garbage(FaultTest):
    """In control/."""

    BAD = (("databytes", b"a lot\n", "control/databytes:1: \"a lot\" is not a number"),
           ("databytes", b"50M\n", "control/databytes:1: \"50M\" is not a plain number; write 52428800"),
           ("databytes", b"-1\n", "control/databytes:1: \"-1\" is not a number"),
           ("timeoutsmtpd", b"300\r\n", "control/timeoutsmtpd:1: the line ends in a carriage return"),
           ("smtpbarenewline", b"maybe\n", "control/smtpbarenewline:1: \"maybe\" is not a choice"),
           ("relaynetworks", b"10.0.0.0/8\nnot a network\n", "control/relaynetworks:2: "),
           ("smtpmaxerrors", b"0\n", "control/smtpmaxerrors:1: 0 is out of range; write a number from 1 to 1000"),
           ("smtpmaxerrors", b"\x00\xff\x01garbage\n", "control/smtpmaxerrors:1: the line "),
           ("me", b"two words\n", "control/me:1: "),
           ("me", b"", "control/me:1: "),
           ("smtpmaxerors", b"5\n", "control/smtpmaxerors: unknown setting; did you mean smtpmaxerrors?"),
           ("blafasel", b"5\n", "control/blafasel: unknown setting; remove the file"))

    def with_bad(self, name, content):
        old = None
        if os.path.exists(self.path("control", name)):
            with open(self.path("control", name), "rb") as file:
                old = file.read()
        self.write(f"control/{name}", content)
        return lambda: os.unlink(self.path("control", name)) if old is None else self.write(
            f"control/{name}", old)

    def test_at_start(self):
        for name, content, words in self.BAD:
            with self.subTest(name=name, content=content):
                undo = self.with_bad(name, content)
                said = self.refused_start()
                done = self.instance.ctl("config", "check", check=False)
                undo()
                self.assertIn(words, said)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(words, done.stdout + done.stderr)
        os.mkdir(self.path("control", "databytes"))
        self.assertIn("control/databytes: not a regular file", self.refused_start())
        os.rmdir(self.path("control", "databytes"))
        self.instance.start()
        still_works(self.instance)

    def reload(self):
        at = len(self.instance.log())
        self.instance.process.send_signal(signal.SIGHUP)
        return at

    def test_at_reload(self):
        self.instance.start()
        for name, content, words in self.BAD:
            with self.subTest(name=name, content=content):
                undo = self.with_bad(name, content)
                # Something good beside it: all or nothing.
                self.write("control/smtpgreeting", b"never.example.test\n")
                at = self.reload()
                self.wait_for_log("toastd.reload.refused", 'effect="the old settings stay"', after=at)
                undo()
                self.wait_for_log("toastd.reload.refused", words.replace('"', '\\"'), after=at)
                with Client(self.instance.smtp) as client:
                    self.assertNotIn("never", client.reply())
                self.wait_for_status("the last reload was refused: " + words)
        still_works(self.instance)
        self.write("control/smtpgreeting", b"now.example.test\n")
        at = self.reload()
        self.wait_for_log("toastd.reload.done", after=at)
        with Client(self.instance.smtp) as client:
            self.assert_begins(client.reply(), "220 now.example.test")
        wait_until(lambda: "refused" not in self.status()[1], "a clean status")
        still_works(self.instance)

    def test_what_only_a_restart_changes(self):
        self.instance.start()
        self.write("control/smtpprocesses", b"2\n")
        at = self.reload()
        self.wait_for_log("toastd.reload.refused", "control/smtpprocesses: takes effect at a restart only",
                          after=at)
        still_works(self.instance)


class Databases(FaultTest):
    """Whatever is wrong with one, nobody hears `no such user` or `wrong password`; and when it is right
    again, no program needs to be told."""

    FILES = {"directory": "db/directory.db", "credentials": "db-auth/credentials.db"}

    def setUp(self):
        super().setUp()
        self.instance.add_mailbox("ben@example.test")
        self.instance.start()
        still_works(self.instance)
        self.pids = self.instance.children()

    # -- what clients are told
    def rcpt(self, address=ANN):
        with smtp(self.instance) as client:
            client.ask("MAIL FROM:<bob@client.example>")
            return client.ask(f"RCPT TO:<{address}>")

    def login(self, login=ANN, password=PASSWORD):
        client, answer = log_in(self.instance, login, password)
        client.socket.close()
        return answer

    def changes_to(self, wanted, usual, ask):
        """From one answer to the other, and never a third."""
        def changed():
            answer = ask()
            self.assertTrue(answer.startswith((wanted, usual)), answer)
            return answer.startswith(wanted)
        wait_until(changed, f"{wanted} instead of {usual}", seconds=10)

    def check_outage(self, name):
        if name == "directory":
            self.changes_to("451 4.3.0 ", "550 5.1.1", lambda: self.rcpt("nobody@example.test"))
            for address in ("ben@example.test", "ann@elsewhere.example", "nobody@example.test"):
                self.assert_begins(self.rcpt(address), "451 4.3.0 ")
            self.assert_begins(self.login("ben@example.test"), TEMPORARY)
            self.assert_begins(self.login("nobody@example.test", "x"), TEMPORARY)
            # Whom the directory was asked about while it was well goes on receiving and reading.
            self.assert_begins(self.rcpt(), "250 2.1.5")
            self.assert_begins(self.login(), "+OK")
        else:
            self.changes_to(TEMPORARY, "+OK", self.login)
            for login, password in ((ANN, PASSWORD), (ANN, "wrong"), ("ben@example.test", PASSWORD)):
                with self.subTest(login=login, password=password):
                    self.assert_begins(self.login(login, password), TEMPORARY)
            self.assert_begins(self.rcpt(), "250 2.1.5")  # mail goes on

    def check_recovery(self):
        self.changes_to("550 5.1.1", "451 4.3.0 ", lambda: self.rcpt("nobody@example.test"))
        self.changes_to("+OK", TEMPORARY, lambda: self.login("ben@example.test"))
        self.changes_to("+OK", TEMPORARY, self.login)
        still_works(self.instance)
        self.assert_begins(self.login(ANN, "wrong"), "-ERR [AUTH] ")

    def check_untouched(self):
        self.assertEqual(self.instance.children(), self.pids)  # nobody was restarted for it
        wait_until(lambda: self.status()[1].startswith("OK"), "status is OK again", seconds=15)

    def check_toastctl(self, name, code, *words):
        command = {"directory": ("mailbox", "list"),
                   "credentials": ("mailbox", "passwd", ANN, "--password-stdin")}[name]
        done = self.instance.ctl(*command, "--json", check=False, stdin=PASSWORD + "\n")
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        error = json.loads(done.stderr)["error"]
        for word in words:
            self.assertIn(word, f"{error['message']}; {error['hint']}")

    def for_each(self, fault):
        for name, file in self.FILES.items():
            with self.subTest(name):
                fault(name, self.path(file))

    # -- the faults
    def test_missing(self):
        def fault(name, path):
            away = path + ".away"
            os.rename(path, away)
            self.check_outage(name)
            self.check_toastctl(name, 1, path, "backup")
            self.assert_begins(self.status()[1], "CRIT")
            self.assertFalse(os.path.exists(path), "an empty database was made in its place")
            os.rename(away, path)
            self.check_recovery()
            self.check_untouched()
        self.for_each(fault)

    def test_corrupt(self):
        def fault(name, path):
            # The good one with its log, as it is on disk; a copy of garbage takes its place.
            os.rename(path, path + ".away")
            self.write(path, b"this is no database, whatever its name says\n" * 1000)
            self.check_outage(name)
            self.check_toastctl(name, 1, path, "backup")
            self.assert_begins(self.status()[1], "CRIT")
            os.rename(path + ".away", path)
            self.check_recovery()
            self.check_untouched()
        self.for_each(fault)

    def test_newer_than_the_program(self):
        def fault(name, path):
            with sqlite3.connect(path) as db:
                before = db.execute("SELECT version, works_with FROM schema_version").fetchone()
                db.execute("UPDATE schema_version SET version = 99, works_with = 99")
            db.close()
            self.check_outage(name)
            self.check_toastctl(name, 1, "upgrade this program")
            self.assertIn("newer than this program", self.status()[1])
            with sqlite3.connect(path) as db:
                db.execute("UPDATE schema_version SET version = ?, works_with = ?", before)
            db.close()
            self.check_recovery()
            self.check_untouched()
        self.for_each(fault)

    def test_locked(self):
        def fault(name, path):
            # Another process has the whole file. It cannot get that while our programs have it open,
            # but a file that is restored in its place can come with the lock.
            with sqlite3.connect(path) as db, sqlite3.connect(path + ".copy") as copy:
                db.backup(copy)
            db.close()
            copy.execute("PRAGMA journal_mode=DELETE")
            copy.isolation_level = None
            copy.execute("BEGIN EXCLUSIVE")
            os.rename(path, path + ".away")
            os.rename(path + ".copy", path)
            self.check_outage(name)
            if name == "credentials":  # toastctl waits 10 s for its turn
                self.check_toastctl(name, 7, "is locked by another process",
                                    "run the same command again")
            copy.execute("ROLLBACK")
            self.check_recovery()
            self.check_untouched()
            copy.close()
            os.rename(path + ".away", path)
            self.check_recovery()
        self.for_each(fault)

    def test_somebody_writes_for_long(self):
        """A writer does not keep readers out: mail goes on; only other writers must wait."""
        def fault(name, path):
            db = sqlite3.connect(path, isolation_level=None)
            db.execute("BEGIN EXCLUSIVE")
            self.assert_begins(self.rcpt(), "250 2.1.5")
            self.assert_begins(self.login(), "+OK")
            still_works(self.instance)
            db.execute("ROLLBACK")
            db.close()
            self.check_recovery()
            self.check_untouched()
        self.for_each(fault)

    def test_read_only(self):
        """Even a reader of a write-ahead log must write beside it: an outage like the others."""
        self.instance.stop()
        folders = [self.path("db"), self.path("db-auth")]
        for folder in folders:
            for name in os.listdir(folder):
                os.chmod(os.path.join(folder, name), 0o444)
            os.chmod(folder, 0o555)
        self.instance.start(under=WITHOUT_OVERRIDE)
        self.assert_begins(self.rcpt(), "451 4.3.0 ")
        self.assert_begins(self.rcpt("nobody@example.test"), "451 4.3.0 ")
        self.assert_begins(self.login(), TEMPORARY)
        done = subprocess.run([*WITHOUT_OVERRIDE, program("toastctl"), "--root", self.instance.root,
                               "domain", "add", "example.net", "--json"],
                              capture_output=True, text=True, timeout=60)
        self.assertIn(done.returncode, (1, 5), done.stderr)
        self.assertIn("directory.db", json.loads(done.stderr)["error"]["message"])
        for folder in folders:
            os.chmod(folder, 0o700)
            for name in os.listdir(folder):
                os.chmod(os.path.join(folder, name), 0o600)
        self.pids = self.instance.children()
        self.check_recovery()
        self.check_untouched()

    def test_mail_that_was_accepted_before_waits(self):
        with transaction(self.instance, "ben@example.test") as client:
            path = self.path("db/directory.db")
            os.rename(path, path + ".away")
            self.signal_program("toast-vdomaind", signal.SIGKILL)  # what it remembered is gone too
            self.changes_to("451 4.3.0 ", "250 2.1.5", self.rcpt)
            answer = send(client, message("in between"))
            self.assert_begins(answer, "250 2.6.0")
        queue_id = answer.split()[-1]
        wait_until(lambda: "directory" in self.instance.ctl("queue", "show", queue_id),
                   "the reason in toastctl queue show", seconds=15)
        self.assertIn("deferred", self.instance.ctl("queue", "show", queue_id))
        os.rename(path + ".away", path)
        self.check_recovery()
        self.assertIn(queue_id, self.instance.ctl("queue", "list"))  # its time will come
        self.assertNotIn("queue.delivery.failed", self.instance.log())


class FullDisk(FaultTest):
    """queue/ on 64 MiB of its own: the journal's segment, some spares, and soon nothing more."""

    settings = {"queuereserve": 8 * MIB, "databytes": 64 * MIB}

    def setUp(self):
        super().setUp()
        self.queue = self.path("queue")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "queue", self.queue], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.queue], check=True)
        self.addCleanup(self.instance.stop)
        self.instance.start()

    def fill(self):
        with open(self.path("queue", "ballast"), "ab", buffering=0) as ballast:
            try:
                for size in (MIB, 4096):
                    while True:
                        if ballast.write(b"\0" * size) < size:
                            break
            except OSError:
                pass  # full

    def mail(self):
        with smtp(self.instance) as client:
            return client.ask("MAIL FROM:<bob@client.example>")

    def fill_until_refused(self):
        def refused():
            self.fill()  # what housekeeping gave back is taken again
            answer = self.mail()
            self.assertIn(answer[:9], ("250 2.1.0", "452 4.3.1"), answer)
            return answer.startswith("452")
        wait_until(refused, "452 at MAIL", seconds=20)

    def test_acknowledged_mail_is_safe_and_acceptance_resumes(self):
        self.signal_program("toast-maild", signal.SIGSTOP)  # so that it stays in the queue
        for n in range(5):
            self.assert_begins(submit(self.instance, f"before {n}"), "250 2.6.0")
        small, large = transaction(self.instance), transaction(self.instance)
        self.fill_until_refused()
        with small, large:  # they had begun before
            self.assertIn(send(small, message("small"))[:9], ("452 4.3.1", "451 4.3.1"))
            self.assertIn(send(large, message("large", 2 * MIB))[:9], ("452 4.3.1", "451 4.3.1"))
        code, said = self.status()
        self.assertIn("queue", said)
        self.assertNotEqual(said[:2], "OK")
        # What is in the queue is delivered with the disk still full.
        self.signal_program("toast-maild", signal.SIGCONT)
        wait_for_subjects(self.instance, [f"before {n}" for n in range(5)])
        self.assert_begins(self.mail(), "452 4.3.1")
        os.unlink(self.path("queue", "ballast"))
        wait_until(lambda: self.mail().startswith("250"), "acceptance after space is freed", seconds=20)
        still_works(self.instance)

    def test_restart_on_a_full_disk(self):
        self.signal_program("toast-maild", signal.SIGSTOP)
        for n in range(5):
            self.assert_begins(submit(self.instance, f"before {n}"), "250 2.6.0")
        self.fill_until_refused()
        self.instance.kill_all()
        self.fill()
        self.instance.start()
        wait_for_subjects(self.instance, [f"before {n}" for n in range(5)])
        self.assertIn(self.mail()[:9], ("452 4.3.1", "250 2.1.0"))
        self.instance.stop()
        os.unlink(self.path("queue", "ballast"))
        self.instance.start()
        still_works(self.instance)


class Journal(FaultTest):
    """Mail is accepted while the directory stands still, so that all of it is in the journal; then
    everything is killed, queue/ is damaged, and the server is started again."""

    # Of strangers queued would ask the directory whether this is a domain of ours.
    settings = {"relaynetworks": "127.0.0.0/8"}

    def accept(self, count, size=0, large_one=False):
        """Messages 0 to count - 1 in the queue, nothing running any more."""
        self.instance.start()
        clients = [transaction(self.instance) for _ in range(count)]
        self.signal_program("toast-vdomaind", signal.SIGSTOP)
        for n, client in enumerate(clients):
            with client:
                self.assert_begins(send(client, message(n, MIB if large_one and n == 2 else size)),
                                   "250 2.6.0")
        self.queue = self.path("queue")

    def restart(self, missing, *words, count):
        """What is not missing is delivered, once; the log and toastctl status have these words."""
        at = len(self.instance.log())
        self.instance.start()
        expected = [str(n) for n in range(count) if n not in missing]
        wait_for_subjects(self.instance, expected)
        for word in words:
            self.wait_for_log("queue.journal.warning", word, after=at)
            self.wait_for_status(word)
        if not words:
            self.assertNotIn("queue.journal.warning", self.instance.log()[at:])
        still_works(self.instance)
        # The next start may find the damage still there, but nothing comes a second time.
        self.assertEqual(self.instance.stop(), 0)
        self.instance.start()
        still_works(self.instance)

    def accepted_frames(self):
        return [frame for path in journal_files.segments(self.queue)
                for frame in journal_files.frames(path)]

    def subjects_in(self, frames):
        """Which messages these records accepted."""
        found = set()
        for frame in frames:
            with open(frame.path, "rb") as file:
                file.seek(frame.offset)
                body = file.read(frame.size)
            at = body.index(b"Subject: ") + 9
            found.add(int(body[at:body.index(b"\n", at)]))
        return found

    def test_last_record(self):
        self.accept(6)
        self.instance.kill_all()
        last = self.accepted_frames()[-1]
        journal_files.flip(last.path, last.offset + 60)
        # Nothing behind it proves that it was ever acknowledged: no warning, only that one is gone.
        self.restart({5}, count=6)
        self.assertIn("the log goes on after", self.instance.log())

    def test_torn_last_record(self):
        self.accept(6)
        self.instance.kill_all()
        last = self.accepted_frames()[-1]
        with open(last.path, "r+b") as file:
            file.truncate(last.offset + 100)
        self.restart({5}, count=6)

    def test_record_in_the_middle(self):
        self.accept(6)
        self.instance.kill_all()
        frame = self.accepted_frames()[2]
        journal_files.flip(frame.path, frame.offset + frame.size // 2)
        self.restart({2}, "are damaged; kept in damaged.", count=6)
        kept = [name for name in os.listdir(self.queue) if name.startswith("damaged.")]
        self.assertEqual(kept, [f"damaged.{frame.path.rsplit('.', 1)[1]}.{frame.offset}"])
        with open(os.path.join(self.queue, kept[0]), "rb") as file:
            self.assertIn(b"Subject: 2\n", file.read())  # the operator can have it back

    def test_one_header_page(self):
        for page in (0, 1):
            with self.subTest(page=page):
                self.accept(4)
                self.instance.kill_all()
                path = self.accepted_frames()[-1].path
                journal_files.flip(path, page * journal_files.PAGE + 24, 16)
                self.restart(set(), "one copy of its header is damaged", count=4)
                self.instance.stop()

    def test_both_header_pages(self):
        count = 150  # 36 MB: three segments
        self.accept(count, size=240 * 1024)
        self.instance.kill_all()
        path = journal_files.segments(self.queue)[-1]
        lost = self.subjects_in(journal_files.frames(path))
        self.assertTrue(0 < len(lost) < count)
        for page in (0, 1):
            journal_files.flip(path, page * journal_files.PAGE, 200)
        self.restart(lost, "set aside as damaged." + os.path.basename(path), count=count)
        self.assertIn("damaged." + os.path.basename(path), os.listdir(self.queue))

    def test_checkpoint(self):
        count = 150
        self.accept(count, size=240 * 1024)
        wait_until(lambda: journal_files.checkpoints(self.queue), "a checkpoint")
        self.instance.kill_all()
        newest = journal_files.checkpoints(self.queue)[-1]
        journal_files.flip(newest, os.path.getsize(newest) // 2, 64)
        self.restart(set(), os.path.basename(newest) + " was passed over and set aside", count=count)
        self.assertIn("damaged." + os.path.basename(newest), os.listdir(self.queue))

    def test_body_file(self):
        """A body of 1 MiB has a file of its own; without it the others still get through."""
        self.accept(4, large_one=True)
        self.instance.kill_all()
        blobs = [name for name in os.listdir(self.queue) if name.startswith("blob.")]
        self.assertEqual(len(blobs), 1)
        os.rename(os.path.join(self.queue, blobs[0]), self.path("blob"))
        self.instance.start()
        wait_for_subjects(self.instance, ["0", "1", "3"])
        self.wait_for_log("queue.journal.warning", blobs[0] + " is missing")
        self.assertIn(blobs[0].split(".")[1], self.instance.ctl("queue", "list"))
        # Whoever has the file puts it back, and the message is whole again.
        self.instance.stop()
        os.rename(self.path("blob"), os.path.join(self.queue, blobs[0]))
        self.instance.start()
        self.assertIn(blobs[0].split(".")[1], self.instance.ctl("queue", "list"))
        still_works(self.instance)

    def test_garbage_that_looks_like_a_segment(self):
        self.accept(4)
        self.instance.kill_all()
        name = "segment.00000000000000ff"
        self.write(f"queue/{name}", os.urandom(MIB))
        self.write("queue/spare.x", b"not a segment")
        self.write("queue/checkpoint.00000000000000ff", b"")
        self.restart(set(), f"damaged.{name}", "checkpoint.00000000000000ff was passed over", count=4)


def enter_namespace():
    """Runs this file again where a mount is nobody else's."""
    options = ["-m"] if os.geteuid() == 0 else ["-Urm"]
    if subprocess.run(["unshare", *options, "true"], check=False).returncode != 0:
        sys.exit("faults_test: needs a mount namespace of its own, for a full disk: run it as root, or "
                 "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)")
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", *options, "--", sys.executable, *sys.argv])


if __name__ == "__main__":
    if INSIDE not in os.environ:
        enter_namespace()
    unittest.main(verbosity=2)
