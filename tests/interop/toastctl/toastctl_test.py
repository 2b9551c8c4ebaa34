"""Every verb of toastctl: what it says, its JSON, its exit codes; bad words, and databases and settings
that are missing, locked, damaged, newer or full of garbage. No server runs."""

import json
import os
import pty
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

TOASTCTL = os.environ["TOASTCTL"]
DONE, FAILURE, USAGE, NOT_FOUND, CONFLICT, PERMISSION, INVALID, TEMPORARY, PARTIAL, WOULD_CHANGE = range(10)


def account(name):
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


ACCOUNTS = {name: account(name) for name in ("toast-queue", "toast-mail", "toast-directory", "toast-auth",
                                            "toast-remote", "toast-keys")}


class CommandTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="toastctl-")
        self.root = os.path.join(self.directory, "root")

    def tearDown(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def run_ctl(self, *words, stdin="", **more):
        return subprocess.run([TOASTCTL, "--root", self.root, *words], input=stdin,
                              capture_output=True, text=True, timeout=120, **more)

    def ctl(self, *words, stdin="", code=DONE):
        done = self.run_ctl(*words, stdin=stdin)
        self.assertEqual(done.returncode, code, f"{words}\n{done.stdout}{done.stderr}")
        return done

    def data(self, *words, **more):
        return json.loads(self.ctl(*words, "--json", **more).stdout)

    def error(self, *words, code, stdin=""):
        """The error object; nothing on standard output; the same failure in words for people."""
        done = self.ctl(*words, "--json", code=code, stdin=stdin)
        self.assertEqual(done.stdout, "")
        error = json.loads(done.stderr)["error"]
        self.assertEqual(sorted(error), ["code", "exit", "hint", "message", "object"])
        self.assertEqual(error["exit"], code)
        human = self.ctl(*words, code=code, stdin=stdin).stderr
        self.assertIn(error["message"], human)
        return error

    def init(self):
        self.ctl("init", "--hostname", "mx.example.test", "--unprivileged", "--port-base", "2000")

    def control(self, name):
        return os.path.join(self.root, "control", name)


class Init(CommandTest):
    def test_makes_an_instance(self):
        done = self.ctl("init", "--hostname", "MX.Example.Test", "--unprivileged", "--port-base", "2000")
        self.assertIn(f"made instance {self.root}\n", done.stdout)
        self.assertEqual(sorted(os.listdir(self.root)), sorted(
            ["control", "queue", "run", "mail", "db", "db-auth", "relay-auth", "tls", "dkim", "log"]))
        for folder in ("queue", "db", "db-auth", "relay-auth", "tls", "dkim"):
            self.assertEqual(os.stat(os.path.join(self.root, folder)).st_mode & 0o7777, 0o700, folder)
        self.assertEqual(os.stat(os.path.join(self.root, "mail")).st_mode & 0o7, 0)
        for name, content in (("me", "mx.example.test\n"), ("smtplisten", "127.0.0.1:2025\n"),
                              ("submissionlisten", "127.0.0.1:2587\n"),
                              ("submissionslisten", "127.0.0.1:2465\n"),
                              ("pop3listen", "127.0.0.1:2110\n"),
                              ("pop3slisten", "127.0.0.1:2995\n")):
            with open(self.control(name)) as file:
                self.assertEqual(file.read(), content)
            self.assertEqual(os.stat(self.control(name)).st_mode & 0o777, 0o644)
        self.ctl("config", "check")
        self.ctl("schema", "status")

    def test_never_touches_what_is_there(self):
        os.mkdir(self.root)
        with open(os.path.join(self.root, "precious"), "w") as file:
            file.write("mine")
        words = ("init", "--hostname", "mx.example.test", "--unprivileged")
        error = self.error(*words, code=CONFLICT)
        self.assertEqual(error["code"], "not_empty")
        self.assertEqual(os.listdir(self.root), ["precious"])
        os.unlink(os.path.join(self.root, "precious"))
        self.ctl(*words)  # an empty folder will do
        self.assertEqual(self.error(*words, code=CONFLICT)["code"], "instance_exists")

    def test_bad_values_make_nothing(self):
        for words, code in ((("--hostname", "no spaces here", "--unprivileged"), INVALID),
                            (("--hostname", "-bad-.test", "--unprivileged"), INVALID),
                            (("--hostname", "mx.test", "--unprivileged", "--port-base", "70000"), USAGE),
                            (("--hostname", "mx.test", "--unprivileged", "--port-base", "x"), USAGE),
                            (("--unprivileged",), USAGE)):
            self.error("init", *words, code=code)
            self.assertFalse(os.path.exists(self.root), words)

    def test_dry_run(self):
        self.ctl("init", "--hostname", "mx.test", "--unprivileged", "--dry-run", code=WOULD_CHANGE)
        self.assertFalse(os.path.exists(self.root))

    def test_with_the_programs_own_users(self):
        words = ("init", "--hostname", "mx.test")
        if os.geteuid() != 0:
            error = self.error(*words, code=PERMISSION)
            self.assertEqual(error["code"], "not_root")
            self.assertIn("--unprivileged", error["hint"])
        elif not all(ACCOUNTS.values()):
            error = self.error(*words, code=FAILURE)
            self.assertEqual(error["code"], "no_account")
            self.assertIn("--unprivileged", error["hint"])
        else:
            error = self.error(*words, code=PERMISSION)  # a folder above is closed to them
            self.assertIn("chmod o+x", error["hint"])
            self.assertFalse(os.path.exists(self.root))
            os.chmod(self.directory, 0o755)
            self.ctl(*words)
            for folder, account in (("queue", "toast-queue"), ("mail", "toast-mail"),
                                    ("db", "toast-directory"), ("db-auth", "toast-auth"),
                                    ("relay-auth", "toast-remote"), ("tls", "toast-keys")):
                self.assertEqual(os.stat(os.path.join(self.root, folder)).st_uid,
                                 ACCOUNTS[account].pw_uid, folder)
            self.assertEqual(os.stat(os.path.join(self.root, "control")).st_uid, 0)
            self.ctl("domain", "add", "example.org")
            return
        self.assertFalse(os.path.exists(self.root))


class Usage(CommandTest):
    def test_words_that_are_none(self):
        for words, hint in ((("malbox", "list"), "did you mean mailbox?"),
                            (("mailbox", "ad", "x@y.test"), "did you mean add?"),
                            (("mailbox", "add", "x@y.test", "--qota", "1G"), "did you mean --quota?"),
                            (("mailbox",), "takes one of: add, list, show, set, delete, passwd"),
                            ((), "takes one of: init, domain")):
            error = self.error(*words, code=USAGE)
            self.assertIn(hint, error["hint"], words)

    def test_help_everywhere(self):
        tree = {"": ("init", "domain", "mailbox", "alias", "queue", "resolve", "trace", "config", "schema", "status"),
                "domain": ("add", "list", "show", "set", "delete"),
                "mailbox": ("add", "list", "show", "set", "delete", "passwd"),
                "alias": ("add", "list", "show", "set", "delete"),
                "queue": ("list", "show"), "config": ("list", "get", "set", "check"),
                "schema": ("status", "migrate")}
        for noun, verbs in tree.items():
            for verb in verbs:
                words = [word for word in (noun, verb) if word]
                self.assertIn("Usage: toastctl", self.ctl(*words, "--help").stdout)
                self.assertIn("Usage: toastctl", self.ctl("help", *words).stdout)
        self.assertEqual(self.error("help", "domian", code=USAGE)["hint"], "did you mean domain?")

    def test_manual_page_knows_every_command_and_setting(self):
        page = self.ctl("help", "--man").stdout
        self.assertTrue(page.startswith(".TH TOASTCTL 8"))
        for text in ("mailbox passwd", "queue show", ".SH EXIT STATUS", "databytes", "pop3timeout",
                     "TOAST_ROOT", "\\-\\-password\\-stdin"):
            self.assertIn(text, page)

    def test_version(self):
        self.assertRegex(self.ctl("--version").stdout, r"^toastctl \d+\.\d+\.\d+\n$")

    def test_which_instance(self):
        done = subprocess.run([TOASTCTL, "status"], capture_output=True, text=True, timeout=60,
                              env={"PATH": "/usr/bin:/bin"})
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("TOAST_ROOT", done.stderr)
        self.assertEqual(self.error("domain", "list", code=NOT_FOUND)["code"], "no_instance")
        self.init()
        done = subprocess.run([TOASTCTL, "domain", "list"], capture_output=True, text=True, timeout=60,
                              env={"PATH": "/usr/bin:/bin", "TOAST_ROOT": self.root})
        self.assertEqual(done.returncode, DONE)


class InstanceTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.init()
        # The cheapest password hash: these tests are not about its strength.
        self.ctl("config", "set", "passwordmemlimit", "8192", "-q")
        self.ctl("config", "set", "passwordopslimit", "1", "-q")

    def add_mailbox(self, address, *options):
        return self.ctl("mailbox", "add", address, *options, "--password-stdin", stdin="correct horse\n")


class Domains(InstanceTest):
    def test_add_list_show_set_delete(self):
        self.assertEqual(self.ctl("domain", "add", "Example.ORG").stdout, "added domain example.org\n")
        self.assertEqual(self.ctl("domain", "add", "example.org").stdout, "unchanged domain example.org\n")
        self.assertEqual(self.ctl("domain", "add", "example.net", "-q").stdout, "")
        self.assertEqual(self.data("domain", "add", "example.com"),
                         {"schema": 1, "results": [
                             {"object": "example.com", "kind": "domain", "result": "added"}]})
        listed = self.data("domain", "list")
        self.assertEqual([d["name"] for d in listed["domains"]],
                         ["example.com", "example.net", "example.org"])
        self.assertEqual([d["name"] for d in self.data("domain", "list", "--match", "*.org")["domains"]],
                         ["example.org"])
        self.assertIn("example.org", self.ctl("domain", "list").stdout)

        self.ctl("domain", "set", "example.org", "--catch-all", "discard", "--default-quota", "1.5G",
                 "--max-mailboxes", "2", "--sub-addressing", "+-")
        shown = self.data("domain", "show", "example.org")
        self.assertEqual((shown["catch_all"], shown["default_quota_bytes"], shown["sub_addressing"]),
                         ("discard", 3 << 29, "+-"))
        self.assertEqual(shown["limits"], {"mailboxes": 2, "aliases": None, "lists": None,
                                           "disk_bytes": None, "disk_messages": None,
                                           "messages_per_hour": None, "messages_per_day": None})
        self.assertEqual(self.ctl("domain", "set", "example.org", "--catch-all", "discard").stdout,
                         "unchanged domain example.org\n")
        self.assertIsNone(shown["lmtp"])
        self.ctl("domain", "set", "example.org", "--lmtp", "/run/dovecot/lmtp")
        self.assertEqual(self.data("domain", "show", "example.org")["lmtp"], "/run/dovecot/lmtp")
        self.ctl("domain", "set", "example.org", "--lmtp", "host.test:24")
        self.assertEqual(self.data("domain", "show", "example.org")["lmtp"], "host.test:24")
        self.ctl("domain", "set", "example.org", "--lmtp", "off")
        self.assertIsNone(self.data("domain", "show", "example.org")["lmtp"])
        self.ctl("domain", "set", "example.org", "--max-mailboxes", "unlimited")
        self.assertIsNone(self.data("domain", "show", "example.org")["limits"]["mailboxes"])

        self.ctl("domain", "delete", "example.net", code=USAGE)
        self.assertEqual(self.ctl("domain", "delete", "example.net", "--yes").stdout,
                         "deleted domain example.net\n")
        self.assertEqual(self.error("domain", "show", "example.net", code=NOT_FOUND)["code"],
                         "domain_not_found")
        self.assertEqual(self.error("domain", "show", "exmaple.org", code=NOT_FOUND)["hint"],
                         "did you mean example.org?")

    def test_adding_again_names_the_difference(self):
        add = ("domain", "add", "example.org", "--default-quota", "1G", "--max-aliases", "5")
        self.ctl(*add)
        self.assertEqual(self.ctl(*add).stdout, "unchanged domain example.org\n")
        error = self.error("domain", "add", "example.org", "--catch-all", "discard", "--max-aliases", "6",
                           "--suspend", "login", "--reason", "unpaid", "--sub-addressing", "none",
                           code=CONFLICT)
        self.assertEqual((error["code"], error["hint"]),
                         ("domain_conflict", "toastctl domain set example.org"))
        self.assertTrue(error["message"].endswith(
            "catch-all is refuse, not discard; default quota is 1073741824 bytes, not unlimited; "
            'sub-addressing is "+", not ""; most aliases is 5, not 6; '
            'login suspension is none, not "unpaid"'), error["message"])

    def test_settings_of_another_name_are_refused(self):
        self.ctl("domain", "add", "example.org")
        self.error("domain", "add", "example.net", "--alias-of", "example.org", "--catch-all", "discard",
                   code=USAGE)
        self.error("domain", "show", "example.net", code=NOT_FOUND)

    def test_suspension(self):
        self.ctl("domain", "add", "example.org")
        self.ctl("domain", "set", "example.org", "--suspend", "incoming,login", "--reason", "not paid")
        self.assertEqual(self.data("domain", "show", "example.org")["suspended"],
                         {"incoming": "not paid", "outgoing": None, "login": "not paid"})
        self.ctl("domain", "set", "example.org", "--resume", "login")
        self.assertIsNone(self.data("domain", "show", "example.org")["suspended"]["login"])
        self.error("domain", "set", "example.org", "--suspend", "everything", code=INVALID)

    def test_other_names(self):
        self.ctl("domain", "add", "example.org")
        self.ctl("domain", "add", "example.net", "--alias-of", "example.org")
        self.assertEqual(self.data("domain", "show", "example.org")["other_names"], ["example.net"])
        self.add_mailbox("ann@example.net")
        self.assertEqual(self.data("mailbox", "show", "ann@example.org")["address"], "ann@example.org")
        self.ctl("domain", "delete", "example.net", "--yes")
        self.assertEqual(self.data("domain", "show", "example.org")["other_names"], [])

    def test_bad_values(self):
        for name in ("", "no spaces.test", "a..b", "x.-a.test", "ann@example.org", "x" * 64 + ".test"):
            self.error("domain", "add", name, code=INVALID)
        self.ctl("domain", "add", "example.org")
        for option, value in (("--catch-all", "nobody"), ("--catch-all", "x@"), ("--default-quota", "10X"),
                              ("--default-quota", "-1"), ("--default-quota", "0"),
                              ("--max-mailboxes", "many"), ("--sub-addressing", "%"),
                              ("--lmtp", "on"), ("--lmtp", "host.test"), ("--lmtp", "run/lmtp")):
            self.error("domain", "set", "example.org", option + "=" + value, code=INVALID)

    def test_several_at_once(self):
        done = self.ctl("domain", "add", "a.test", "b..test", "c.test", code=PARTIAL)
        self.assertEqual(done.stdout, "added domain a.test\nadded domain c.test\n")
        self.assertIn("b..test", done.stderr)
        self.assertEqual(self.ctl("domain", "add", "-", stdin="d.test\ne.test\n").stdout,
                         "added domain d.test\nadded domain e.test\n")
        self.error("domain", "add", "-", stdin="", code=USAGE)

    def test_delete_with_contents(self):
        self.ctl("domain", "add", "example.org")
        self.add_mailbox("ann@example.org")
        self.ctl("domain", "delete", "example.org", "--yes", code=USAGE)  # mail: the name is wanted
        self.error("domain", "delete", "example.org", "--confirm=example.com", code=USAGE)
        error = self.error("domain", "delete", "example.org", "--confirm=example.org", code=CONFLICT)
        self.assertIn("--with-contents", error["hint"])
        self.ctl("domain", "delete", "example.org", "--with-contents", "--confirm=example.org")
        self.assertEqual(self.data("mailbox", "list")["mailboxes"], [])
        with sqlite3.connect(os.path.join(self.root, "db-auth", "credentials.db")) as db:
            tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
            self.assertTrue(tables)
            for table in tables:
                for row in db.execute(f"SELECT * FROM {table}"):
                    self.assertNotIn("ann@example.org", row)

    def test_dry_run_changes_nothing(self):
        self.assertEqual(self.ctl("domain", "add", "example.org", "-n", code=WOULD_CHANGE).stdout,
                         "would be added domain example.org\n")
        self.assertEqual(self.data("domain", "list")["domains"], [])
        self.ctl("domain", "add", "example.org")
        self.ctl("domain", "add", "example.org", "-n")  # nothing to change: 0
        self.ctl("domain", "set", "example.org", "--catch-all=discard", "-n", code=WOULD_CHANGE)
        self.ctl("domain", "delete", "example.org", "-n", code=WOULD_CHANGE)
        self.assertEqual(self.data("domain", "show", "example.org")["catch_all"], "refuse")


class Mailboxes(InstanceTest):
    def setUp(self):
        super().setUp()
        self.ctl("domain", "add", "example.org")

    def test_add_list_show_set_delete(self):
        self.assertEqual(self.add_mailbox("ann@example.org", "--quota", "1G", "--name", "Ann").stdout,
                         "added mailbox ann@example.org\n")
        shown = self.data("mailbox", "show", "ANN@example.org")
        self.assertEqual(shown["address"], "ann@example.org")
        self.assertEqual(shown["maildir"], os.path.join(os.path.realpath(self.root), "mail", "example.org",
                                                        "ann", "Maildir"))
        self.assertEqual((shown["quota_bytes"], shown["display_name"], shown["password"]),
                         (1 << 30, "Ann", "set"))
        self.assertEqual(shown["services"], {"pop3": True, "imap": True, "smtp": True, "receive": True})
        self.assertEqual(shown["last_logins"], [])
        self.assertRegex(shown["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        # For scripts without a JSON parser: one key a line.
        self.assertIn(f'\n  "maildir": "{shown["maildir"]}",\n',
                      self.ctl("mailbox", "show", "ann@example.org", "--json").stdout)

        self.ctl("mailbox", "set", "ann@example.org", "--pop3=off", "--quota=unlimited")
        shown = self.data("mailbox", "show", "ann@example.org")
        self.assertEqual((shown["services"]["pop3"], shown["quota_bytes"], shown["display_name"]),
                         (False, None, "Ann"))
        listed = self.data("mailbox", "list", "--domain", "example.org")["mailboxes"]
        self.assertEqual([m["address"] for m in listed], ["ann@example.org"])
        self.assertEqual(self.data("mailbox", "list", "--match", "b*")["mailboxes"], [])

        self.ctl("mailbox", "delete", "ann@example.org", code=USAGE)
        self.assertIn("deleted mailbox ann@example.org\n",
                      self.ctl("mailbox", "delete", "ann@example.org", "--yes").stdout)
        self.error("mailbox", "show", "ann@example.org", code=NOT_FOUND)

    def hash_of(self, account):
        with sqlite3.connect(os.path.join(self.root, "db-auth", "credentials.db")) as db:
            for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type='table'").fetchall():
                for row in db.execute(f"SELECT * FROM {table}"):
                    if account in row:
                        return next((v for v in row if isinstance(v, str) and v.startswith("$")), None)
        return None

    def test_app_passwords_are_shown_once_listed_and_removed(self):
        self.add_mailbox("ann@example.org")
        app = ("mailbox", "app-password")
        self.ctl(*app, "add", "ann@example.org", "phone", "--dry-run", code=WOULD_CHANGE)
        added = self.data(*app, "add", "Ann@example.org", "phone", "--service", "pop3,smtp")["results"][0]
        self.assertEqual((added["result"], added["kind"], added["object"]),
                         ("added", "app password", "ann@example.org phone"))
        self.assertRegex(added["password"], r"^([0-9a-z]{5}-){4}[0-9a-z]{5}$")
        shown = self.ctl(*app, "add", "ann@example.org", "office printer").stdout
        self.assertRegex(shown, r"^password: ([0-9a-z]{5}-){4}[0-9a-z]{5}\nadded app password")
        listed = self.data(*app, "list", "ann@example.org")["app_passwords"]
        self.assertEqual([(row["name"], row["services"], row["last_used"]) for row in listed],
                         [("office printer", "all", None), ("phone", "pop3,smtp", None)])
        self.error(*app, "add", "ann@example.org", "phone", code=CONFLICT)
        self.error(*app, "add", "ann@example.org", "tablet", "--service", "pop", code=INVALID)
        self.error(*app, "add", "ann@example.org", "a\nb", code=INVALID)
        self.error(*app, "add", "nobody@example.org", "phone", code=NOT_FOUND)
        self.ctl(*app, "remove", "ann@example.org", "phone")
        self.error(*app, "remove", "ann@example.org", "phone", code=NOT_FOUND)
        dump = self.directory_dump()
        self.assertIn("mailbox.app-password.add", dump)
        self.assertIn("mailbox.app-password.remove", dump)
        self.assertNotIn(added["password"], dump)

    def test_a_locked_account_says_so_and_a_new_password_unlocks_it(self):
        self.add_mailbox("ann@example.org")
        # Without a server nobody gets in at once, but what waits in the queue is not held yet; it says so.
        self.error("account", "lock", "ann@example.org", "--dry-run", code=TEMPORARY)
        self.assertEqual(self.data("mailbox", "show", "ann@example.org")["password"], "set")
        self.assertIn("may not log in, but", self.error("account", "lock", "ann@example.org", code=TEMPORARY)["message"])
        self.assertEqual(self.data("mailbox", "show", "ann@example.org")["password"], "locked")
        self.error("account", "unlock", "ann@example.org", code=TEMPORARY)
        self.assertEqual(self.data("mailbox", "show", "ann@example.org")["password"], "set")
        self.error("account", "suspend", "ann@example.org", code=TEMPORARY)
        self.assertEqual(self.data("account", "show", "ann@example.org")["login"], "open")
        self.assertIsNone(self.data("account", "show", "ann@example.org")["sending"])
        self.error("account", "lock", "nobody@example.org", code=NOT_FOUND)
        self.assertIn("account.unlock", self.directory_dump())

    def directory_dump(self):
        with sqlite3.connect(os.path.join(self.root, "db", "directory.db")) as db:
            return "\n".join(db.iterdump())

    def test_adding_again_is_no_change_or_a_conflict_that_names_the_difference(self):
        again = ("mailbox", "add", "ann@example.org", "--quota", "1G", "--name", "Ann")
        self.ctl(*again, "--password-stdin", stdin="secret\n")
        before = self.hash_of("ann@example.org")
        self.assertTrue(before.startswith("$argon2id$"))
        # The same, and a script that does not know the password any more.
        for words, typed in (((*again, "--password-stdin"), "secret\n"), (again, ""),
                             ((*again, "--dry-run", "--password-stdin"), "secret\n")):
            self.assertEqual(self.ctl(*words, stdin=typed).stdout, "unchanged mailbox ann@example.org\n")
        # Nothing that was asked for is ignored.
        for words, typed, says, hint in (
                (again, "other\n", "its password is another one", "toastctl mailbox passwd ann@example.org"),
                ((*again, "--dry-run"), "other\n", "its password is another one",
                 "toastctl mailbox passwd ann@example.org"),
                (("mailbox", "add", "Ann@example.org", "--quota", "5G", "--name", "Ann", "--pop3=off"),
                 "secret\n",
                 "quota is 1073741824 bytes, not 5368709120 bytes; pop3 is on, not off",
                 "toastctl mailbox set ann@example.org"),
                (("mailbox", "add", "ann@example.org", "--quota", "1G"), "other\n",
                 'name is "Ann", not ""; its password is another one',
                 "toastctl mailbox set ann@example.org, toastctl mailbox passwd ann@example.org")):
            with self.subTest(words=words):
                error = self.error(*words, "--password-stdin", stdin=typed, code=CONFLICT)
                self.assertEqual((error["code"], error["hint"]), ("mailbox_conflict", hint))
                self.assertTrue(error["message"].endswith(says), error["message"])
        error = self.error(*again, "--password-generate", code=CONFLICT)
        self.assertEqual(error["hint"], "toastctl mailbox passwd ann@example.org")
        self.assertEqual(self.hash_of("ann@example.org"), before)

    def test_adding_a_mailbox_that_has_no_password_yet_is_a_conflict(self):
        self.add_mailbox("ann@example.org")
        with sqlite3.connect(os.path.join(self.root, "db-auth", "credentials.db")) as db:
            db.execute("DELETE FROM credential")
        error = self.error("mailbox", "add", "ann@example.org", "--password-stdin", stdin="x\n",
                           code=CONFLICT)
        self.assertTrue(error["message"].endswith("it has no password"), error["message"])
        self.assertEqual(error["hint"], "toastctl mailbox passwd ann@example.org")

    def test_a_list_that_was_added_can_be_added_again(self):
        password = os.path.join(self.directory, "password")
        with open(os.open(password, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write("secret\n")
        for result in ("added", "unchanged"):
            done = self.ctl("mailbox", "add", "-", "--password-file", password,
                            stdin="ann@example.org\nbob@example.org\n")
            self.assertEqual(done.stdout, f"{result} mailbox ann@example.org\n"
                                          f"{result} mailbox bob@example.org\n")

    def test_a_refused_mailbox_leaves_no_credential(self):
        self.assertEqual(self.error("mailbox", "add", "ann@example.com", "--password-stdin", stdin="x\n",
                                    code=NOT_FOUND)["hint"], "toastctl domain add example.com")
        self.ctl("domain", "set", "example.org", "--max-mailboxes", "0")
        error = self.error("mailbox", "add", "ann@example.org", "--password-stdin", stdin="x\n",
                           code=INVALID)
        self.assertEqual(error["code"], "mailbox_limit_reached")
        self.assertIsNone(self.hash_of("ann@example.com"))
        self.assertIsNone(self.hash_of("ann@example.org"))

    def test_passwords(self):
        self.add_mailbox("ann@example.org")
        before = self.hash_of("ann@example.org")
        self.assertEqual(self.ctl("mailbox", "passwd", "ann@example.org", "--password-stdin",
                                  stdin="new one\n").stdout, "changed password ann@example.org\n")
        self.assertNotEqual(self.hash_of("ann@example.org"), before)
        done = self.data("mailbox", "passwd", "ann@example.org", "--password-generate=32")
        self.assertEqual(len(done["results"][0]["password"]), 32)
        secret = os.path.join(self.directory, "secret")
        with open(secret, "w") as file:
            file.write("from a file\n")
        os.chmod(secret, 0o644)
        self.assertEqual(self.error("mailbox", "passwd", "ann@example.org", "--password-file", secret,
                                    code=INVALID)["hint"], f"chmod 600 {secret}")
        os.chmod(secret, 0o600)
        self.ctl("mailbox", "passwd", "ann@example.org", "--password-file", secret)
        self.assertIn("--password-stdin",
                      self.error("mailbox", "passwd", "ann@example.org", code=USAGE)["hint"])
        for bad in ("", "\n", "x" * 1025 + "\n", "x" * 5000):
            self.error("mailbox", "passwd", "ann@example.org", "--password-stdin", stdin=bad, code=INVALID)
        self.error("mailbox", "passwd", "nobody@example.org", "--password-stdin", stdin="x\n",
                   code=NOT_FOUND)
        self.error("mailbox", "passwd", "ann@example.org", "--password-stdin", "--password-generate",
                   code=USAGE)
        with sqlite3.connect(os.path.join(self.root, "db", "directory.db")) as db:
            dump = "\n".join(db.iterdump())
        self.assertIn("mailbox.passwd", dump)  # audited,
        self.assertNotIn("from a file", dump)  # without the secret
        self.assertNotIn("argon2", dump)

    def prompt(self, words, answers):
        """Runs toastctl on a terminal and types the answers; exit code and what was shown."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(TOASTCTL, [TOASTCTL, "--root", self.root, *words])
        shown = b""
        try:
            for question, answer in answers:
                while not shown.endswith(question):
                    shown += os.read(terminal, 1)
                os.write(terminal, answer + b"\n")
            while True:
                shown += os.read(terminal, 4096)
        except OSError:
            pass  # the program has ended
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown

    def test_prompts(self):
        words = ("mailbox", "add", "ann@example.org")
        code, shown = self.prompt(words, ((b"org: ", b"s3cret"), (b"more: ", b"other")))
        self.assertEqual(code, INVALID)
        self.assertIn(b"differ", shown)
        code, shown = self.prompt(words, ((b"org: ", b"s3cret"), (b"more: ", b"s3cret")))
        self.assertEqual(code, DONE)
        self.assertNotIn(b"s3cret", shown)  # no echo
        code, _ = self.prompt(("mailbox", "delete", "ann@example.org"), ((b"confirm: ", b"no"),))
        self.assertEqual(code, 10)
        code, _ = self.prompt(("mailbox", "delete", "ann@example.org"),
                              ((b"confirm: ", b"ann@example.org"),))
        self.assertEqual(code, DONE)

    def test_many_from_standard_input(self):
        secret = os.path.join(self.directory, "secret")
        with open(secret, "w") as file:
            file.write("shared\n")
        os.chmod(secret, 0o600)
        names = [f"user{n}@example.org" for n in range(50)]
        self.assertEqual(self.ctl("mailbox", "add", "-", "--password-file", secret, "--quiet",
                                  stdin="\n".join(names)).stdout, "")
        self.assertEqual(len(self.data("mailbox", "list")["mailboxes"]), 50)
        self.assertNotEqual(self.hash_of(names[0]), self.hash_of(names[1]))  # each its own salt
        self.error("mailbox", "add", "-", "--password-stdin", stdin="x\n", code=USAGE)

    def table(self, *lines, mode=0o600):
        path = os.path.join(self.directory, "mailboxes.csv")
        with open(path, "w") as file:
            file.write("".join(line + "\n" for line in lines))
        os.chmod(path, mode)
        return path

    def test_import_from_a_table(self):
        sha = "$6$saltsalt$" + "q" * 86
        self.add_mailbox("old@example.org")
        kept = self.hash_of("old@example.org")
        path = self.table("address,password_hash,password,name,quota,pop3",
                          f"Ann@example.org,{sha},,\"Ann, of old\",1G,",
                          "bob@example.org,,secret,,,off",
                          f"old@example.org,{sha},,,,",
                          f"carl@elsewhere.org,{sha},,,,",
                          "dora@example.org,,,,,",
                          "not an address,,secret,,,",
                          f"old@example.org,{sha},,,5G,")
        refused = os.path.join(self.directory, "refused.csv")
        dry = self.ctl("mailbox", "import", path, "--dry-run", "--json", code=PARTIAL)
        self.assertEqual(json.loads(dry.stdout)["would_be_added"], 2)
        self.assertEqual(len(self.data("mailbox", "list")["mailboxes"]), 1)
        done = self.ctl("mailbox", "import", path, "--errors", refused, "--json", code=PARTIAL)
        counts = json.loads(done.stdout)
        self.assertEqual([counts[k] for k in ("added", "unchanged", "refused", "domains_added")], [2, 1, 4, 0])
        for line, why in ((5, "no domain elsewhere.org"), (6, "no password"), (7, ""),
                          (8, "quota is unlimited, not 5368709120 bytes")):
            self.assertRegex(done.stderr, f"line {line}: .*{why}")
        ann = self.data("mailbox", "show", "ann@example.org")
        self.assertEqual((ann["display_name"], ann["quota_bytes"]), ("Ann, of old", 1 << 30))
        self.assertEqual(self.hash_of("ann@example.org"), sha)
        self.assertTrue(self.hash_of("bob@example.org").startswith("$argon2id$"))
        self.assertFalse(self.data("mailbox", "show", "bob@example.org")["services"]["pop3"])
        self.assertEqual(self.hash_of("old@example.org"), kept)
        # What was refused can be mended and imported by itself; what is there is passed over.
        with open(refused) as file:
            self.assertEqual(len(file.readlines()), 5)  # with its header
        again = self.ctl("mailbox", "import", refused, "--add-domains", "--json", code=PARTIAL)
        self.assertEqual([json.loads(again.stdout)[k] for k in ("added", "refused", "domains_added")], [1, 3, 1])
        # Standard input, and a semicolon as spreadsheets write it.
        done = self.ctl("mailbox", "import", "-", "--json", stdin=f"address;password_hash\nzoe@example.org;{sha}\n")
        self.assertEqual(json.loads(done.stdout)["added"], 1)
        with sqlite3.connect(os.path.join(self.root, "db", "directory.db")) as db:
            self.assertEqual(db.execute("SELECT count(*) FROM audit WHERE object = 'zoe@example.org'").fetchone(), (1,))

    def test_bad_tables(self):
        for lines in ((), ("address",), ("address,password,colour",), ("password",)):
            self.error("mailbox", "import", self.table(*lines), code=INVALID)
        self.error("mailbox", "import", self.table("address,password", mode=0o644), code=INVALID)
        self.error("mailbox", "import", os.path.join(self.directory, "none"), code=FAILURE)

    def test_pages(self):
        sha = "$6$saltsalt$" + "q" * 86
        names = [f"u{m}@d{d}.test" for d in range(5) for m in range(3)]
        self.ctl("mailbox", "import", "-", "--add-domains", "-q",
                 stdin="address,password_hash\n" + "".join(f"{name},{sha}\n" for name in names))
        self.ctl("domain", "add", "other.test", "--alias-of", "d1.test")
        self.ctl("domain", "add", "another.test", "--alias-of", "d1.test")
        for name in names[:4]:
            self.ctl("alias", "add", "x" + name, name)
        domains = ["d0.test", "d1.test", "d2.test", "d3.test", "d4.test", "example.org", "another.test", "other.test"]
        for words, key, field, all_of_it in ((("mailbox", "list"), "mailboxes", "address", names),
                                             (("alias", "list"), "aliases", "address", ["x" + n for n in names[:4]]),
                                             (("domain", "list"), "domains", "name", domains)):
            self.assertEqual([row[field] for row in self.data(*words)[key]], all_of_it)
            for limit in range(1, len(all_of_it) + 2):
                seen, more = [], ()
                while True:
                    page = self.data(*words, "--limit", str(limit), *more)
                    self.assertLessEqual(len(page[key]), limit)
                    seen += [row[field] for row in page[key]]
                    if page["next"] is None:
                        break
                    more = ("--cursor", page["next"])
                self.assertEqual(seen, all_of_it, (words, limit))
        self.assertIn("--cursor u1@d0.test", self.ctl("mailbox", "list", "--limit", "2").stderr)
        self.error("mailbox", "list", "--limit", "0", code=USAGE)

    def test_bad_addresses(self):
        for address in ("ann", "@example.org", "ann@", "a b@example.org", "ann@example.org\n",
                        "x" * 65 + "@example.org", "ann@exa mple.org", "ann@@example.org"):
            self.error("mailbox", "add", address, "--password-stdin", stdin="x\n", code=INVALID)
        self.error("mailbox", "set", "ann@example.org", "--pop3=maybe", code=NOT_FOUND)
        self.add_mailbox("ann@example.org")
        self.error("mailbox", "set", "ann@example.org", "--pop3=maybe", code=INVALID)
        self.error("mailbox", "set", "ann@example.org", "--quota=lots", code=INVALID)
        self.assertEqual(self.error("mailbox", "show", "amn@example.org", code=NOT_FOUND)["hint"],
                         "did you mean ann@example.org?")
        self.assertEqual(self.error("mailbox", "show", "nobody@example.org", code=NOT_FOUND)["hint"],
                         "toastctl mailbox list shows what there is")


class Aliases(InstanceTest):
    def setUp(self):
        super().setUp()
        self.ctl("domain", "add", "example.org")
        self.add_mailbox("ann@example.org")

    def test_add_list_show_set_delete(self):
        self.assertEqual(self.ctl("alias", "add", "sales@example.org", "ann@example.org",
                                  "bob@example.net").stdout, "added alias sales@example.org\n")
        self.assertEqual(self.data("alias", "show", "sales@example.org")["targets"],
                         ["ann@example.org", "bob@example.net"])
        error = self.error("alias", "add", "sales@example.org", "carl@example.net", code=CONFLICT)
        self.assertIn("alias set", error["hint"])
        self.assertTrue(error["message"].endswith(
            "the list of targets is ann@example.org bob@example.net, not carl@example.net"), error["message"])
        self.assertEqual(self.ctl("alias", "add", "sales@example.org", "ann@example.org",
                                  "bob@example.net").stdout, "unchanged alias sales@example.org\n")
        error = self.error("alias", "add", "sales@example.org", "ann@example.org", "bob@example.net",
                           "--keep-copy=on", code=CONFLICT)
        self.assertTrue(error["message"].endswith("keep-copy is off, not on"), error["message"])
        self.ctl("alias", "set", "sales@example.org", "--add", "carl@example.net", "--remove",
                 "bob@example.net")
        self.assertEqual(self.data("alias", "show", "sales@example.org")["targets"],
                         ["ann@example.org", "carl@example.net"])
        self.ctl("alias", "set", "sales@example.org", "--to", "dora@example.net,ann@example.org")
        listed = self.data("alias", "list", "--domain", "example.org")["aliases"]
        self.assertEqual([(a["address"], a["targets"], a["keep_copy"]) for a in listed],
                         [("sales@example.org", ["dora@example.net", "ann@example.org"], False)])
        self.error("alias", "set", "sales@example.org", "--remove", "nobody@x.test", code=NOT_FOUND)
        self.error("alias", "set", "sales@example.org", "--to", "no address", code=INVALID)
        self.ctl("alias", "delete", "sales@example.org", code=USAGE)
        self.ctl("alias", "delete", "sales@example.org", "--yes")
        self.error("alias", "show", "sales@example.org", code=NOT_FOUND)

    def test_keep_copy(self):
        self.ctl("alias", "add", "ann@example.org", "ann@home.test", "--keep-copy=on")
        self.assertTrue(self.data("alias", "show", "ann@example.org")["keep_copy"])
        self.error("alias", "add", "new@example.org", "ann@home.test", "--keep-copy=on", code=INVALID)

    def test_needs_its_domain(self):
        self.assertEqual(self.error("alias", "add", "a@nowhere.test", "b@x.test", code=NOT_FOUND)["hint"],
                         "toastctl domain add nowhere.test")
        self.error("alias", "add", "sales@example.org", code=USAGE)


class Owners(InstanceTest):
    def test_add_list_show_set_delete(self):
        self.assertEqual(self.ctl("owner", "add", "acme", "--max-domains", "1").stdout, "added owner acme\n")
        self.assertEqual(self.ctl("owner", "add", "acme", "--max-domains", "1").stdout, "unchanged owner acme\n")
        self.error("owner", "add", "acme", "--max-domains", "2", code=CONFLICT)
        self.error("owner", "add", "No Name", code=INVALID)
        self.assertEqual(self.ctl("owner", "add", "acme2", "--dry-run", code=WOULD_CHANGE).stdout,
                         "would be added owner acme2\n")
        self.assertEqual([o["name"] for o in self.data("owner", "list")["owners"]], ["acme"])
        self.ctl("domain", "add", "one.test", "--owner", "acme")
        self.error("domain", "add", "two.test", "--owner", "acme", code=INVALID)  # its limit
        self.error("domain", "add", "two.test", "--owner", "nobody", code=INVALID)
        self.assertIn("one.test", self.ctl("domain", "show", "one.test").stdout)
        self.assertEqual(self.data("domain", "show", "one.test")["owner"], "acme")
        self.ctl("owner", "set", "acme", "--max-mailboxes", "1", "--max-disk", "1G")
        shown = self.data("owner", "show", "acme")
        self.assertEqual(shown["limits"]["mailboxes"], 1)
        self.add_mailbox("ann@one.test", "--quota", "600M")
        self.error("mailbox", "add", "bob@one.test", "--quota", "1M", "--password-stdin", stdin="x\n", code=INVALID)
        self.error("mailbox", "set", "ann@one.test", "--quota", "2G", code=INVALID)
        self.error("owner", "show", "nobody", code=NOT_FOUND)
        self.error("owner", "delete", "acme", "--yes", code=CONFLICT)  # it has a domain
        self.ctl("domain", "set", "one.test", "--owner", "none")
        self.assertEqual(self.ctl("owner", "delete", "acme", "--yes").stdout, "deleted owner acme\n")


class QuotasAndVacations(InstanceTest):
    def setUp(self):
        super().setUp()
        self.ctl("domain", "add", "example.org")
        self.add_mailbox("ann@example.org", "--quota", "10k", "--quota-messages", "5")
        self.add_mailbox("bob@example.org")

    def deliver(self, address, *sizes):
        new = os.path.join(self.data("mailbox", "show", address)["maildir"], "new")
        for folder in (new, new[:-3] + "cur", new[:-3] + "tmp"):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        for i, size in enumerate(sizes):
            with open(os.path.join(new, f"{i}.1.host,S={size}"), "w") as file:
                file.write("x" * size)

    def test_quota_show_list_set_recount(self):
        self.deliver("ann@example.org", 4000, 5000)
        counted = self.data("quota", "recount", "ann@example.org")["results"][0]
        self.assertEqual((counted["used_bytes"], counted["used_messages"]), (9000, 2))
        shown = self.data("quota", "show", "ann@example.org")
        self.assertEqual((shown["used_bytes"], shown["quota_bytes"], shown["percent"]), (9000, 10240, 87))
        self.assertEqual(len(self.data("quota", "list")["quotas"]), 1)  # bob has none
        self.assertEqual(self.data("quota", "list", "--over", "90")["quotas"], [])
        self.assertEqual(self.ctl("quota", "set", "ann@example.org", "--size", "20k").stdout,
                         "changed quota ann@example.org\n")
        self.assertEqual(self.data("quota", "show", "ann@example.org")["percent"], 43)
        for words in (("show", "nobody@example.org"), ("set", "nobody@example.org", "--size", "1G")):
            self.error("quota", *words, code=NOT_FOUND)
        self.error("quota", "set", "ann@example.org", "--size", "10X", code=INVALID)
        self.error("quota", "set", "ann@example.org", code=USAGE)
        self.error("quota", "recount", code=USAGE)

    def test_the_fullest_come_first_and_in_pages(self):
        for n in range(5):
            self.add_mailbox(f"u{n}@example.org", "--quota", "10k")
            self.deliver(f"u{n}@example.org", 1000 * (n + 1))
        self.ctl("quota", "recount", "--domain", "example.org", "-q")
        names = [row["address"] for row in self.data("quota", "list")["quotas"]]
        self.assertEqual(names[:5], [f"u{n}@example.org" for n in (4, 3, 2, 1, 0)])
        paged = [self.data("quota", "list", "--limit", "2", "--skip", str(skip))["quotas"] for skip in (0, 2, 4)]
        self.assertEqual([row["address"] for page in paged for row in page], names)
        self.assertIn("2 more: --skip 4", self.ctl("quota", "list", "--limit", "2", "--skip", "2").stderr)

    def test_vacation_set_show_clear(self):
        text = os.path.join(self.directory, "text")
        with open(text, "w") as file:
            file.write("I am away.\n")
        self.error("vacation", "show", "ann@example.org", code=NOT_FOUND)
        self.error("vacation", "set", "nobody@example.org", "--file", text, code=NOT_FOUND)
        self.ctl("vacation", "set", "ann@example.org", "--file", text, "--from", "2026-12-20",
                 "--until", "2027-01-06")
        self.assertTrue(self.data("mailbox", "show", "ann@example.org")["vacation"])
        shown = self.data("vacation", "show", "ann@example.org")
        self.assertEqual(shown["text"], "I am away.\n")
        self.ctl("vacation", "set", "ann@example.org", "--days", "3", "--subject", "On holiday")
        shown = self.data("vacation", "show", "ann@example.org")
        self.assertEqual((shown["days"], shown["subject"], shown["text"]), (3, "On holiday", "I am away.\n"))
        self.error("vacation", "set", "ann@example.org", "--from", "soon", code=INVALID)
        self.error("vacation", "set", "ann@example.org", "--from", "2027-02-01", code=INVALID)  # behind its end
        self.error("vacation", "set", "ann@example.org", "--days", "0", code=INVALID)
        self.assertEqual(self.ctl("vacation", "clear", "ann@example.org").returncode, DONE)
        self.assertFalse(self.data("mailbox", "show", "ann@example.org")["vacation"])
        self.assertIn("unchanged", self.ctl("vacation", "clear", "ann@example.org").stdout)
        self.error("vacation", "clear", "nobody@example.org", code=NOT_FOUND)


class Resolving(InstanceTest):
    def test_what_would_happen_and_why(self):
        self.ctl("domain", "add", "example.org")
        self.add_mailbox("ann@example.org")
        self.ctl("alias", "add", "sales@example.org", "ann@example.org", "bob@example.net")
        got = self.data("resolve", "sales@example.org")
        self.assertEqual(got["status"], "resolved")
        self.assertEqual(got["instructions"],
                         ["maildir example.org/ann/Maildir", "forward bob@example.net"])
        self.assertTrue(got["explanation"])
        self.assertIn("-> forward bob@example.net\n", self.ctl("resolve", "sales@example.org").stdout)
        unknown = self.ctl("resolve", "nobody@example.org", "--json", code=NOT_FOUND)
        self.assertEqual(json.loads(unknown.stdout)["status"], "unknown")
        self.assertEqual(json.loads(unknown.stderr)["error"]["code"], "unknown_address")
        elsewhere = self.ctl("resolve", "x@elsewhere.test", "--json", code=NOT_FOUND)
        self.assertEqual(json.loads(elsewhere.stdout)["status"], "not_local")
        self.error("resolve", "no address", code=INVALID)


class Configuration(InstanceTest):
    def test_routes_are_understood_before_a_program_reads_them(self):
        refused = self.ctl("config", "set", "smtproutes", "example.org relay.test", code=INVALID)
        self.assertIn("example.org relay.test", refused.stderr)
        self.ctl("config", "set", "smtproutes", "example.org:relay.test:2525", ":[192.0.2.1]")
        self.ctl("config", "check")
        with open(os.path.join(self.root, "control", "smtproutes"), "w") as file:
            file.write("example.org:relay.test:port\n")
        self.assertIn("control/smtproutes", self.ctl("config", "check", code=INVALID).stdout)

    def test_list_get_set(self):
        settings = {s["name"]: s for s in self.data("config", "list")["settings"]}
        self.assertEqual((settings["me"]["value"], settings["me"]["set"]), ("mx.example.test", True))
        self.assertEqual(settings["pop3timeout"]["value"], "600")
        self.assertIn("databytes", self.ctl("config", "list").stdout)
        self.assertNotIn("databytes", self.ctl("config", "list", "--changed").stdout)
        self.ctl("config", "set", "databytes", "100M")
        self.assertEqual(self.ctl("config", "get", "databytes").stdout, "104857600\n")
        with open(self.control("databytes")) as file:
            self.assertEqual(file.read(), "104857600\n")
        self.assertEqual(self.ctl("config", "set", "databytes", "100M").stdout,
                         "unchanged setting databytes\n")
        self.ctl("config", "set", "relaynetworks", "192.0.2.0/24", "2001:db8::/32")
        self.assertEqual(self.ctl("config", "get", "relaynetworks").stdout,
                         "192.0.2.0/24\n2001:db8::/32\n")
        self.ctl("config", "set", "databytes", "1G", "-n", code=WOULD_CHANGE)
        self.ctl("config", "set", "databytes", "--default")
        self.assertFalse(os.path.exists(self.control("databytes")))
        self.assertEqual(self.data("config", "get", "databytes")["set"], False)

    def test_bad_values_change_nothing(self):
        before = sorted(os.listdir(os.path.join(self.root, "control")))
        for words, code in ((("databytes", "lots"), INVALID), (("pop3timeout", "1"), INVALID),
                            (("relaynetworks", "192.0.2.1/24"), INVALID), (("databytes",), USAGE),
                            (("databytes", "1", "2"), USAGE), (("databyte", "1"), NOT_FOUND),
                            (("../../etc/passwd", "1"), NOT_FOUND), (("me", "--default"), INVALID),
                            (("smtpbarenewline", "whatever"), INVALID)):
            self.error("config", "set", *words, code=code)
        self.assertEqual(sorted(os.listdir(os.path.join(self.root, "control"))), before)
        self.assertEqual(self.error("config", "get", "databyte", code=NOT_FOUND)["hint"],
                         "did you mean databytes?")
        self.assertIn("relaynetworks", self.error("config", "get", "rcpthosts", code=NOT_FOUND)["hint"])

    def test_garbage_in_control(self):
        with open(self.control("databytes"), "wb") as file:
            file.write(b"\xff\x00garbage\n\n")
        with open(self.control("nosuchsetting"), "w") as file:
            file.write("1\n")
        done = self.ctl("config", "check", code=INVALID)
        self.assertIn("control/databytes", done.stdout)
        self.assertIn("control/nosuchsetting", done.stdout)
        checked = json.loads(self.ctl("config", "check", "--json", code=INVALID).stdout)
        self.assertFalse(checked["ok"])
        self.assertEqual({p["file"] for p in checked["problems"]}, {"databytes", "nosuchsetting"})
        self.assertIn("config check", self.error("config", "list", code=INVALID)["hint"])
        self.ctl("domain", "add", "example.org")  # needs no setting
        self.ctl("config", "set", "databytes", "1M")  # the way out
        os.unlink(self.control("nosuchsetting"))
        self.ctl("config", "check")

    def test_unsafe_modes(self):
        os.chmod(self.control("me"), 0o666)
        self.assertIn("chmod go-w", self.ctl("config", "check", code=INVALID).stdout)


class Databases(InstanceTest):
    DIRECTORY = ("db", "directory.db")
    CREDENTIALS = ("db-auth", "credentials.db")

    def path(self, store):
        return os.path.join(self.root, *store)

    def remove(self, store):
        for ending in ("", "-wal", "-shm"):
            if os.path.exists(self.path(store) + ending):
                os.unlink(self.path(store) + ending)

    def test_schema(self):
        stores = self.data("schema", "status")["stores"]
        self.assertEqual([(s["store"], s["state"]) for s in stores],
                         [("directory", "current"), ("credentials", "current")])
        self.assertEqual([r["result"] for r in self.data("schema", "migrate")["results"]],
                         ["unchanged", "unchanged"])

    def test_missing(self):
        self.remove(self.DIRECTORY)
        self.assertIn("missing", self.error("domain", "list", code=FAILURE)["message"])
        self.assertFalse(os.path.exists(self.path(self.DIRECTORY)))  # looking makes nothing
        self.ctl("schema", "status", code=WOULD_CHANGE)
        self.ctl("schema", "migrate", "-n", code=WOULD_CHANGE)
        self.assertFalse(os.path.exists(self.path(self.DIRECTORY)))
        self.ctl("schema", "migrate")
        self.ctl("domain", "add", "example.org")
        self.remove(self.CREDENTIALS)
        self.error("mailbox", "add", "ann@example.org", "--password-stdin", stdin="x\n", code=FAILURE)
        self.assertEqual(self.data("mailbox", "list")["mailboxes"], [])  # nothing half done

    def test_damaged(self):
        self.remove(self.DIRECTORY)
        with open(self.path(self.DIRECTORY), "wb") as file:
            file.write(b"this is no database" * 1000)
        error = self.error("domain", "list", code=FAILURE)
        self.assertIn("backup", error["message"])
        self.assertIn("CRIT", self.ctl("status", code=FAILURE).stdout)

    def test_newer_than_this_program(self):
        with sqlite3.connect(self.path(self.DIRECTORY)) as db:
            db.execute("UPDATE schema_version SET version = 99, works_with = 99")
        self.assertIn("upgrade this program", self.error("domain", "list", code=FAILURE)["message"])
        self.ctl("schema", "status", code=FAILURE)
        self.assertIn("newer", self.ctl("status", code=FAILURE).stdout)

    def test_locked(self):
        db = sqlite3.connect(self.path(self.DIRECTORY), isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        # Others may read; who wants to write waits, then says so.
        self.ctl("domain", "list")
        done = self.ctl("domain", "add", "example.org", "--json", code=TEMPORARY)
        self.assertEqual(json.loads(done.stderr)["error"]["code"], "busy")
        db.execute("ROLLBACK")
        db.close()
        self.ctl("domain", "add", "example.org")

    def test_two_administrators_at_once(self):
        self.ctl("domain", "add", "example.org")
        both = [subprocess.Popen([TOASTCTL, "--root", self.root, "alias", "add",
                                  f"{name}@example.org", "x@y.test", "-q"]) for name in ("a", "b") * 10]
        codes = [process.wait(120) for process in both]
        self.assertEqual(set(codes), {DONE})
        self.assertEqual(len(self.data("alias", "list")["aliases"]), 2)

    def test_read_only_for_this_user(self):
        """As somebody who may look but not write; as root that is another user."""
        self.ctl("domain", "add", "example.org")
        more = {}
        if os.geteuid() == 0:
            more = {"user": 65534, "group": 65534, "extra_groups": []}
        os.chmod(self.directory, 0o755)
        os.chmod(self.root, 0o755)
        os.chmod(os.path.join(self.root, "db"), 0o555)
        for name in os.listdir(os.path.join(self.root, "db")):
            os.chmod(os.path.join(self.root, "db", name), 0o444)
        done = self.run_ctl("domain", "add", "example.net", "--json", **more)
        self.assertNotEqual(done.returncode, DONE)
        self.assertIn("directory.db", json.loads(done.stderr)["error"]["message"])
        os.chmod(os.path.join(self.root, "db"), 0o755)


if os.geteuid() == 0:
    class OwnedByOthers(InstanceTest):
        """Root on an instance whose stores belong to the programs' own users."""
        DIRECTORY_USER, CREDENTIALS_USER = 54321, 54322

        def setUp(self):
            super().setUp()
            os.chmod(self.directory, 0o755)
            for folder, user in (("db", self.DIRECTORY_USER), ("db-auth", self.CREDENTIALS_USER)):
                path = os.path.join(self.root, folder)
                for name in [path] + [os.path.join(path, name) for name in os.listdir(path)]:
                    os.chown(name, user, user)

        def owners(self, folder):
            path = os.path.join(self.root, folder)
            return {os.stat(os.path.join(path, name)).st_uid for name in os.listdir(path)}

        def test_each_store_is_opened_as_its_owner(self):
            self.ctl("domain", "add", "example.org")
            self.add_mailbox("ann@example.org")
            self.ctl("mailbox", "passwd", "ann@example.org", "--password-stdin", stdin="new\n")
            self.assertEqual(self.data("mailbox", "show", "ann@example.org")["password"], "set")
            self.ctl("schema", "status")
            self.ctl("mailbox", "delete", "ann@example.org", "--yes")
            self.ctl("schema", "migrate")
            # Nothing of root's is left in either: the programs could not use it.
            self.assertEqual(self.owners("db"), {self.DIRECTORY_USER})
            self.assertEqual(self.owners("db-auth"), {self.CREDENTIALS_USER})

        def test_a_database_cannot_lead_root_astray(self):
            """A keeper that was taken over puts a link to somebody else's file in the database's place."""
            for ending in ("", "-wal", "-shm"):
                path = os.path.join(self.root, "db-auth", "credentials.db" + ending)
                if os.path.exists(path):
                    os.unlink(path)
            victim = os.path.join(self.directory, "victim")
            with open(victim, "w"):
                pass
            os.chmod(victim, 0o600)
            os.symlink(victim, os.path.join(self.root, "db-auth", "credentials.db"))
            self.ctl("domain", "add", "example.org")
            self.run_ctl("schema", "migrate")
            done = self.run_ctl("mailbox", "add", "ann@example.org", "--password-stdin", stdin="x\n")
            self.assertNotEqual(done.returncode, DONE)
            self.assertEqual(os.path.getsize(victim), 0)


class Stopped(InstanceTest):
    def test_status(self):
        done = self.ctl("status", code=FAILURE)
        self.assertTrue(done.stdout.startswith("CRIT: toastd is not running\n"))
        self.assertIn(f"next: toastd --root {os.path.realpath(self.root)}", done.stdout)
        status = json.loads(self.ctl("status", "--json", code=FAILURE).stdout)
        self.assertEqual((status["status"], status["running"]), ("CRIT", False))
        self.assertEqual(sorted(status["reasons"][0]), ["message", "next", "severity"])
        with open(os.path.join(self.root, "run", "status.json"), "w") as file:
            file.write('{"pid": "x", "processes": [1, {"name": 2}], "listeners": 5')
        self.assertTrue(self.ctl("status", code=FAILURE).stdout.startswith("CRIT: "))

    def test_queue(self):
        error = self.error("queue", "list", code=TEMPORARY)
        self.assertEqual(error["code"], "queued_not_running")
        self.assertIn("toastd --root", error["hint"])
        self.error("queue", "show", "0123456789abc", code=TEMPORARY)
        self.error("queue", "show", "garbage", code=INVALID)
        self.error("queue", "list", "--older", "4h", code=TEMPORARY)  # the word is understood
        self.error("queue", "list", "--older", "soon", code=INVALID)
        self.error("trace", "ann@example.org", "--since", "2d", code=TEMPORARY)
        self.error("trace", "ann@example.org", "--since", "2 days", code=INVALID)
        self.error("trace", "", code=INVALID)


if __name__ == "__main__":
    unittest.main()
