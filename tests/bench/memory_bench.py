#!/usr/bin/env python3
"""Memory as the sum of PSS over all our programs: idle, with 5000 idle POP3 sessions (logged in), with
1000 idle SMTP connections."""

import os
import resource
import socket
import subprocess
import tempfile

from contenders import BIN, Toastmaster, save

POP3_SESSIONS = 5000
SMTP_CONNECTIONS = 1000


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
        before = toast.group.pss_megabytes()
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("".join(f"{u}@bench.test\n" for u in users))
            file.flush()
            idle = subprocess.Popen([os.path.join(BIN, "pop3_load"), str(toast.pop3_port), "0",
                                     str(POP3_SESSIONS), file.name, "bench", "idle"],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            if idle.stdout.readline().strip() != "idle":
                raise RuntimeError("the idle sessions could not be opened")
        results["pop3_mb"] = toast.group.pss_megabytes() - before
        idle.communicate()
        print(f"idle {results['idle_mb']:.1f} MB; {SMTP_CONNECTIONS} idle SMTP connections "
              f"+{results['smtp_mb']:.1f} MB; {POP3_SESSIONS} idle POP3 sessions "
              f"+{results['pop3_mb']:.1f} MB")
    finally:
        save("memory", results)
        toast.stop()


if __name__ == "__main__":
    main()
