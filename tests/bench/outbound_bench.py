#!/usr/bin/env python3
"""Outbound mail, side by side with Postfix: recipients per second from the first submission until the
last recipient is at a counting sink on loopback, and CPU per recipient. Contenders take turns, cell by
cell. Run as root: Postfix sees the name server of the test in a mount namespace of its own.

  relay    N messages to one relay
  domains  N messages to 1 000 domains, each with an MX host and an address of its own
  verp     one message to N recipients, each with its own sender, submitted locally
  dead     N messages to one relay, with 100 000 queued for dead hosts, against an empty queue (ours only)

  outbound_bench.py [--rounds 3] [--messages 10000] [--dead 100000] [--only relay,domains,verp,dead]
"""

import argparse
import json
import mmap
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from contenders import BIN, Postfix, Toastmaster, median, save

DOMAINS = 1000
SESSIONS = 20
MESSAGE_BYTES = 4096
NAME_SERVER = "127.0.0.53"  # port 53: /etc/resolv.conf has no other
PATIENCE = 600  # seconds for one cell


class Sink:
    """Counts what arrives; in a process of its own."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile()
        self.process = subprocess.Popen([os.path.join(BIN, "counting_sink"), self.file.name],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.counters = mmap.mmap(self.file.fileno(), 24, prot=mmap.PROT_READ)

    def counts(self):
        """messages, recipients, time of the last one in ns of the monotonic clock"""
        return struct.unpack("QQQ", self.counters[:24])

    def wait_for(self, recipients):
        """Until so many recipients have arrived in all; returns when the last one did."""
        deadline = time.monotonic() + PATIENCE
        while True:
            _, seen, last = self.counts()
            if seen >= recipients:
                return last
            if time.monotonic() > deadline:
                raise RuntimeError(f"{seen} of {recipients} recipients arrived")
            time.sleep(0.005)

    def stop(self):
        self.process.terminate()
        self.process.communicate()


class NameServer:
    """nsd with dN.live.test (N below DOMAINS): an MX host each, with its own address, all the sink's.
    The same for dead.test."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="toast-nsd-")
        for zone, network in (("live.test", 101), ("dead.test", 102)):
            with open(os.path.join(self.directory, zone), "w") as out:
                out.write(f"$ORIGIN {zone}.\n$TTL 3600\n@ SOA ns hostmaster 1 3600 600 86400 60\n"
                          "@ NS ns\nns A 127.0.0.1\n")
                for i in range(DOMAINS):
                    address = f"127.{network}.{i // 250}.{i % 250 + 1}"
                    out.write(f"d{i} MX 10 mx.d{i}\nmx.d{i} A {address}\n")
        with open(os.path.join(self.directory, "nsd.conf"), "w") as out:
            out.write(f"""server:
  ip-address: {NAME_SERVER}
  username: ""
  chroot: ""
  database: ""
  server-count: 1
  rrl-ratelimit: 0
  zonesdir: "{self.directory}"
  pidfile: "{self.directory}/nsd.pid"
  xfrdfile: "{self.directory}/xfrd.state"
  zonelistfile: "{self.directory}/zone.list"
  xfrdir: "{self.directory}"
remote-control:
  control-enable: no
zone:
  name: live.test
  zonefile: live.test
zone:
  name: dead.test
  zonefile: dead.test
""")
        self.process = subprocess.Popen(["nsd", "-d", "-c", f"{self.directory}/nsd.conf"],
                                        stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((NAME_SERVER, 53)).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class OutboundToast(Toastmaster):
    def __init__(self):
        self.sink = Sink()
        super().__init__(["u"], settings={
            "relaynetworks": "127.0.0.0/8",
            "queuehighwater": 100000000,
            "dnsservers": f"{NAME_SERVER}:53",
            # Nobody listens at port 1; all others go to their MX hosts at the sink's port.
            "smtproutes": f"relay.test:127.0.0.1:{self.sink.port}\n.dead.test::1\n::{self.sink.port}",
        })

    def inject_list(self, recipients):
        inject_list(self, recipients)

    def stop(self):
        super().stop()
        self.sink.stop()


class OutboundPostfix(Postfix):
    """Defaults for everything that delivers: 20 transactions with one destination, connections kept."""

    def __init__(self):
        self.sink = Sink()
        super().__init__(["u"], in_flow_delay="0", name_server=NAME_SERVER,
                         settings={"disable_dns_lookups": "no", "smtp_tcp_port": self.sink.port,
                                   "transport_maps": "hash:$config_directory/transport"},
                         maps={"transport": {"relay.test": f"smtp:[127.0.0.1]:{self.sink.port}"}})

    def inject_list(self, recipients):
        subprocess.run(["sendmail", "-C", self.config, "-XV", "-i", "-f", "list@bench.test",
                        *recipients], input=list_message(), check=True,
                       preexec_fn=self.group.enter)

    def stop(self):
        super().stop()
        self.sink.stop()


def inject_list(toast, recipients):
    """As ezmlm does it: one envelope with qmail's mark of a VERP sender."""
    envelope = "Flist-@bench.test-@[]\0" + "".join(f"T{r}\0" for r in recipients) + "\0"
    with tempfile.TemporaryFile() as content, tempfile.TemporaryFile() as addresses:
        content.write(list_message())
        addresses.write(envelope.encode())
        content.seek(0)
        addresses.seek(0)
        subprocess.run([os.path.join(BIN, "qmail-queue"), "--root", toast.instance.root],
                       stdin=content, stdout=addresses, check=True, preexec_fn=toast.group.enter)


def list_message():
    line = b"x" * 78 + b"\n"
    return b"From: list@bench.test\nSubject: post\n\n" + line * (MESSAGE_BYTES // len(line))


def mail_load(contender, messages, domain, domains, recipients=1, size=MESSAGE_BYTES):
    subprocess.run([os.path.join(BIN, "mail_load"), str(contender.smtp_port), str(SESSIONS),
                    str(messages), str(recipients), str(size), domain, str(domains)], check=True)


def run_cell(contender, cell, count):
    before = contender.sink.counts()[1]
    cpu = contender.group.seconds()
    start = time.monotonic_ns()
    if cell == "verp":
        contender.inject_list([f"r{i}@relay.test" for i in range(count)])
    elif cell == "domains":
        mail_load(contender, count, "live.test", DOMAINS)
    else:
        mail_load(contender, count, "relay.test", 0)
    submitted = time.monotonic_ns()
    last = contender.sink.wait_for(before + count)
    wait_until_calm(contender)
    cpu = contender.group.seconds() - cpu
    messages, recipients, _ = contender.sink.counts()
    if recipients != before + count:
        raise RuntimeError(f"{contender.name}: {recipients - before} recipients arrived of {count}")
    return {
        "recipients_per_s": count / ((last - start) / 1e9),
        "submitted_s": (submitted - start) / 1e9,
        "cpu_ms_per_recipient": cpu * 1000 / count,
    }


def wait_until_calm(contender, share=0.05, patience=PATIENCE):
    """Until its processes use no more than this share of a core."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        before = contender.group.seconds()
        time.sleep(0.5)
        if contender.group.seconds() - before < share * 0.5:
            return
    raise RuntimeError(f"{contender.name} does not come to rest")


def queue_for_dead_hosts(toast, count):
    mail_load(toast, count, "dead.test", DOMAINS, size=1024)
    wait_until_calm(toast)
    status = json.loads(toast.instance.ctl("status", "--json"))
    print(f"queued for dead hosts: {json.dumps(status.get('queue', status))[:300]}", flush=True)


def show(cell, results, ours, theirs):
    ratio = median([a["recipients_per_s"] / b["recipients_per_s"]
                    for a, b in zip(results[ours], results[theirs])])
    text = f"{cell:>8}: recipients/s"
    for name in (ours, theirs):
        text += f"  {name} {median([r['recipients_per_s'] for r in results[name]]):8.0f}"
    text += f"  ratio {ratio:5.2f}   CPU ms"
    for name in (ours, theirs):
        text += f"  {median([r['cpu_ms_per_recipient'] for r in results[name]]):.3f}"
    print(text, flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--messages", type=int, default=10000)
    options.add_argument("--dead", type=int, default=100000)
    options.add_argument("--only", default="relay,domains,verp,dead")
    chosen = options.parse_args()
    results = {}
    running = [NameServer()]
    try:
        cells = chosen.only.split(",")
        toast = OutboundToast()
        running.append(toast)
        if cells != ["dead"]:
            postfix = OutboundPostfix()
            running.append(postfix)
        for cell in cells:
            contenders = {"ours": toast}
            if cell == "dead":
                crowded = OutboundToast()
                running.append(crowded)
                queue_for_dead_hosts(crowded, chosen.dead)
                contenders = {"crowded": crowded, "empty": toast}
            else:
                contenders["Postfix"] = postfix
            results[cell] = {name: [] for name in contenders}
            for number in range(chosen.rounds):
                # Who comes second may find the disk busier: they change places.
                for name in list(contenders)[::-1 if number % 2 else 1]:
                    results[cell][name].append(run_cell(contenders[name], cell, chosen.messages))
            show(cell, results[cell], *contenders)
    finally:
        save("outbound", results)
        for one in reversed(running):
            one.stop()


if __name__ == "__main__":
    main()
