#!/usr/bin/env python3
"""Memory as the sum of PSS over all our programs: idle, with 1000 idle SMTP connections, with 5000 idle
POP3 sessions that logged in one after another, the same under TLS, and in clear text all at one moment: at
once, and when heaps have been looked at."""

import json
import os
import resource
import socket
import subprocess
import tempfile
import time

from contenders import BIN, Toastmaster, save

POP3_SESSIONS = 5000
SMTP_CONNECTIONS = 1000
SETTLE = 15  # seconds; programs look at their heaps every 10


def open_sessions(port, users, mode, *tls):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("".join(f"{u}@bench.test\n" for u in users))
        file.flush()
        sessions = subprocess.Popen([os.path.join(BIN, "pop3_load"), str(port), "0",
                                     str(POP3_SESSIONS), file.name, "bench", mode, *tls],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if sessions.stdout.readline().strip() != "idle":
            raise RuntimeError("the sessions could not be opened")
    return sessions


def by_program(pids):
    sums = {}
    for pid in pids:
        with open(f"/proc/{pid}/comm") as comm, open(f"/proc/{pid}/smaps_rollup") as rollup:
            pss = sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
            name = comm.read().strip()
            sums[name] = round(sums.get(name, 0) + pss / 1024, 1)
    return sums


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # 6 000 descriptors and some are needed
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    users = [f"u{i}" for i in range(100)]
    toast = Toastmaster(users)
    results = {}
    try:
        results["idle_mb"] = toast.group.pss_megabytes()
        connections = []
        for _ in range(SMTP_CONNECTIONS):
            peer = socket.create_connection(("127.0.0.1", toast.smtp_port))
            peer.recv(512)
            peer.sendall(b"EHLO idle.test\r\n")
            peer.recv(512)
            connections.append(peer)
        results["smtp_mb"] = toast.group.pss_megabytes() - results["idle_mb"]
        for peer in connections:
            peer.close()
        time.sleep(SETTLE)
        # Last the moment when all log in together: what that leaves behind stays in the heaps.
        for name, port, *how in (("pop3_idle", toast.pop3_port, "idle"),
                                 ("pop3s_idle", toast.pop3s_port, "idle", "tls"),
                                 ("pop3_burst", toast.pop3_port, "burst")):
            before = toast.group.pss_megabytes()
            sessions = open_sessions(port, users, *how)
            results[f"{name}_at_once_mb"] = toast.group.pss_megabytes() - before
            time.sleep(SETTLE)
            results[f"{name}_mb"] = toast.group.pss_megabytes() - before
            results[f"{name}_by_program"] = by_program(toast.group.pids())
            sessions.communicate()
            time.sleep(SETTLE)
            results[f"{name}_left_mb"] = toast.group.pss_megabytes() - before
        print(json.dumps(results, indent=1))
    finally:
        save("memory", results)
        toast.stop()


if __name__ == "__main__":
    main()
