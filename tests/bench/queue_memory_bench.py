#!/usr/bin/env python3
"""What waiting mail costs: memory of toast-queued (PSS) for each queued recipient, and the time that a
start and the operator's commands take with a full queue, and how long a client waits for its 250 meanwhile. All of
it is for other hosts, while outbound mail is paused.

  queue_memory_bench.py [--singles 200000] [--lists 20] [--start 1000000]
"""

import argparse
import json
import os
import smtplib
import statistics
import threading
import time

from contenders import Toastmaster, save
from outbound_bench import DOMAINS, inject_list, mail_load

LIST_RECIPIENTS = 10000
SETTLE = 15  # seconds; programs look at their heaps every 10


def queued_pss(toast):
    (pid,) = toast.instance.children()["toast-queued"]
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return 1024 * sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))


def queued_messages(toast):
    return json.loads(toast.instance.ctl("status", "--json"))["queue"]["messages"]


# Each looks at every message; those that change something, at every hundredth of them.
COMMANDS = {
    "list": ("list", "--limit", "10"),
    "list, nothing found": ("list", "--why", "no such words"),
    "top by domain": ("top",),
    "top by sender": ("top", "--by", "sender"),
    "destinations": ("destinations",),
    "hold": ("hold", "--domain", "d12?.live.test"),
    "list held": ("list", "--held", "--limit", "10"),
    "release": ("release", "--domain", "d12?.live.test"),
    "retry": ("retry", "--domain", "d13?.live.test"),
    "delete": ("delete", "--domain", "d14?.live.test", "--yes"),
}


class Client(threading.Thread):
    """Sends one message after the other; how long each waited for its 250."""

    def __init__(self, toast):
        super().__init__(daemon=True)
        self.address = toast.instance.smtp
        self.taken = []
        self.going_on = True

    def run(self):
        while self.going_on:
            self.send_some()

    def send_some(self):
        with smtplib.SMTP(*self.address, timeout=60) as smtp:
            for _ in range(100):
                if not self.going_on:
                    return
                start = time.monotonic()
                smtp.sendmail("client@relay.test", ["someone@later.test"], "Subject: x\r\n\r\nx\r\n")
                self.taken.append(time.monotonic() - start)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.going_on = False
        self.join()

    def ms(self):
        return {"median_ms": 1000 * statistics.median(self.taken), "worst_ms": 1000 * max(self.taken)}


class Queue:
    """An instance that sends nothing, and what it holds."""

    def __init__(self):
        self.toast = Toastmaster(["u"], settings={
            "relaynetworks": "127.0.0.0/8", "queuehighwater": 100000000,
            "smtproutes": "relay.test:127.0.0.1:1\n::1"})
        self.toast.instance.ctl("pause", "outbound")
        self.messages = 0

    def measure(self, fill, recipients):
        """Bytes for each of the recipients that `fill` adds."""
        time.sleep(SETTLE)
        before = queued_pss(self.toast)
        self.messages += fill(self.toast)
        at_once = queued_pss(self.toast)
        time.sleep(SETTLE)
        after = queued_pss(self.toast)
        if queued_messages(self.toast) != self.messages:
            raise RuntimeError(f"not {self.messages} messages: {queued_messages(self.toast)}")
        return {"bytes_per_recipient": (after - before) / recipients,
                "at_once": (at_once - before) / recipients}

    def restart(self):
        """Seconds from the start of toastd until it says that it is ready; then memory."""
        self.toast.instance.stop(wait=600)
        start = time.monotonic()
        self.toast.instance.start(wait=600)
        seconds = time.monotonic() - start
        time.sleep(SETTLE)
        if queued_messages(self.toast) != self.messages:
            raise RuntimeError("messages are missing after the restart")
        return {"start_s": seconds, "queued_mb": queued_pss(self.toast) / 1e6}


    def command(self, words, seconds=0):
        """One command, or nothing for so long, and what a client sees meanwhile."""
        with Client(self.toast) as client:
            start = time.monotonic()
            answer = self.toast.instance.ctl("queue", *words) if words else time.sleep(seconds)
            taken = time.monotonic() - start
        return {"s": taken, "answer": (answer or "").strip().splitlines()[-1:], **client.ms()}


def singles(count):
    def fill(toast):
        mail_load(toast, count, "live.test", DOMAINS, size=500)
        return count
    return fill


def lists(count):
    def fill(toast):
        for number in range(count):
            inject_list(toast, [f"r{number}.{i}@relay.test" for i in range(LIST_RECIPIENTS)])
        return count
    return fill


def main():
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--singles", type=int, default=200000)
    options.add_argument("--lists", type=int, default=20)
    options.add_argument("--start", type=int, default=1000000)
    chosen = options.parse_args()
    results = {}

    def note(name, value):
        results[name] = value
        print(f"{name}: {json.dumps(value)}", flush=True)

    queue = Queue()
    try:
        note("lists", queue.measure(lists(chosen.lists), chosen.lists * LIST_RECIPIENTS))
        note("lists_restarted", queue.restart())
        note("singles", queue.measure(singles(chosen.singles), chosen.singles))
        note("singles_restarted", queue.restart())
        if chosen.start > queue.messages:
            begun = time.monotonic()
            queue.messages += singles(chosen.start - queue.messages)(queue.toast)
            note("filled_s", time.monotonic() - begun)
            note("full_restarted", queue.restart())
        note("command: none", queue.command((), seconds=5))
        for name, words in COMMANDS.items():
            note(f"command: {name}", queue.command(words))
        names = os.listdir(os.path.join(queue.toast.instance.root, "queue"))
        note("files", {kind: sum(n.startswith(kind) for n in names)
                       for kind in ("segment", "spare", "checkpoint", "blob", "damaged")})
    finally:
        save("queue_memory", results)
        queue.toast.stop()


if __name__ == "__main__":
    main()
