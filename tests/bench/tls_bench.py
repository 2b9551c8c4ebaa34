#!/usr/bin/env python3
"""Whole TLS 1.3 handshakes per second on port 465: our toast-smtpd, whose keys are in toast-keyd; the same
program with the key in its own process; Postfix. No session is resumed. They take turns, round by round, and
have the same certificate and key.

  tls_bench.py [--rounds 5] [--handshakes 3000] [--clients 8] [--key ec|rsa] [--apart]

--apart: the servers on one core, the load on another.
"""

import argparse
import os
import shutil
import subprocess
import tempfile

from contenders import BIN, Postfix, Toastmaster, keep_apart, median, on_other_core, save, toast_instance


class KeysInProcess(Toastmaster):
    """The same programs but for toast-smtpd, which signs by itself."""

    name = "keys in process"

    def __init__(self, mailboxes, pair):
        self.programs = tempfile.mkdtemp(prefix="toast-bench-bin-")
        os.chmod(self.programs, 0o755)
        for name in os.listdir(BIN):
            target = os.path.join(BIN, "smtpd_with_key" if name == "toast-smtpd" else name)
            if name == "toastd":  # it looks for the others beside itself
                shutil.copy(target, os.path.join(self.programs, name))
            else:
                os.symlink(os.path.abspath(target), os.path.join(self.programs, name))
        os.environ["TOAST_BENCH_KEY"] = pair[1]
        toast_instance.BIN, before = self.programs, toast_instance.BIN
        try:
            super().__init__(mailboxes)
        finally:
            toast_instance.BIN = before
            del os.environ["TOAST_BENCH_KEY"]

    def stop(self):
        super().stop()
        shutil.rmtree(self.programs)


def install(instance, pair):
    instance.ctl("tls", "install", "mx.example.test", "--cert", pair[0], "--key", pair[1])


def make_pair(folder, kind):
    """For the name of the instances, so that it takes the place of what init has made."""
    key, certificate = (os.path.join(folder, name) for name in ("key.pem", "cert.pem"))
    which = (["-newkey", "rsa:2048"] if kind == "rsa"
             else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
    subprocess.run(["openssl", "req", "-x509", *which, "-nodes", "-keyout", key, "-out", certificate, "-days", "90",
                    "-subj", "/CN=mx.example.test", "-addext", "subjectAltName=DNS:mx.example.test"],
                   check=True, capture_output=True)
    return certificate, key


def load(contender, clients, handshakes, apart):
    return float(subprocess.run(
        [os.path.join(BIN, "tls_load"), str(contender.smtps_port), str(clients), str(handshakes), "smtps"],
        check=True, capture_output=True, text=True, preexec_fn=on_other_core if apart else None).stdout)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--handshakes", type=int, default=3000)
    options.add_argument("--clients", type=int, default=8)
    options.add_argument("--key", choices=("ec", "rsa"), default="ec")
    options.add_argument("--apart", action="store_true")
    chosen = options.parse_args()
    if chosen.apart:
        keep_apart()
    folder = tempfile.mkdtemp(prefix="toast-bench-tls-")
    contenders, results = [], {}
    try:
        pair = make_pair(folder, chosen.key)
        ours = Toastmaster(["ann"])
        contenders.append(ours)
        contenders.append(KeysInProcess(["ann"], pair))
        for contender in contenders:
            install(contender.instance, pair)
        contenders.append(Postfix(["ann"], settings={"max_use": "1000"}, pair=pair))
        for contender in contenders:
            load(contender, chosen.clients, 100, chosen.apart)
        for number in range(chosen.rounds):
            order = contenders if number % 2 == 0 else contenders[::-1]
            for contender in order:
                cpu = contender.group.seconds()
                rate = load(contender, chosen.clients, chosen.handshakes, chosen.apart)
                cpu = (contender.group.seconds() - cpu) * 1000 / chosen.handshakes
                results.setdefault(contender.name, []).append({"per_s": rate, "cpu_ms": cpu})
        for contender in contenders:
            rates, cpus = ([r[key] for r in results[contender.name]] for key in ("per_s", "cpu_ms"))
            print(f"{contender.name:>16}: {median(rates):8.0f} /s   {median(cpus):6.3f} ms of CPU each")
        for other in contenders[1:]:
            ratios = [a["per_s"] / b["per_s"] for a, b in zip(results[ours.name], results[other.name])]
            print(f"with keyd : {other.name} = {median(ratios):.2f}  "
                  f"({', '.join(f'{r:.2f}' for r in ratios)})")
    finally:
        save(f"tls_{chosen.key}", results)
        for contender in contenders:
            contender.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
