"""Mail that waits in another queue is moved into this one: that of a stopped qmail, and that of a node of ours that
died. Nothing is lost, nothing comes twice, however often it is run.

A qmail queue as it is made here (N is the inode number of mess/N; the split is whatever qmail was compiled with):

    mess/S/N            the message
    info/S/N            F sender NUL; its mtime is the time of arrival
    local/S/N remote/S/N    T recipient NUL, or D recipient NUL when it is done
    bounce/N            what the sender is to be told
    todo/N intd/N       u uid NUL p pid NUL F sender NUL, T recipient NUL ...: not looked at by qmail-send yet
    lock/sendmutex      flock(2) on it is held by qmail-send
"""

import calendar
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from toast_instance import Instance, program, wait_until
from wire_client import ANN, QUICK, take_mail, wait_for_subjects

BOB = "bob@example.test"
ZOE = "zoe@elsewhere.test"
HOUR = 3600


class QmailQueue:
    def __init__(self, split=23):
        self.home = tempfile.mkdtemp(prefix="toast-qmail-")
        self.path = os.path.join(self.home, "queue")
        self.split = split
        for folder in ("mess", "info", "local", "remote", "todo", "intd", "bounce", "lock"):
            os.makedirs(os.path.join(self.path, folder))
        self.write("lock/sendmutex", b"")
        os.mkdir(os.path.join(self.home, "control"))

    def write(self, name, data, born=None):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        if born is not None:
            os.utime(path, (born, born))
        return path

    def control(self, name, text):
        with open(os.path.join(self.home, "control", name), "w") as file:
            file.write(text)

    def content(self, subject, body="hello"):
        """Makes mess/S/N; returns S/N and N."""
        fresh = self.write("new", f"Received: (qmail 1 invoked by uid 1)\nSubject: {subject}\n\n{body}\n".encode())
        number = os.stat(fresh).st_ino
        place = f"{number % self.split}/{number}"
        os.makedirs(os.path.join(self.path, f"mess/{number % self.split}"), exist_ok=True)
        os.rename(fresh, os.path.join(self.path, "mess", place))
        return place, number

    def message(self, subject, sender="me@elsewhere.test", local=b"", remote=b"", bounce=b"", age=HOUR, body="hello"):
        place, number = self.content(subject, body)
        for channel, records in (("local", local), ("remote", remote)):
            if records:
                self.write(f"{channel}/{place}", records)
        if bounce:
            self.write(f"bounce/{number}", bounce)
        self.write(f"info/{place}", b"F" + sender.encode() + b"\0", int(time.time()) - age)
        return number

    def todo(self, subject, *recipients):
        place, number = self.content(subject)
        envelope = b"u1000\0p4242\0Fme@elsewhere.test\0" + b"".join(b"T" + r.encode() + b"\0" for r in recipients)
        self.write(f"intd/{number}", envelope)
        os.link(os.path.join(self.path, f"intd/{number}"), os.path.join(self.path, f"todo/{number}"))
        return number

    def files(self):
        found = {}
        for folder, _, names in os.walk(self.path):
            for name in names:
                if name != "toastmaster-imported":
                    with open(os.path.join(folder, name), "rb") as file:
                        found[os.path.join(folder, name)] = file.read()
        return found

    def remove(self):
        shutil.rmtree(self.home)


def made_instance(test, **settings):
    instance = Instance(settings={**QUICK, **settings})
    test.addCleanup(instance.remove)
    instance.ctl("domain", "add", "example.test")
    for address in (ANN, BOB):
        instance.add_mailbox(address)
    return instance


def queued(instance):
    return json.loads(instance.ctl("queue", "list", "--json"))["messages"]


class Import(unittest.TestCase):
    def setUp(self):
        self.qmail = QmailQueue()
        self.addCleanup(self.qmail.remove)
        self.instance = made_instance(self, smtproutes=":127.0.0.1:9").start()

    def run_import(self, *options):
        done = self.instance.ctl("import", "qmail-queue", self.qmail.path, *options, "--json", check=False)
        result = json.loads(done.stdout)["results"][0] if done.stdout else None
        return done, result

    def test_what_waits_is_moved_once(self):
        self.qmail.control("virtualdomains", "example.test:owner\n")
        self.qmail.message("one", local=b"Towner-ann@example.test\0Downer-bob@example.test\0")
        self.qmail.message("bounce", sender=BOB, local=b"Towner-ann@example.test\0",
                           bounce=b"<zoe@elsewhere.test>:\nno such person. (#5.1.1)\n\n")
        self.qmail.message("large", local=b"Tann@example.test\0", body="0123456789\n" * 100000)
        self.qmail.todo("todo", ANN, BOB)
        self.qmail.content("never queued")
        late = self.qmail.message("late", remote=b"Tzoe@elsewhere.test\0", age=5 * HOUR)
        before = self.qmail.files()

        dry, result = self.run_import("--dry-run")
        self.assertEqual((dry.returncode, result["messages"], result["recipients"]), (9, 5, 7), dry.stderr)
        self.assertEqual(queued(self.instance), [])
        self.assertFalse(os.path.exists(self.qmail.path + "/toastmaster-imported"))

        done, result = self.run_import()
        self.assertEqual((done.returncode, result["messages"], result["left"]), (0, 5, 0), done.stderr)
        subjects = wait_for_subjects(self.instance, ["one", "bounce", "large", "todo"])
        self.assertEqual(len(subjects), 4)
        texts = wait_until(lambda: (lambda found: found if len(found) == 2 else None)(self.peek(BOB)), "Bob's mail")
        self.assertEqual(sum("no such person" in text and "zoe@elsewhere.test" in text for text in texts), 1)
        self.assertEqual(sum("Subject: todo\n" in text for text in texts), 1)

        # One is deferred: it is as old as it was.
        [waiting] = wait_until(lambda: [m for m in queued(self.instance) if m["deferred"]], "the deferral")
        shown = json.loads(self.instance.ctl("queue", "show", waiting["id"], "--json"))
        arrived = time.strptime(shown["arrived"], "%Y-%m-%dT%H:%M:%SZ")
        self.assertAlmostEqual(time.time() - calendar.timegm(arrived), 5 * HOUR, delta=120)
        self.assertIn(str(late), shown["peer"])

        take_mail(self.instance)
        again, result = self.run_import()
        self.assertEqual((again.returncode, result["messages"], result["already_here"]), (0, 0, 5), again.stderr)
        self.assertEqual(take_mail(self.instance), [])
        self.assertEqual(len(queued(self.instance)), 1)
        self.assertEqual(self.qmail.files(), before, "qmail's own files are left alone")

    def peek(self, login):
        folder = self.instance.maildir(login) + "/new"
        texts = []
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), errors="replace") as file:
                texts.append(file.read())
        return texts

    def test_without_the_list_the_queue_knows(self):
        self.instance.ctl("pause", "outbound")
        self.qmail.message("late", remote=b"Tzoe@elsewhere.test\0")
        self.assertEqual(self.run_import()[1]["messages"], 1)
        os.unlink(self.qmail.path + "/toastmaster-imported")  # the line was lost in a crash
        done, result = self.run_import()
        self.assertEqual((done.returncode, result["messages"], result["already_here"]), (0, 0, 1), done.stderr)
        self.assertEqual(len(queued(self.instance)), 1)

    def test_a_list_that_cannot_be_written_duplicates_nothing(self):
        """No file may grow: with an error where the list is written, and with death there."""
        for number, (name, disposition) in enumerate((("error", signal.SIG_IGN), ("death", signal.SIG_DFL))):
            self.qmail.message(name, local=b"Tann@example.test\0")

            def no_growth():
                signal.signal(signal.SIGXFSZ, disposition)
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

            failed = subprocess.run([program("toastctl"), "--root", self.instance.root, "import", "qmail-queue",
                                     self.qmail.path], capture_output=True, text=True, preexec_fn=no_growth)
            self.assertNotEqual(failed.returncode, 0)
            if disposition == signal.SIG_IGN:
                self.assertIn("File too large", failed.stderr)
            [held] = queued(self.instance)
            self.assertIn("cut off", held["held"])
            done, result = self.run_import()
            self.assertEqual((done.returncode, result["messages"], result["already_here"]), (0, 0, number + 1), done.stderr)
            wait_for_subjects(self.instance, [name])
            wait_until(lambda: not queued(self.instance), "an empty queue")
            self.assertEqual(self.run_import()[1]["already_here"], number + 1)
            self.assertEqual(take_mail(self.instance), [])

    def test_damaged_ones_are_named_and_left(self):
        self.qmail.message("good", local=b"Tann@example.test\0")
        bad = self.qmail.message("bad", local=b"Tann@example.test")
        odd = self.qmail.message("odd", local=b"Tann and bob@example test\0")
        done, result = self.run_import()
        self.assertEqual((done.returncode, result["messages"], result["left"]), (8, 1, 2), done.stderr)
        for number in (bad, odd):
            self.assertIn(f'"{number}"', done.stderr)
        wait_for_subjects(self.instance, ["good"])

    def test_refusals(self):
        with open(self.qmail.path + "/lock/sendmutex") as mutex:
            fcntl.flock(mutex, fcntl.LOCK_EX)
            self.assertEqual(self.run_import()[0].returncode, 7)
        self.assertEqual(self.instance.ctl("import", "qmail-queue", self.qmail.home, check=False).returncode, 6)
        self.qmail.message("later", local=b"Tann@example.test\0")
        self.instance.stop()
        self.assertEqual(self.run_import()[0].returncode, 7)
        self.instance.start()
        self.assertEqual(self.run_import()[0].returncode, 0)
        wait_for_subjects(self.instance, ["later"])

    def test_a_large_split_and_a_list_elsewhere(self):
        self.qmail.split = 1001
        self.qmail.message("split", local=b"Tann@example.test\0")
        state = os.path.join(self.qmail.home, "state")
        self.assertEqual(self.run_import("--state", state)[1]["messages"], 1)
        self.assertEqual(self.run_import("--state", state)[1]["messages"], 0)
        self.assertEqual(sorted(os.listdir(self.qmail.path)),
                         ["bounce", "info", "intd", "local", "lock", "mess", "remote", "todo"])


class Evacuate(unittest.TestCase):
    def test_every_message_arrives_once(self):
        dead = made_instance(self, smtproutes=":127.0.0.1:9").start()
        self.send(dead, "delivered", ANN)
        self.send(dead, "half", ANN, ZOE)
        self.send(dead, "large", ZOE, body="0123456789\n" * 100000)
        self.send(dead, "third", ZOE, sender=BOB)
        wait_for_subjects(dead, ["delivered", "half"])
        # Nobody answers there: one was tried, the others wait for the next probe.
        wait_until(lambda: len(queued(dead)) == 3 and any(m["deferred"] for m in queued(dead)), "a deferral")
        dead.ctl("queue", "hold", "--all", "--reason", "looked at by hand")
        before = queued(dead)
        dead.kill_all()
        directory = os.path.join(dead.root, "queue")
        files = self.files(directory)

        alive = made_instance(self).start()
        alive.ctl("domain", "add", "elsewhere.test")
        alive.add_mailbox(ZOE)
        done = self.evacuate(alive, directory, "--dry-run")
        self.assertEqual((done.returncode, queued(alive)), (9, []), done.stderr)
        done = self.evacuate(alive, directory)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["results"][0]["messages"], 3)
        for field in ("id", "arrived", "sender", "attempts", "last_error", "open_recipients"):
            self.assertEqual([m[field] for m in queued(alive)], [m[field] for m in before])
        self.assertEqual(self.files(directory), files, "the dead node's queue is only read")

        self.assert_adds_nothing(alive, directory)
        os.unlink(os.path.join(directory, "evacuated"))  # the queue itself knows what is in it
        self.assert_adds_nothing(alive, directory)
        alive.ctl("queue", "retry", "--all")
        self.assertEqual(take_mail(alive, ZOE), [], "they are held")
        alive.ctl("queue", "release", "--all")
        alive.ctl("queue", "retry", "--all")
        texts = wait_for_subjects(alive, ["half", "large", "third"], ZOE)
        self.assertEqual(sum(text.count("0123456789\n") for text in texts), 100000)
        self.assertEqual(take_mail(alive), [], "Ann has hers")
        wait_until(lambda: not queued(alive), "an empty queue")
        self.assert_adds_nothing(alive, directory)
        self.assertEqual(take_mail(alive, ZOE), [])

    @staticmethod
    def send(instance, subject, *recipients, sender="me@elsewhere.test", body="x\n"):
        subprocess.run([program("sendmail"), "-f", sender, *recipients], input=f"Subject: {subject}\n\n{body}",
                       text=True, check=True, env={**os.environ, "TOAST_ROOT": instance.root})

    def assert_adds_nothing(self, alive, directory):
        before = queued(alive)
        done = self.evacuate(alive, directory)
        self.assertEqual((done.returncode, json.loads(done.stdout)["results"][0]["messages"]), (0, 0), done.stderr)
        self.assertEqual([m["id"] for m in queued(alive)], [m["id"] for m in before])

    @staticmethod
    def files(directory):
        found = {}
        for folder, _, names in os.walk(directory):
            for name in names:
                if name != "evacuated":
                    with open(os.path.join(folder, name), "rb") as file:
                        found[os.path.join(folder, name)] = hash(file.read())
        return found

    @staticmethod
    def evacuate(alive, directory, *options):
        return alive.ctl("queue", "evacuate", directory, "--json", *options, check=False)

    def test_only_of_a_node_that_is_down(self):
        alive = made_instance(self).start()
        self.assertEqual(self.evacuate(alive, os.path.join(alive.root, "queue")).returncode, 7)
        self.assertEqual(self.evacuate(alive, alive.root).returncode, 6)


if __name__ == "__main__":
    unittest.main()
