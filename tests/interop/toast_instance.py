"""A private, throw-away instance of Toastmaster for tests: made, started, stopped, removed.

Ports are looked for, never fixed, so that any number of tests and clones run side by side.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("TOAST_BIN", os.path.join(ROOT, "build", "release", "bin"))
LISTENER_OFFSETS = (25, 587, 465, 110, 995)


def free_port_base():
    """A base P whose listener ports (P+25, P+110, ...) nobody uses at this moment."""
    for _ in range(200):
        base = random.randrange(20000, 60000, 1000)
        held = []
        try:
            for offset in LISTENER_OFFSETS:
                probe = socket.socket()
                held.append(probe)
                probe.bind(("127.0.0.1", base + offset))
            return base
        except OSError:
            continue
        finally:
            for probe in held:
                probe.close()
    raise RuntimeError("no free block of ports on 127.0.0.1")


def program(name):
    return os.path.join(BIN, name)


class Instance:
    def __init__(self, hostname="mx.example.test", settings=None):
        self.directory = tempfile.mkdtemp(prefix="toast-")
        self.root = os.path.join(self.directory, "root")
        self.base = free_port_base()
        self.process = None
        self.log_path = os.path.join(self.directory, "log")
        self.ctl("init", "--hostname", hostname, "--unprivileged", "--port-base", str(self.base))
        for name, value in (settings or {}).items():
            with open(os.path.join(self.root, "control", name), "w") as control:
                control.write(f"{value}\n")

    # -- ports and paths
    @property
    def smtp(self):
        return ("127.0.0.1", self.base + 25)

    @property
    def pop3(self):
        return ("127.0.0.1", self.base + 110)

    def maildir(self, address):
        return json.loads(self.ctl("mailbox", "show", address, "--json"))["maildir"]

    # -- the admin command
    def ctl(self, *arguments, stdin="", check=True):
        done = subprocess.run(
            [program("toastctl"), "--root", self.root, *arguments],
            input=stdin, capture_output=True, text=True, timeout=600)
        if check and done.returncode != 0:
            raise RuntimeError(f"toastctl {' '.join(arguments)}: exit {done.returncode}\n"
                               f"{done.stdout}{done.stderr}")
        return done.stdout if check else done

    def add_mailbox(self, address, password="correct horse", *options):
        self.ctl("mailbox", "add", address, *options, "--password-stdin", stdin=password + "\n")

    # -- life
    def start(self, wait=30, under=()):
        """`under`: a command that runs toastd in its place, such as setpriv."""
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [*under, program("toastd"), "--root", self.root, "--unprivileged"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        log.close()
        os.set_blocking(self.process.stdout.fileno(), False)
        deadline = time.monotonic() + wait
        seen = b""
        while time.monotonic() < deadline:
            seen += self.process.stdout.read() or b""
            if b"toastd: ready" in seen:
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        raise RuntimeError(f"toastd did not become ready:\n{self.log()[-4000:]}")

    def children(self):
        """{program name: [pids]} of this instance's programs."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as stat:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
                if parent != self.process.pid:
                    continue
                name = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
            except (OSError, ValueError, IndexError):
                continue
            found.setdefault(name, []).append(int(pid))
        return found

    def stop(self, wait=20):
        if not self.process:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(wait)
        self.process.stdout.close()
        self.process = None
        return code

    def reload(self):
        done = self.log().count("toastd.reload.done")
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log().count("toastd.reload.done") > done, "the reload")

    def kill_all(self):
        """kill -9 of toastd and every program of this instance, as a power cut would."""
        pids = [pid for group in self.children().values() for pid in group]
        self.process.kill()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def log(self):
        try:
            with open(self.log_path, errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def remove(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind is not None:
            sys.stderr.write(f"--- the instance's log ---\n{self.log()[-6000:]}\n")
        self.remove()


def wait_until(condition, what, seconds=60):
    """Polls `condition` until it is true; fails the test when it does not become so in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}")
