"""What operators do about logins: the log of them, bans, and lifting what the throttle does."""

import json
import os
import poplib
import smtplib
import socket
import ssl
import unittest

from toast_instance import Instance, wait_until

PASSWORD = "correct horse"
HOME, THIEF = "127.0.0.2", "127.7.7.7"


def context():
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


class From:
    """Clients that connect from an address of their own."""

    def __init__(self, mail, address, to="127.0.0.1"):
        self.mail, self.address, self.to = mail, address, to

    def connect(self, port):
        return socket.create_connection((self.to, self.mail.base + port), 30, source_address=(self.address, 0))

    def pop3(self, user="ann@example.org", password=PASSWORD):
        """A session that is open, or the words of the refusal."""
        address = self

        class Client(poplib.POP3):
            def _create_socket(self, timeout):
                return address.connect(110)

        client = Client(self.to, self.mail.base + 110)
        client.user(user)
        try:
            client.pass_(password)
        except poplib.error_proto as refused:
            client.close()
            return refused.args[0].decode()
        return client

    def may_log_in(self, **more):
        client = self.pop3(**more)
        if isinstance(client, str):
            return False
        client.quit()
        return True

    def submission(self, user="ann@example.org", password=PASSWORD):
        """The same by submission."""
        client = smtplib.SMTP("127.0.0.1", self.mail.base + 587, source_address=(self.address, 0), timeout=30)
        client.starttls(context=context())
        try:
            client.login(user, password)
        except smtplib.SMTPAuthenticationError as refused:
            client.close()
            return f"{refused.smtp_code} {refused.smtp_error.decode()}"
        return client


class AdminTest(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.mail = Instance(settings=self.settings)
        self.addCleanup(self.mail.remove)
        self.mail.ctl("domain", "add", "example.org")
        self.mail.add_mailbox("ann@example.org", PASSWORD)
        self.mail.start()
        self.home, self.thief = From(self.mail, HOME), From(self.mail, THIEF)

    def json(self, *words):
        return json.loads(self.mail.ctl(*words, "--json"))

    def fails(self, code, *words):
        done = self.mail.ctl(*words, "--json", check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stderr)["error"] if done.stderr else None

    def restart_authd(self):
        before, = self.mail.children()["toast-authd"]
        os.kill(before, 9)

        def back():
            return before not in self.mail.children().get("toast-authd", [before]) and \
                self.mail.ctl("auth", "bans", check=False).returncode == 0
        wait_until(back, "authd is back")


class LoginLog(AdminTest):
    def test_every_login_is_there_and_can_be_asked_for(self):
        self.assertTrue(self.home.may_log_in())
        self.assertTrue(self.home.may_log_in())
        self.thief.pop3(password="guess")
        self.thief.pop3(user="nobody@example.org")
        self.home.submission().quit()
        logins = self.json("auth", "log")["logins"]
        self.assertEqual([(one["result"], one["service"], one["address"], one["login"], one["reason"])
                          for one in logins],
                         [("granted", "smtp", HOME, "ann@example.org", None),
                          ("refused", "pop3", THIEF, "nobody@example.org", "unknown_account"),
                          ("refused", "pop3", THIEF, "ann@example.org", "wrong_password"),
                          ("granted", "pop3", HOME, "ann@example.org", None)])
        self.assertEqual(logins[-1]["count"], 2)  # the same again is counted
        self.assertEqual(logins[1]["account"], None)

        def shown(*options):
            return [one["login"] for one in self.json("auth", "log", *options)["logins"]]
        self.assertEqual(len(shown("--account", "ann@example.org")), 3)
        self.assertEqual(len(shown("--address", THIEF)), 2)
        self.assertEqual(len(shown("--address", "127.7.0.0/16", "--failed", "--since", "1h")), 2)
        self.assertEqual(len(shown("--failed", "--limit", "1")), 1)
        self.assertEqual(shown("--since", "0s", "--account", "bob@example.org"), [])
        table = self.mail.ctl("auth", "log", "--failed")
        self.assertIn("wrong_password", table)
        self.assertNotIn("guess", table)
        self.assertEqual(self.fails(6, "auth", "log", "--address", "192.0.2.1/24")["code"], "bad_address")
        self.assertEqual(self.fails(6, "auth", "log", "--since", "soon")["code"], "bad_time")

    def test_a_restart_forgets_nothing(self):
        self.assertTrue(self.home.may_log_in())
        self.thief.pop3(user="x%41=y", password="guess")
        before = self.json("auth", "log")["logins"]
        self.mail.stop()
        self.assertEqual(self.fails(7, "auth", "log")["code"], "authd_not_running")
        self.mail.start()
        self.assertEqual(self.json("auth", "log")["logins"], before)


class Bans(AdminTest):
    def test_hold_for_every_way_in_and_survive_a_restart(self):
        self.assertEqual(self.mail.ctl("auth", "ban", THIEF, "--force", "--for", "7d", "--reason", "guesses"),
                         f"banned address {THIEF}\n")
        for _ in range(2):
            self.assertIn("[SYS/TEMP] too many failed logins", self.thief.pop3())
            self.assertIn("454 4.7.0 too many failed logins", self.thief.submission())
            self.assertTrue(self.home.may_log_in())
            logins = self.json("auth", "log", "--address", THIEF)["logins"]
            self.assertEqual([one["result"] for one in logins], ["banned"] * 2)
            ban, = self.json("auth", "bans")["bans"]
            self.assertEqual((ban["network"], ban["reason"]), (THIEF + "/32", "guesses"))
            self.assertGreater(ban["until"], ban["made"])
            self.restart_authd()
        self.assertEqual(self.mail.ctl("auth", "unban", THIEF), f"unbanned address {THIEF}\n")
        self.assertEqual(self.mail.ctl("auth", "unban", THIEF), f"unchanged address {THIEF}\n")
        self.assertTrue(self.thief.may_log_in())
        self.restart_authd()
        self.assertTrue(self.thief.may_log_in())

    def test_end_by_their_time(self):
        self.mail.ctl("auth", "ban", THIEF, "--force", "--for", "2s")
        self.assertFalse(self.thief.may_log_in())
        wait_until(self.thief.may_log_in, "the ban is over")
        self.assertEqual(self.json("auth", "bans")["bans"], [])

    def test_a_mistake_is_refused_in_words(self):
        self.assertIn("this host's own address", self.fails(6, "auth", "ban", THIEF)["message"])
        self.assertIn("--force", self.fails(6, "auth", "ban", "::/0")["hint"])
        self.assertIn("wider than a /8", self.fails(6, "auth", "ban", "192.0.0.0/7")["message"])
        self.assertIn("bits after its prefix", self.fails(6, "auth", "ban", "192.0.2.1/24")["message"])
        self.assertEqual(self.fails(6, "auth", "ban", "ann@example.org")["code"], "bad_ban")
        self.mail.ctl("config", "set", "authexemptnetworks", "198.51.100.0/24")
        os.kill(self.mail.process.pid, 1)
        wait_until(lambda: "authexemptnetworks" in
                   self.mail.ctl("auth", "ban", "198.51.100.7", "--dry-run", check=False).stderr, "the new setting")
        self.assertEqual(self.mail.ctl("auth", "ban", "192.0.2.7", "--dry-run", check=False).returncode, 9)
        self.assertEqual(self.json("auth", "bans"), self.json("auth", "bans") | {"bans": [], "throttled": []})

    def test_an_address_in_a_banned_network_is_not_let_in_alone(self):
        self.mail.ctl("auth", "ban", "192.0.2.0/24")
        failure = self.fails(4, "auth", "unban", "192.0.2.7")
        self.assertEqual(failure["hint"], "toastctl auth unban 192.0.2.0/24")

    def test_bans_that_cannot_be_read_let_nobody_in(self):
        self.mail.ctl("auth", "ban", THIEF, "--force")
        self.mail.stop()
        path = os.path.join(self.mail.root, "db-auth", "bans")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with open(path) as file:
            kept = file.read()
        with open(path, "w") as file:
            file.write("nonsense\n")
        with self.assertRaises(Exception):
            self.mail.start(wait=5)
        self.assertIn("db-auth/bans", self.mail.log())
        self.mail.kill_all()
        with open(path, "w") as file:
            file.write(kept)
        self.mail.start()
        self.assertFalse(self.thief.may_log_in())


class Throttled(AdminTest):
    settings = {"authfailureslimit": 2, "authfailureseconds": 3600}

    def test_is_shown_and_can_be_lifted(self):
        def shown():
            return [one["who"] for one in self.json("auth", "bans")["throttled"]]

        def kept_out():
            self.thief.pop3(password="guess")
            return "ann@example.org" in shown()
        wait_until(kept_out, "the account is throttled")
        self.assertEqual(self.mail.ctl("auth", "unban", "ann@example.org"), "unbanned address ann@example.org\n")
        self.assertNotIn("ann@example.org", shown())
        self.assertTrue(self.home.may_log_in())


class Lock(AdminTest):
    """A lock is all of it: nobody gets in, who is in is put out, what waits is held."""

    settings = {"smtproutes": "far.test:127.0.0.1:1", "sendercheck": "off", "fromcheck": "off"}  # nobody is there

    def send(self, client, subject="hello", to="x@far.test"):
        client.sendmail("ann@example.org", [to], f"From: ann@example.org\r\nSubject: {subject}\r\n\r\nhi\r\n")

    def holds(self):
        return [message["held"] for message in self.json("queue", "list")["messages"]]

    def test_open_sessions_end(self):
        self.mail.add_mailbox("bob@example.org", PASSWORD)
        anns, bobs = self.home.pop3(), self.home.pop3(user="bob@example.org")
        sending, others = self.home.submission(), self.home.submission(user="bob@example.org")
        self.mail.ctl("account", "lock", "ann@example.org")
        with self.assertRaises((poplib.error_proto, OSError)):
            anns.noop()
        code, text = sending.getreply()
        self.assertEqual((code, text), (421, b"4.7.0 this account has been locked"))
        bobs.noop()
        self.assertEqual(others.noop()[0], 250)
        self.assertIn("[AUTH]", self.home.pop3())
        self.assertIn("535", self.home.submission())
        self.assertEqual(self.json("account", "show", "ann@example.org")["login"], "locked")
        bobs.quit()
        others.quit()

    def test_a_reply_that_is_being_given_ends_first(self):
        body = b"x" * 70 + b"\r\n"
        smtp = smtplib.SMTP(*self.mail.smtp, timeout=60)
        smtp.sendmail("a@elsewhere.test", ["ann@example.org"], b"Subject: big\r\n\r\n" + body * 200_000)
        smtp.quit()
        wait_until(lambda: self.json("status")["queue"]["messages"] == 0, "it is delivered")
        client = self.home.pop3()
        client.sock.sendall(b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
        start = client.sock.recv(100)
        self.mail.ctl("account", "lock", "ann@example.org")
        got = len(start)
        last = b""
        while block := client.sock.recv(65536):
            got += len(block)
            last = (last + block)[-64:]
        self.assertGreater(got, 200_000 * len(body))
        self.assertTrue(last.endswith(b"\r\n.\r\n"), last)  # and neither DELE nor QUIT was answered
        self.mail.ctl("account", "unlock", "ann@example.org")
        client = self.home.pop3()
        self.assertEqual(client.stat()[0], 1)
        client.quit()

    def test_what_waits_is_held_until_it_is_unlocked(self):
        client = self.home.submission()
        self.send(client)
        wait_until(lambda: len(self.holds()) == 1, "it waits")
        # a message that is under way meanwhile
        client.docmd("MAIL", "FROM:<ann@example.org>")
        client.docmd("RCPT", "TO:<x@far.test>")
        self.assertEqual(client.docmd("DATA")[0], 354)
        locked = self.json("account", "lock", "ann@example.org")["results"][0]
        self.assertEqual(locked["held_messages"], 1)
        client.send("From: ann@example.org\r\n\r\nspam\r\n.\r\n")
        code, text = client.getreply()
        self.assertEqual(code // 100, 5, text)
        self.assertIn(b"5.7.1 this account may not send mail", text)
        self.assertIn("account stopped: ann@example.org", self.holds()[0])
        self.assertEqual(self.mail.ctl("account", "lock", "ann@example.org"), "unchanged account ann@example.org\n")
        self.mail.stop()
        self.mail.start()
        self.assertIn("account stopped", self.holds()[0])
        shown = self.json("account", "show", "ann@example.org")
        self.assertEqual((shown["sending"], shown["stops"][0]["why"]), ("stopped", "locked"))
        # a new password lets the owner in; what waits is looked at first
        self.mail.ctl("mailbox", "passwd", "ann@example.org", "--password-stdin", stdin="another horse\n")
        client = self.home.submission(password="another horse")
        with self.assertRaises(smtplib.SMTPSenderRefused) as refused:
            self.send(client)
        self.assertEqual(refused.exception.smtp_code, 550)
        unlocked = self.json("account", "unlock", "ann@example.org")["results"][0]
        self.assertEqual(unlocked["released_messages"], 1)
        self.assertEqual(self.holds(), [None])
        self.send(client)
        client.quit()

    def test_suspended_is_sending_alone(self):
        self.mail.ctl("account", "suspend", "ann@example.org", "--reason", "advertisements")
        self.assertTrue(self.home.may_log_in())
        client = self.home.submission()
        with self.assertRaises(smtplib.SMTPSenderRefused) as refused:
            self.send(client)
        self.assertEqual(refused.exception.smtp_code, 550)
        self.mail.ctl("account", "lock", "ann@example.org")
        self.mail.ctl("account", "unlock", "ann@example.org")
        stops = self.json("account", "show", "ann@example.org")["stops"]
        self.assertEqual([(one["why"], one["reason"]) for one in stops], [("suspended", "advertisements")])
        self.assertEqual(self.mail.ctl("account", "resume", "ann@example.org"), "resumed account ann@example.org\n")
        self.assertEqual(self.mail.ctl("account", "resume", "ann@example.org"), "unchanged account ann@example.org\n")
        self.send(self.home.submission())
        self.fails(3, "account", "suspend", "nobody@example.org")


class Runaway(AdminTest):
    settings = {"smtproutes": "far.test:127.0.0.1:1", "sendercheck": "off", "fromcheck": "off",
                "sendlimithour": 2, "sendlimitsuspend": 5, "doublebounceto": "root", "doublebouncehost": "example.org"}

    def test_loses_the_right_to_send_until_an_operator_gives_it_back(self):
        self.mail.add_mailbox("root@example.org", PASSWORD)
        client = self.home.submission()
        answers = []
        for _ in range(12):
            try:
                client.sendmail("ann@example.org", ["x@far.test"], "From: ann@example.org\r\n\r\nhi\r\n")
                answers.append(250)
            except smtplib.SMTPSenderRefused as refused:
                answers.append(refused.smtp_code)
        self.assertEqual(answers, [250] * 2 + [450] * 5 + [550] * 5)
        wait_until(lambda: all(one["held"] for one in self.json("queue", "list")["messages"]), "its mail is held")
        # who looks after the domain knows, and what to do stands in the letter
        mail = self.mail.maildir("root@example.org")

        def letters():
            found = []
            for name in os.listdir(os.path.join(mail, "new")):
                with open(os.path.join(mail, "new", name)) as file:
                    found.append(file.read())
            return [text for text in found if "Sending suspended: ann@example.org" in text]
        wait_until(letters, "the notice")
        self.assertIn("toastctl account resume ann@example.org", letters()[0])
        self.mail.stop()
        self.mail.start()
        self.assertTrue(self.home.may_log_in())
        shown = self.json("account", "show", "ann@example.org")
        self.assertEqual((shown["login"], shown["sending"], shown["stops"][0]["why"]), ("open", "stopped", "suspended"))
        self.assertEqual((shown["sent_hour"], shown["limit_hour"], shown["put_off_hour"]), (2, 2, 5))
        self.mail.ctl("config", "set", "sendlimithour", "100")
        os.kill(self.mail.process.pid, 1)
        wait_until(lambda: self.json("account", "show", "ann@example.org")["limit_hour"] == 100, "the new limit")
        client = self.home.submission()
        with self.assertRaises(smtplib.SMTPSenderRefused):
            client.sendmail("ann@example.org", ["x@far.test"], "hi")
        self.mail.ctl("account", "resume", "ann@example.org")
        client.sendmail("ann@example.org", ["x@far.test"], "From: ann@example.org\r\n\r\nhi\r\n")
        self.assertEqual(self.json("account", "show", "ann@example.org")["put_off_hour"], 0)
        self.assertEqual([one["held"] for one in self.json("queue", "list")["messages"]], [None] * 3)


class Report(AdminTest):
    settings = {"smtproutes": "far.test:127.0.0.1:1"}  # sendercheck and fromcheck are `warn`

    def test_says_who_would_be_refused(self):
        client = self.home.submission()
        text = "From: boss@example.org\r\nSubject: x\r\n\r\nhi\r\n"
        client.sendmail("ann@example.org", ["x@far.test"], "From: ann@example.org\r\n\r\nhi\r\n")
        for _ in range(2):
            client.sendmail("else@far.test", ["x@far.test"], text)

        def foreign():
            return [(one["login"], one["address"], one["where"], one["count"], one["effect"])
                    for one in self.json("auth", "report")["foreign_senders"]]
        expected = [("ann@example.org", "else@far.test", "envelope", 2, "accepted"),
                    ("ann@example.org", "boss@example.org", "header", 2, "accepted")]
        wait_until(lambda: foreign() == expected, "both are there")
        self.mail.ctl("account", "suspend", "ann@example.org")
        self.mail.stop()
        self.mail.start()
        self.assertEqual(foreign(), expected)
        self.assertEqual([one["login"] for one in self.json("auth", "report")["stopped"]], ["ann@example.org"])
        table = self.mail.ctl("auth", "report")
        self.assertIn("boss@example.org", table)
        self.assertIn("MAY NOT SEND", table)


if __name__ == "__main__":
    unittest.main()
