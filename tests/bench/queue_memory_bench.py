#!/usr/bin/env python3
"""What waiting mail costs: memory of toast-queued (PSS) for each queued recipient, and the time that a
start takes with a full queue. All of it is for other hosts, while outbound mail is paused.

  queue_memory_bench.py [--singles 200000] [--lists 20] [--start 1000000]
"""

import argparse
import json
import os
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
        names = os.listdir(os.path.join(queue.toast.instance.root, "queue"))
        note("files", {kind: sum(n.startswith(kind) for n in names)
                       for kind in ("segment", "spare", "checkpoint", "blob", "damaged")})
    finally:
        save("queue_memory", results)
        queue.toast.stop()


if __name__ == "__main__":
    main()
