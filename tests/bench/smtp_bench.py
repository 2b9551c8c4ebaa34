#!/usr/bin/env python3
"""Inbound SMTP into Maildirs, side by side with Postfix: messages per second until the file is in new/,
acceptance, CPU per message. Load: Postfix's own smtp-source. Contenders take turns, cell by cell. What was
delivered stays until the end: ext4 without a journal looks long for an inode after many deletions.

  smtp_bench.py [--rounds 3] [--messages 4000] [--only 10,50]
"""

import argparse
import subprocess
import time

from contenders import Postfix, Toastmaster, arrival_watch, median, save

MAILBOXES = 10000


def run_cell(contender, sessions, messages, recipients=1):
    """One run of smtp-source. It prefixes a number to the recipient: 1u@bench.test, 2u@..."""
    expected = messages * recipients
    watcher = arrival_watch(contender.new_directories(), expected)
    cpu = contender.group.seconds()
    start = time.monotonic_ns()
    subprocess.run(["smtp-source", "-s", str(sessions), "-m", str(messages), "-l", "4096", "-d",
                    "-N", "-r", str(recipients), "-f", "load@client.test", "-t", "u@bench.test",
                    f"inet:127.0.0.1:{contender.smtp_port}"], check=True)
    accepted = time.monotonic_ns()
    seen, last = map(int, watcher.stdout.readline().split())
    watcher.wait()
    if seen < expected:
        raise RuntimeError(f"{contender.name}: {seen} of {expected} arrived")
    cpu = contender.group.seconds() - cpu
    return {
        "delivered_per_s": expected / ((last - start) / 1e9),
        "accepted_per_s": messages / ((accepted - start) / 1e9),
        "cpu_ms_per_delivery": cpu * 1000 / expected,
    }


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--messages", type=int, default=4000)
    options.add_argument("--only", default="10,50,200,list")
    chosen = options.parse_args()
    mailboxes = [f"{i}u" for i in range(MAILBOXES)]
    contenders = []
    results = {}
    try:
        for make in (Toastmaster, Postfix):
            contenders.append(make(mailboxes))
        for cell in chosen.only.split(","):
            for _ in range(chosen.rounds):
                for contender in contenders:
                    if cell == "list":
                        got = run_cell(contender, 10, chosen.messages // 50, recipients=50)
                    else:
                        got = run_cell(contender, int(cell), chosen.messages)
                    results.setdefault(cell, {}).setdefault(contender.name, []).append(got)
            ours, theirs = results[cell]["Toastmaster"], results[cell]["Postfix"]
            ratio = median([a["delivered_per_s"] / b["delivered_per_s"] for a, b in zip(ours, theirs)])
            print(f"{cell:>5} sessions: delivered/s ours "
                  f"{median([r['delivered_per_s'] for r in ours]):8.0f}  Postfix "
                  f"{median([r['delivered_per_s'] for r in theirs]):8.0f}  ratio {ratio:5.2f}   "
                  f"accepted/s ours {median([r['accepted_per_s'] for r in ours]):8.0f}   CPU ms ours "
                  f"{median([r['cpu_ms_per_delivery'] for r in ours]):.3f}  Postfix "
                  f"{median([r['cpu_ms_per_delivery'] for r in theirs]):.3f}", flush=True)
    finally:
        save("smtp", results)
        for contender in contenders:
            contender.stop()


if __name__ == "__main__":
    main()
