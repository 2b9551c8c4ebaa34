"""A Galera cluster of a test's own: three MariaDB servers on this machine, each with its folder and ports."""

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile

from toast_instance import wait_until

PROVIDER = "/usr/lib/galera/libgalera_smm.so"
# How soon a node that was killed is given up. Ten times Galera's own haste: the machine is busy, the
# network is not.
TIMEOUTS = ("evs.keepalive_period=PT0.3S;evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;"
            "evs.inactive_check_period=PT0.3S")


def free_ports(count):
    """Below the range that the kernel gives to clients: a node that comes back needs its own again."""
    held = []
    try:
        for port in random.sample(range(12000, 20000), 2000):
            probe = socket.socket()
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                probe.close()
                continue
            held.append(probe)
            if len(held) == count:
                return [one.getsockname()[1] for one in held]
        raise RuntimeError("no free ports on 127.0.0.1")
    finally:
        for one in held:
            one.close()


class Node:
    def __init__(self, number):
        self.name = f"n{number}"
        self.folder = tempfile.mkdtemp(prefix=f"toast-galera-{self.name}-")
        self.socket = os.path.join(self.folder, "s")
        self.port, self.group, self.increments, self.transfer = free_ports(4)
        self.process = None
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.user())
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data",
                        "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
                        f"--user={self.user()}"], check=True, capture_output=True, timeout=120)

    @staticmethod
    def user():
        """Never root: rsync's server, by which a node gets its data, would become nobody."""
        return "mysql" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.port}"

    def start(self, peers, new_cluster=False):
        address = "gcomm://" + ",".join(f"127.0.0.1:{node.group}" for node in peers)
        options = (f"gmcast.listen_addr=tcp://127.0.0.1:{self.group};ist.recv_addr=127.0.0.1:{self.increments};"
                   f"gcache.size=16M;{TIMEOUTS}")
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                ["mariadbd", "--no-defaults", f"--user={self.user()}", f"--datadir={self.folder}/data",
                 f"--socket={self.socket}", f"--pid-file={self.folder}/pid", "--bind-address=127.0.0.1",
                 f"--port={self.port}", "--skip-name-resolve", "--binlog-format=ROW",
                 "--default-storage-engine=InnoDB", "--innodb-autoinc-lock-mode=2",
                 "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M",
                 "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync",
                 "--character-set-server=utf8mb4", "--wsrep-on=ON", f"--wsrep-provider={PROVIDER}",
                 f"--wsrep-cluster-address={address}", f"--wsrep-node-name={self.name}",
                 f"--wsrep-node-address=127.0.0.1:{self.group}", "--wsrep-sst-method=rsync",
                 f"--wsrep-sst-receive-address=127.0.0.1:{self.transfer}",
                 f"--wsrep-provider-options={options}", *(["--wsrep-new-cluster"] if new_cluster else [])],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def is_synced(self):
        done = self.run("SHOW STATUS LIKE 'wsrep_local_state_comment'", check=False)
        return done.returncode == 0 and "Synced" in done.stdout

    def wait_until_synced(self):
        try:
            wait_until(self.is_synced, f"{self.name} is synced", seconds=60)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()[-4000:]}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def run(self, sql, check=True):
        done = subprocess.run(["mariadb", "--no-defaults", "-S", self.socket, "-uroot", "-N", "-B"],
                              input=sql, capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: {sql}: {done.stderr}")
        return done

    def log(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as log:
            return log.read()

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class GaleraCluster:
    def __init__(self):
        self.nodes = [Node(number) for number in (1, 2, 3)]

    def start(self):
        for node in self.nodes:
            node.start(self.nodes, new_cluster=node is self.nodes[0])
            node.wait_until_synced()

    def bring_back(self, *nodes):
        for node in nodes:
            node.start(self.nodes)
        for node in nodes:
            node.wait_until_synced()

    def size(self):
        done = self.nodes[0].run("SHOW STATUS LIKE 'wsrep_cluster_size'")
        return int(done.stdout.split()[1])

    def remove(self):
        for node in self.nodes:
            node.remove()
