#!/usr/bin/env python3
"""Can a guesser tell by the clock why a login was refused? authd is asked directly, over run/checkpassword.sock,
because front ends delay refusals anyway.

  auth_timing_bench.py [--samples 400] [--seed 1] [--cheap] [--cram]

One question at a time, of the kinds in random order: each kind's times are compared with those of a wrong password by
a rank test (Mann-Whitney, two-sided, normal approximation), and by the difference of the medians. --cheap: with the
cheapest hash, so that what argon2id's scatter hides can be seen. --cram: by CRAM-MD5 over submission, from the
digest to its refusal, which smtpd does not delay. Nothing else should run on the machine."""

import argparse
import base64
import collections
import hmac
import math
import os
import random
import re
import smtplib
import socket
import ssl
import statistics
import struct
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
from toast_instance import Instance, wait_until  # noqa: E402

ACCOUNTS = 20  # of each kind, so that none stands for all
CHECK_LOGIN, POP3, REFUSED = 40, 0, 1  # auth/checkpassword_messages.h


class Asker:
    """One connection to authd, as toast-checkpassword has it."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.calls = 0

    def receive(self, size):
        got = b""
        while len(got) < size:
            block = self.socket.recv(size - len(got))
            if not block:
                raise ConnectionError("authd hung up")
            got += block
        return got

    def microseconds(self, login, password, peer):
        def text(value):
            return struct.pack("<I", len(value)) + value.encode()
        payload = bytes([POP3]) + text(login) + text(password) + text(peer)
        self.calls += 1
        frame = struct.pack("<IIHBB", len(payload), self.calls, CHECK_LOGIN, 0, 0) + payload
        begun = time.perf_counter_ns()
        self.socket.sendall(frame)
        length, call, _, kind, _ = struct.unpack("<IIHBB", self.receive(12))
        reply = self.receive(length)
        taken = (time.perf_counter_ns() - begun) / 1000
        if kind != 1 or call != self.calls or reply[0] != REFUSED:
            raise RuntimeError(f"{login}: not refused: {kind} {reply}")
        return taken


class CramAsker:
    """A connection to submission for each question."""

    def __init__(self, address):
        self.address = address
        self.tls = ssl._create_unverified_context()

    def microseconds(self, login, password, peer):
        with smtplib.SMTP_SSL(*self.address, timeout=30, context=self.tls) as client:
            client.ehlo()
            code, challenge = client.docmd("AUTH", "CRAM-MD5")
            digest = hmac.digest(password.encode(), base64.b64decode(challenge), "md5").hex()
            response = base64.b64encode(f"{login} {digest}".encode()).decode()
            begun = time.perf_counter_ns()
            code, text = client.docmd(response)
            taken = (time.perf_counter_ns() - begun) / 1000
        if code != 535:
            raise RuntimeError(f"{login}: not refused: {code} {text}")
        return taken


def keep_passwords(mail, logins):
    """So that there is something to compare a digest with."""
    mail.ctl("mailbox", "set", "--reversible=on", *logins)
    tls = ssl._create_unverified_context()
    for login in logins:
        with smtplib.SMTP_SSL("127.0.0.1", mail.base + 465, timeout=30, context=tls) as client:
            client.ehlo()
            client.user, client.password = login, "the right one"
            client.auth("PLAIN", client.auth_plain)
    wait_until(lambda: mail.log().count("auth.reversible.kept") == len(logins), "they are kept")


def make_accounts(mail):
    """{kind: who to log in as, by number}"""
    for domain in ("open.test", "shut.test"):
        mail.ctl("domain", "add", domain)
    names = {"wrong password": "right", "locked account": "under", "service off": "other", "": "plain"}
    with tempfile.NamedTemporaryFile("w") as password:
        password.write("the right one\n")
        password.flush()
        for label in names.values():
            mail.ctl("mailbox", "add", "-", "--password-file", password.name, "--quiet",
                     stdin="".join(f"{label}{i:02}@open.test\n" for i in range(ACCOUNTS)))
        mail.ctl("mailbox", "add", "-", "--password-file", password.name, "--quiet",
                 stdin="".join(f"right{i:02}@shut.test\n" for i in range(ACCOUNTS)))
    mail.ctl("mailbox", "set", "--pop3=off", *(f"other{i:02}@open.test" for i in range(ACCOUNTS)))
    mail.ctl("domain", "set", "shut.test", "--suspend", "login")
    for i in range(ACCOUNTS):
        mail.ctl("account", "lock", f"under{i:02}@open.test", "--keep-app-passwords", check=False)
    kinds = {kind: lambda i, label=label: f"{label}{i % ACCOUNTS:02}@open.test" for kind, label in names.items()}
    del kinds[""]
    kinds["again wrong password"] = kinds["wrong password"]  # what the test says of two that are the same
    kinds["suspended domain"] = lambda i: f"right{i % ACCOUNTS:02}@shut.test"
    kinds["unknown user"] = lambda i: f"nobod{i % ACCOUNTS:02}@open.test"
    kinds["unknown domain"] = lambda i: f"nobod{i % ACCOUNTS:02}@none.test"
    return kinds


def rank_test(one, other):
    """The two-sided p-value that both are of one distribution, and how often one of `one` is above one of `other`."""
    ordered = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    rank_sum = sum(place + 1 for place, (_, group) in enumerate(ordered) if group == 0)  # nanoseconds: ties are rare
    u = rank_sum - len(one) * (len(one) + 1) / 2
    mean = len(one) * len(other) / 2
    deviation = math.sqrt(len(one) * len(other) * (len(one) + len(other) + 1) / 12)
    return math.erfc(abs(u - mean) / deviation / math.sqrt(2)), u / (len(one) * len(other))


def measure(asker, kinds, samples, order):
    rounds = [kind for kind in kinds for _ in range(samples)]
    order.shuffle(rounds)
    taken = {kind: [] for kind in kinds}
    for number, kind in enumerate(rounds):
        # A new password each time: the same question would be answered by the work of the one before.
        taken[kind].append(asker.microseconds(kinds[kind](number), f"guess {number} {order.random()}",
                                              f"127.{number >> 16}.{number >> 8 & 255}.{number & 255}"))
    return taken


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--samples", type=int, default=400, help="of each kind")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--cheap", action="store_true")
    options.add_argument("--cram", action="store_true")
    chosen = options.parse_args()
    settings = {"authfailureslimit": 10000, "authcram": "yes" if chosen.cram else "no"}
    if chosen.cheap:
        settings.update(passwordopslimit=1, passwordmemlimit=8192)
    mail = Instance(settings=settings)
    try:
        kinds = make_accounts(mail)
        mail.start()
        asker = Asker(os.path.join(mail.root, "run", "checkpassword.sock"))
        if chosen.cram:
            keep_passwords(mail, [f"right{i:02}@open.test" for i in range(ACCOUNTS)])
            mail.ctl("mailbox", "set", "--smtp=off", *(f"other{i:02}@open.test" for i in range(ACCOUNTS)))
            kinds["nothing is kept"] = lambda i: f"plain{i % ACCOUNTS:02}@open.test"
            asker = CramAsker(("127.0.0.1", mail.base + 465))
        order = random.Random(chosen.seed)
        measure(asker, kinds, 5, order)  # warms it up
        taken = measure(asker, kinds, chosen.samples, order)
        reasons = collections.Counter(re.findall(r"auth.login.refused.* reason=(\w+)", mail.log()))
    finally:
        mail.remove()
    print("reasons in the log:", dict(reasons))
    base = taken["wrong password"]
    print(f"{'kind':22} {'median us':>10} {'mean us':>10} {'to wrong password':>18} {'above':>6} {'p':>7}")
    for kind, times in taken.items():
        p, above = rank_test(times, base)
        difference = statistics.median(times) - statistics.median(base)
        print(f"{kind:22} {statistics.median(times):10.1f} {statistics.fmean(times):10.1f} {difference:+18.1f}"
              f" {above:6.3f} {p:7.3f}")


if __name__ == "__main__":
    main()
