#!/usr/bin/env python3
"""Passwords that another system hashed: stored as they are, good for a login, then replaced or left."""

import poplib
import sqlite3
import unittest

from toast_instance import Instance, wait_until

PASSWORD = "pass phrase"
HASHES = {
    "des": "klc9JASIUxtZg",
    "md5": "$1$k2XAnEHB$q5/cXxg2fEkzXFFpCP1pg/",
    "bcrypt": "$2y$04$KBCwKxOzLha2MUDgW0PjXegLs61ZGc3jqbHn5t3ep0oXwbld0lM3a",
    "sha512": "$6$rounds=1000$k2XAnEHBqQ1Ct2aM$PPtw92NUvcFY3txQ8ou3/8dRxJsmozndXgfjq9Rwz7/"
              ".kgvgacRRu9zHnimlfeVlzusWt.enukP6S6H4fBDra1",
    "yescrypt": "$y$j75$k2XAnEHBqQ1Ct2aMXFKNaR4OddqOgpaPj/LQmB5RpN5$fjMCSuJErVIsthHzvRBNoDqL8StXC."
                "XKg5794.iH6J1",
    "dovecot": "{MD5-CRYPT}$1$k2XAnEHB$q5/cXxg2fEkzXFFpCP1pg/",
}
CHEAP = {"passwordopslimit": 1, "passwordmemlimit": 8192}


class PasswordImport(unittest.TestCase):
    def instance(self, **settings):
        instance = Instance(settings={**CHEAP, **settings})
        self.addCleanup(instance.remove)
        instance.ctl("domain", "add", "example.test")
        for name, stored in HASHES.items():
            instance.ctl("mailbox", "add", f"{name}@example.test", "--password-stdin", "--password-hash",
                         stdin=stored + "\n")
        instance.start()
        return instance

    def log_in(self, instance, name, password):
        pop3 = poplib.POP3(*instance.pop3, timeout=30)
        try:
            pop3.user(f"{name}@example.test")
            pop3.pass_(password)
        finally:
            pop3.quit()

    def stored(self, instance):
        with sqlite3.connect(f"{instance.root}/db-auth/credentials.db") as db:
            return {account.split("@")[0]: text for account, text in
                    db.execute("SELECT account, hash FROM credential")}

    def test_log_in_and_are_replaced(self):
        instance = self.instance()
        self.assertEqual(self.stored(instance), HASHES)
        for name in HASHES:
            with self.assertRaisesRegex(poplib.error_proto, r"\[AUTH\]"):
                self.log_in(instance, name, "pass phrasf" if name == "md5" else "wrong")
            self.log_in(instance, name, PASSWORD)
        wait_until(lambda: all(text.startswith("$argon2id$") for text in self.stored(instance).values()),
                   "all hashes are ours", 20)
        for name in HASHES:
            self.log_in(instance, name, PASSWORD)

    def test_stay_where_another_system_reads_them(self):
        instance = self.instance(passwordrehash="off")
        for name in HASHES:
            self.log_in(instance, name, PASSWORD)
        self.assertEqual(self.stored(instance), HASHES)

    def test_what_cannot_be_verified_is_not_stored(self):
        instance = Instance()
        self.addCleanup(instance.remove)
        instance.ctl("domain", "add", "example.test")
        for stored, why in (("a clear password", "not known"), ("{SSHA}abcdef", "{SSHA}"),
                            ("$2b$31$KBCwKxOzLha2MUDgW0PjXegLs61ZGc3jqbHn5t3ep0oXwbld0lM3a", "31 as bcrypt's cost")):
            done = instance.ctl("mailbox", "add", "ann@example.test", "--password-stdin", "--password-hash",
                                stdin=stored + "\n", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(why, done.stderr)
        self.assertNotEqual(instance.ctl("mailbox", "show", "ann@example.test", check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main()
