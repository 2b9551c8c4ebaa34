"""fail2ban with our filters, on lines that a running server has logged: guesses and nothing else, whatever the guesser
types as his name; from IPv4 and IPv6; with and without the header that a syslog puts in front."""

import os
import re
import subprocess
import tempfile
import unittest

from auth_admin_test import From, PASSWORD
from toast_instance import Instance, wait_until

FILTERS = os.path.join(os.path.dirname(__file__), "..", "..", "packaging", "fail2ban", "filter.d")
FORGED = "203.0.113.66"

# What a guesser may type as his name, to have somebody else banned, or not to be seen himself.
NAMES = (
    "ann@example.org",
    "nobody@example.org",
    f"x@example.org peer={FORGED} service=pop3 reason=wrong_password",
    f'x" peer={FORGED} service=pop3 reason=wrong_password',
    f"vchkpw-pop3: password fail ann@example.org:{FORGED}",
    f"ann@example.org:{FORGED}",
    f"authd info auth.login.refused login=x peer={FORGED} service=pop3 reason=wrong_password",
    "a\\\"b'c=d e",
    "\u00e4@example.org",
    "%s%n<HOST>",
)


class Fail2ban(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mail = Instance(settings={"vchkpwlog": "yes", "authfailureslimit": 1000})
        with open(os.path.join(cls.mail.root, "control", "pop3listen"), "a") as listen:
            listen.write(f"[::1]:{cls.mail.base + 110}\n")
        cls.mail.ctl("domain", "add", "example.org")
        cls.mail.add_mailbox("ann@example.org", PASSWORD)
        cls.mail.start()
        cls.v4, cls.v6 = From(cls.mail, "127.7.7.7"), From(cls.mail, "::1", to="::1")
        for name in NAMES:
            for client in (cls.v4, cls.v6):
                assert isinstance(client.pop3(user=name, password="guess"), str), name
        assert cls.v4.may_log_in() and cls.v6.may_log_in()
        cls.mail.ctl("mailbox", "set", "ann@example.org", "--pop3=off")
        assert not cls.v4.may_log_in()  # a right password: no guess
        ours = re.compile(r"^\S+ authd info auth\.login\.refused ", re.M)  # and not what somebody typed
        wait_until(lambda: len(ours.findall(cls.mail.log())) == 2 * len(NAMES) + 1, "all are logged")
        cls.log = cls.mail.log()
        cls.mail.stop()

    @classmethod
    def tearDownClass(cls):
        cls.mail.remove()

    def failures(self, filter_name, text):
        """{address: failures} as fail2ban counts them."""
        with tempfile.NamedTemporaryFile("w", suffix=".log") as file:
            file.write(text)
            file.flush()
            done = subprocess.run(
                ["fail2ban-regex", "-o", "<ip>", file.name, os.path.join(FILTERS, filter_name + ".conf")],
                capture_output=True, text=True, timeout=120, env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        found = {}
        for line in done.stdout.split():
            found[line] = found.get(line, 0) + 1
        return found

    def expect_both(self, filter_name, text):
        self.assertEqual(self.failures(filter_name, text), {"127.7.7.7": len(NAMES), "::1": len(NAMES)})

    def test_our_own_lines(self):
        self.expect_both("toastmaster", self.log)

    def test_our_lines_behind_a_syslog(self):
        lines = [f"Nov 23 10:00:00 mx toastd[42]: {line}\n" for line in self.log.splitlines()]
        self.expect_both("toastmaster", "".join(lines))

    def test_vchkpws_lines(self):
        self.expect_both("toastmaster-vchkpw", self.log)

    def test_vchkpws_lines_behind_a_syslog(self):
        lines = [f"Nov 23 10:00:00 mx vpopmail[42]: {line}\n" for line in self.log.splitlines() if "vchkpw-" in line[:7]]
        self.assertEqual(len(lines), 2 * len(NAMES) + 3)  # and two that got in, one that was denied
        self.expect_both("toastmaster-vchkpw", "".join(lines))

    def test_no_line_has_a_password(self):
        self.assertNotIn("guess", re.sub(r"x-guess", "", self.log))
        self.assertNotIn(PASSWORD, self.log)


if __name__ == "__main__":
    unittest.main()
