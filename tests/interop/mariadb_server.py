"""A MariaDB server of a test's own: in a temporary folder, on a unix socket, for any user."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile

from toast_instance import wait_until


class MariadbServer:
    def __init__(self, *arguments):
        """`arguments` of mariadbd, which take precedence over its usual ones here; without any it listens
        on its socket only."""
        self.arguments = arguments or ("--skip-networking",)
        self.folder = tempfile.mkdtemp(prefix="toast-mariadb-")
        self.socket = os.path.join(self.folder, "s")
        self.process = None
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data",
                        "--auth-root-authentication-method=normal", "--skip-test-db",
                        "--skip-name-resolve", f"--user={self.user()}"],
                       check=True, capture_output=True, timeout=120)
        self.start()

    @staticmethod
    def user():
        return pwd.getpwuid(os.geteuid()).pw_name

    def start(self):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                ["mariadbd", "--no-defaults", f"--user={self.user()}", f"--datadir={self.folder}/data",
                 f"--socket={self.socket}", f"--pid-file={self.folder}/pid",
                 "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M",
                 "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync",
                 "--character-set-server=utf8mb4", *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.run("SELECT 1", check=False).returncode == 0, "mariadbd answers", seconds=60)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def run(self, sql, check=True):
        done = subprocess.run(["mariadb", "--no-defaults", "-S", self.socket, "-uroot", "-N", "-B"],
                              input=sql, capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise RuntimeError(f"{sql}: {done.stderr}")
        return done

    def remove(self):
        self.resume()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
