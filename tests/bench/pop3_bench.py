#!/usr/bin/env python3
"""POP3 side by side with Dovecot at its best: logins per second, and STAT + LIST + UIDL on a large
mailbox, first visit and later. The password hash of ours is at its default cost here.

  pop3_bench.py [--rounds 3] [--sessions 2000] [--messages 20000] [--tls] [--apart]

--apart: the servers on one core, the load on another. With --tls over port 995: a whole handshake for each session, none is resumed; P-256 on both sides.
"""

import argparse
import os
import shutil
import subprocess
import tempfile

from contenders import BIN, Dovecot, Toastmaster, fill_maildir, instance_pair, keep_apart, median, on_other_core, save

USERS = 100


with_tls = apart = False


def load(contender, clients, sessions, users, mode):
    port = contender.pop3s_port if with_tls else contender.pop3_port
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("".join(f"{u}@bench.test\n" for u in users))
        file.flush()
        out = subprocess.run(
            [os.path.join(BIN, "pop3_load"), str(port), str(clients), str(sessions), file.name,
             "bench", mode, *(["tls"] if with_tls else [])],
            check=True, capture_output=True, text=True,
            preexec_fn=on_other_core if apart else None).stdout
    return [float(line) for line in out.split()]


def forget_indexes(path):
    """What a server remembers of a mailbox beside the mail itself: the next visit is the first."""
    for name in os.listdir(path):
        if name not in ("tmp", "new", "cur"):
            target = os.path.join(path, name)
            shutil.rmtree(target) if os.path.isdir(target) else os.unlink(target)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--sessions", type=int, default=2000)
    options.add_argument("--messages", type=int, default=20000)
    options.add_argument("--tls", action="store_true")
    options.add_argument("--apart", action="store_true")
    chosen = options.parse_args()
    global with_tls, apart
    with_tls, apart = chosen.tls, chosen.apart
    if apart:
        keep_apart()
    users = [f"u{i}" for i in range(USERS)]
    # Two hash settings fewer than the default: accounts are made with the cost that logins pay.
    contenders = []
    results = {}
    try:
        contenders.append(Toastmaster(users + ["big"]))
        pair = instance_pair(contenders[0]) if with_tls else None
        contenders.append(Dovecot(users + ["big"], pair=pair))
        for contender in contenders:
            owner = getattr(contender, "owner", None)
            for user in users:
                fill_maildir(contender.maildirs[user], 5, 2000, owner)
            fill_maildir(contender.maildirs["big"], chosen.messages, 2000, owner)
            load(contender, 4, 2 * USERS, users, "login")  # fills both caches of verified passwords
        for _ in range(chosen.rounds):
            for contender in contenders:
                cpu = contender.group.seconds()
                rate = load(contender, 20, chosen.sessions, users, "login")[0]
                cpu = (contender.group.seconds() - cpu) * 1000 / chosen.sessions
                forget_indexes(contender.maildirs["big"])
                first = load(contender, 1, 1, ["big"], "listing")[0]
                later = median(load(contender, 1, 5, ["big"], "listing"))
                results.setdefault(contender.name, []).append(
                    {"logins_per_s": rate, "cpu_ms": cpu, "first_ms": first, "later_ms": later})
        ours, theirs = results["Toastmaster"], results["Dovecot"]
        for key, better in (("logins_per_s", 1), ("cpu_ms", -1), ("first_ms", -1), ("later_ms", -1)):
            a, b = median([r[key] for r in ours]), median([r[key] for r in theirs])
            print(f"{key:>14}: ours {a:10.2f}   Dovecot {b:10.2f}   "
                  f"{(a / b if better > 0 else b / a):6.2f} times as good", flush=True)
    finally:
        save("pop3s" if with_tls else "pop3", results)
        for contender in contenders:
            contender.stop()


if __name__ == "__main__":
    main()
