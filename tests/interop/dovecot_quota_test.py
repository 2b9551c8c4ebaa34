"""Dovecot and we keep one Maildir++ ledger: after every round of mixed deliveries, deletions and moves from
both sides, both say the same, and a count of the messages says so, too.

  dovecot_quota_test.py [--rounds 12]     of 18 operations each
"""

import json
import os
import random
import shutil
import subprocess
import sys
import unittest

from toast_instance import Instance, wait_until
from wire_client import ANN, QUICK, log_in, submit

ROUNDS, STEPS = 12, 18
NOBODY = 65534  # Dovecot reads mail as anybody but root
CONFIGURATION = """base_dir = {folder}/run
log_path = {folder}/log
ssl = no
mail_plugins = quota
mail_location = maildir:{maildir}
mail_uid = {user}
mail_gid = {user}
first_valid_uid = 1
namespace inbox {{
  inbox = yes
  separator = /
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=64M:messages=5000
  quota_rule2 = Trash:ignore
}}
"""


class OneLedger(unittest.TestCase):
    rounds = ROUNDS

    def setUp(self):
        self.random = random.Random(42)
        self.instance = Instance(settings=QUICK)
        self.addCleanup(self.instance.remove)
        self.instance.ctl("domain", "add", "example.test")
        self.instance.add_mailbox(ANN, "correct horse", "--quota", "64M", "--quota-messages", "5000")
        self.instance.start()
        self.maildir = self.instance.maildir(ANN)
        self.user = NOBODY if os.geteuid() == 0 else os.geteuid()
        self.folder = os.path.join(self.instance.directory, "dovecot")
        os.mkdir(self.folder)
        with open(os.path.join(self.folder, "conf"), "w") as file:
            file.write(CONFIGURATION.format(folder=self.folder, maildir=self.maildir, user=self.user))
        for path in (os.path.join(self.folder, "log"), os.path.join(self.folder, "conf")):
            open(path, "a").close()
            os.chmod(path, 0o666)
        for path in (self.instance.directory, self.instance.root, self.folder):
            os.chmod(path, 0o711)
        self.sent = 0

    def doveadm(self, *words, stdin=""):
        command = ["doveadm", "-c", os.path.join(self.folder, "conf"), *words]
        if os.geteuid() == 0:
            self.give_mail_to(self.user)
            command = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", *command]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60,
                              env={**os.environ, "USER": "ann", "HOME": self.folder})
        if os.geteuid() == 0:
            self.give_mail_to(0)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")
        return done.stdout

    def give_mail_to(self, user):
        """Ours are root here, without the right to open what is not theirs."""
        subprocess.run(["chown", "-R", f"{user}:{user}", os.path.join(self.instance.root, "mail")], check=True)

    # --- what either side does

    def we_deliver(self):
        self.sent += 1
        before = self.files()
        answer = submit(self.instance, f"m{self.sent}", size=self.random.randrange(20_000))
        self.assertTrue(answer.startswith("250"), answer)
        wait_until(lambda: self.files() > before, "the delivery")
        # Its line in the ledger comes after its file.
        wait_until(lambda: not json.loads(self.instance.ctl("queue", "list", "--json"))["messages"], "the end of it")

    def we_delete(self):
        client, answer = log_in(self.instance)
        with client:
            self.assertTrue(answer.startswith("+OK"), answer)
            count = int(client.ask("STAT").split()[1])
            for number in range(1, min(count, 2) + 1):
                client.ask(f"DELE {number}")
            self.assertTrue(client.ask("QUIT").startswith("+OK"))

    def dovecot_saves(self):
        self.sent += 1
        text = "x" * self.random.randrange(20_000)
        self.doveadm("save", stdin=f"Subject: m{self.sent}\n\n{text}\n")

    def dovecot_expunges(self):
        self.doveadm("expunge", "mailbox", "INBOX", str(self.random.randrange(1, 3)))

    def dovecot_moves(self):
        folder = self.random.choice(("Archive", "Trash"))
        self.doveadm("mailbox", "create", "-s", folder) if not os.path.isdir(
            os.path.join(self.maildir, "." + folder)) else None
        self.doveadm("move", folder, "mailbox", "INBOX", "1")

    def files(self):
        return sum(len(names) for part in ("new", "cur")
                   for _, _, names in os.walk(os.path.join(self.maildir, part)))

    # --- what either side says

    def ours(self, *how):
        shown = json.loads(self.instance.ctl("quota", *how, ANN, "--json"))
        shown = shown["results"][0] if "results" in shown else shown
        return shown["used_bytes"], shown["used_messages"]

    def dovecots(self):
        rows = json.loads(self.doveadm("-f", "json", "quota", "get"))
        said = {row["type"]: int(row["value"]) for row in rows}
        return said["STORAGE"], said["MESSAGE"]

    def agree(self, round_):
        size, messages = self.ours("show")
        kilobytes, theirs = self.dovecots()
        self.assertEqual((-(-size // 1024), messages), (kilobytes, theirs), f"round {round_}")
        self.assertEqual(self.ours("recount"), (size, messages), f"round {round_}")
        self.assertEqual(self.dovecots(), (kilobytes, theirs), f"round {round_}, after the count")

    def test_both_count_the_same(self):
        steps = [self.we_deliver, self.we_deliver, self.dovecot_saves, self.dovecot_saves, self.we_delete,
                 self.dovecot_expunges, self.dovecot_moves]
        self.we_deliver()
        for round_ in range(self.rounds):
            for _ in range(STEPS):
                self.random.choice(steps)()
            self.agree(round_)
        self.doveadm("quota", "recalc")
        self.agree("recalculated")


if __name__ == "__main__":
    if shutil.which("doveadm") is None or shutil.which("setpriv") is None:
        raise SystemExit("dovecot_quota_test: doveadm is not here; packaging/install-packages test")
    if sys.argv[1:2] == ["--rounds"]:
        OneLedger.rounds = int(sys.argv[2])
        del sys.argv[1:3]
    unittest.main()
