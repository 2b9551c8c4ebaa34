"""The pages of docs/ say what the sources say: every log event, counter and setting is described, nothing
is described that does not exist, and every link leads somewhere."""

import pathlib
import re
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
DOCS = TOP / "docs"

# Each program's page, and the folders whose code reads its settings.
PAGES = {
    "toastd.md": ["mta/master"],
    "smtpd.md": ["mta/smtpd"],
    "queued.md": ["mta/queue"],
    "remoted.md": ["mta/remote"],
    "maild.md": ["vdomain/maildir"],
    "vdomaind.md": ["vdomain"],
    "authd.md": ["auth"],
    "keyd.md": ["auth/keyd"],
    "spawnd.md": ["mta/spawn"],
    "pop3d.md": ["pop3d"],
    "toastctl.md": ["admin-cli"],
    "compat.md": ["mta/compat"],
}
PROGRAMS = {page.removesuffix(".md"): folders for page, folders in PAGES.items()}
HEADINGS = ["What it does", "What it talks to", "What it trusts", "Standards and deviations",
            "Settings", "Files", "Log events", "Failures as the operator sees them"]

NAME = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+"


def production_sources():
    for folder in ("base", "mta", "auth", "vdomain", "pop3d", "admin-cli"):
        for path in sorted((TOP / folder).rglob("*")):
            if path.suffix in (".cc", ".h") and not path.name.endswith("_fuzz.cc"):
                yield path


def without_comments(text):
    return re.sub(r"^\s*//.*$", "", text, flags=re.M)


def read(path):
    return without_comments(path.read_text())


def table_rows(text):
    """The cells of every table row whose first cell is one `name`."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) > 1 and re.fullmatch(r"`[^`]+`", cells[0]):
            yield [cells[0].strip("`")] + cells[1:]


def section(text, heading):
    match = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text, re.M | re.S)
    return match.group(1) if match else ""


def logged_events():
    """{event: set of severities}; a severity that is chosen while running counts as "any"."""
    events = {}
    call = re.compile(r"\blog(?:_|\(\))?(?:\.|->)(debug|info|warning|error|write)\(([^{;]*)")
    for path in production_sources():
        text = read(path)
        for severity, arguments in call.findall(text):
            names = re.findall(rf'"({NAME})"', arguments)
            if not names and re.match(r"\s*event\b", arguments):  # named in a variable before
                for statement in re.findall(r"\bevent =([^;]*);", text):
                    names += re.findall(rf'"({NAME})"', statement)
            if not names:
                raise AssertionError(f"{path}: a log call without the name of an event: {arguments!r}")
            for name in names:
                events.setdefault(name, set()).add("any" if severity == "write" else severity)
    return events


def metric_names():
    """{name: "counter" or "gauge"}"""
    names = {}
    for path in production_sources():
        for kind, name in re.findall(r'\.(counter|gauge)\("([^"]+)"\)', read(path)):
            names[name] = kind
    return names


def settings():
    """{name: (default as the page must begin with, unit)} of base/settings_registry.h."""
    factors = {"kDay": 86400, "kMiB": 1 << 20}
    found = {}
    line = re.compile(r'constexpr (\w+)Setting \w+\{"(\w+)", (kFromMe|"[^"]*"|[^,]+), (.*)\};')
    for kind, name, default, rest in line.findall((TOP / "base/settings_registry.h").read_text()):
        if kind in ("Integer", "Size", "Duration"):
            text = re.sub(r"(?<=\d)LL", "", default)
            if not re.fullmatch(r"[\w\s*<]+", text):
                raise AssertionError(f"cannot read the default of {name}: {default}")
            default = str(eval(text, {"__builtins__": {}}, factors))  # digits, names above, * and <<
            integer_unit = re.match(r'[^,]+, [^,]+, "(\w[\w ]*)"', rest)
            unit = {"Size": "bytes", "Duration": "seconds"}.get(kind) or integer_unit.group(1)
        else:
            unit = ""
            default = "the content of `me`" if default == "kFromMe" else default.strip('"')
            default = default.replace("\\n", " ") or "none"
        found[name] = (default, unit)
    return found


def settings_with_one_choice():
    """Nobody asks for their value; toastd refuses every other."""
    registry = (TOP / "base/settings_registry.h").read_text()
    choices = re.findall(r'ChoiceSetting \w+\{"(\w+)", "[^"]*", "([^"]*)"', registry)
    return {name for name, words in choices if "|" not in words}


def settings_for_a_restart():
    registry = (TOP / "base/settings_registry.h").read_text()
    return set(re.findall(r'constexpr \w+Setting (\w+)\{.*Applies::at_restart\};', registry))


def settings_read_in(folders):
    names = set()
    for path in production_sources():
        place = path.relative_to(TOP)
        if path.name == "settings_registry.h" or str(place.parent) not in folders:
            continue
        names |= set(re.findall(r"\bsetting::(\w+)", read(path)))
    return names


class LogEvents(unittest.TestCase):
    def setUp(self):
        text = (DOCS / "log-events.md").read_text()
        events, _, counters = text.partition("## Counters")
        self.events = {row[0]: row for row in table_rows(events)}
        self.event_rows = [row[0] for row in table_rows(events)]
        self.counters = {row[0]: row for row in table_rows(counters)}

    def test_the_sources_were_found(self):
        self.assertGreater(len(logged_events()), 50)
        self.assertGreater(len(metric_names()), 20)

    def test_every_event_is_described_and_every_described_event_exists(self):
        self.assertEqual(sorted(logged_events()), sorted(self.event_rows))

    def test_every_event_is_named_area_noun_verb(self):
        for name in logged_events():
            self.assertEqual(len(name.split(".")), 3, name)

    def test_why_is_always_called_reason(self):
        for path in production_sources():
            if path.is_relative_to(TOP / "admin-cli"):
                continue  # whose JSON answers have an "error"
            self.assertEqual(re.findall(r'\{"(?:why|error)",', read(path)), [], path)

    def test_every_event_has_its_severity_a_meaning_and_what_to_do(self):
        for name, severities in logged_events().items():
            row = self.events.get(name, [name])
            self.assertEqual(len(row), 4, row)
            self.assertTrue(all(row), row)
            if "any" not in severities:
                self.assertEqual(set(row[1].split(", ")), severities, name)

    def test_every_counter_is_described_with_its_kind(self):
        self.assertEqual(metric_names(), {name: row[1] for name, row in self.counters.items()})


class Settings(unittest.TestCase):
    def listed_on(self, page):
        return {row[0]: row for row in table_rows(section((DOCS / page).read_text(), "Settings"))}

    def test_the_registry_was_read_whole(self):
        registry = (TOP / "base/settings_registry.h").read_text()
        self.assertEqual(set(settings()), set(re.findall(r"&setting::(\w+)", registry)))
        self.assertGreater(len(settings()), 40)

    def test_every_setting_is_read_by_a_program(self):
        all_folders = {str(p.relative_to(TOP).parent) for p in production_sources()}
        self.assertEqual(set(settings()) - settings_read_in(all_folders),
                         settings_with_one_choice())

    def test_the_registry_names_the_programs_that_read_a_setting(self):
        registry = (TOP / "base/settings_registry.h").read_text()
        line = re.compile(r'constexpr \w+Setting (\w+)\{.*, "([a-z0-9 ]+)"(?:, Applies::at_restart)?\};')
        named = {name: set(readers.split()) for name, readers in line.findall(registry)}
        from_me = {name for name, (default, _) in settings().items() if "`me`" in default}
        found = {name: set() for name in settings()}
        for program, folders in PROGRAMS.items():
            read_there = settings_read_in(folders)
            if read_there & from_me:
                read_there.add("me")
            for name in read_there:
                found[name].add(program)
        for name in settings_with_one_choice():
            found[name].add("toastd")
        self.assertEqual(named, found)

    def test_each_page_lists_the_settings_that_its_program_reads(self):
        for page, folders in PAGES.items():
            with self.subTest(page=page):
                expected = settings_read_in(folders)
                if page == "toastd.md":
                    expected |= settings_with_one_choice()
                self.assertEqual(sorted(self.listed_on(page)), sorted(expected))

    def test_each_page_says_which_settings_want_a_restart(self):
        self.assertGreater(len(settings_for_a_restart()), 10)
        for page in PAGES:
            if page == "toastctl.md":  # its own reading is not a server's
                continue
            whole = section((DOCS / page).read_text(), "Settings")
            all_of_them = "All of these apply at a restart only" in whole
            for name, row in self.listed_on(page).items():
                with self.subTest(page=page, setting=name):
                    says = all_of_them or row[3].endswith("Applies at a restart.")
                    self.assertEqual(says, name in settings_for_a_restart())

    def test_defaults_and_units_are_those_of_the_registry(self):
        known = settings()
        for page in PAGES:
            for name, row in self.listed_on(page).items():
                with self.subTest(page=page, setting=name):
                    default, unit = known[name]
                    self.assertRegex(row[1], rf"^{re.escape(default)}(?: \(.*\))?$")
                    self.assertEqual(row[2], unit)


class Pages(unittest.TestCase):
    def test_every_program_page_has_the_same_headings(self):
        for page in PAGES:
            headings = re.findall(r"^## (.*)$", (DOCS / page).read_text(), re.M)
            self.assertEqual(headings, HEADINGS, page)

    def test_events_named_on_other_pages_exist(self):
        """`daemon.process.failed` in some page's prose is checked as well."""
        known = set(logged_events()) | set(metric_names())
        areas = {name.split(".")[0] for name in known}
        for page in sorted(DOCS.glob("*.md")):
            for name in re.findall(rf"`({NAME})`", page.read_text()):
                area, _, last = name.partition(".")
                if area not in areas or last in ("sock", "db", "md", "lock"):
                    continue
                self.assertIn(name, known, page.name)

    def test_links_lead_somewhere(self):
        for page in [TOP / "README.md", *sorted(DOCS.glob("*.md"))]:
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
                self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")


if __name__ == "__main__":
    unittest.main()
