"""A client that sends whatever it is told to, byte for byte, and a few sentences that tests share."""

import errno
import socket

from toast_instance import wait_until

ANN = "ann@example.test"
PASSWORD = "correct horse"
# Cheap password hashes and one process of each kind: its memory and its limits are then known.
QUICK = {"passwordopslimit": 1, "passwordmemlimit": 8192, "smtpprocesses": 1, "pop3processes": 1}


class Client:
    """One connection, without any manners of its own."""

    def __init__(self, address, receive_buffer=None, timeout=30):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.read_ahead = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_until_closed(self, data):
        """Sends what the server still takes: it may hang up before the end."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def end_of_input(self):
        """Nothing more comes from here. The server may have hung up already, and reset."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise

    def line(self):
        """The next line without its CRLF; empty when the server has closed."""
        while b"\n" not in self.read_ahead:
            more = self.receive()
            if not more:
                break
            self.read_ahead += more
        line, _, self.read_ahead = self.read_ahead.partition(b"\n")
        return line.rstrip(b"\r").decode("ascii", "replace")

    def receive(self):
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""

    def rest(self):
        """Every line up to the server's close; a server that does not close fails by timeout."""
        while more := self.receive():
            self.read_ahead += more
        lines = self.read_ahead.decode("ascii", "replace").split("\r\n")
        self.read_ahead = b""
        return [line for line in lines if line]

    def reply(self):
        """One SMTP reply: its last line."""
        line = self.line()
        while line[3:4] == "-":
            line = self.line()
        return line

    def ask(self, command):
        self.send(command if isinstance(command, bytes) else command.encode() + b"\r\n")
        return self.reply()


def smtp(instance, **options):
    """A connection that has said EHLO."""
    client = Client(instance.smtp, **options)
    client.reply()
    client.ask("EHLO client.example")
    return client


def transaction(instance, recipient=ANN, **options):
    """A connection whose next word is DATA."""
    client = smtp(instance, **options)
    for command in ("MAIL FROM:<bob@client.example>", f"RCPT TO:<{recipient}>"):
        answer = client.ask(command)
        if not answer.startswith("250"):
            client.socket.close()
            raise AssertionError(f"{command}: {answer}")
    return client


def message(marker, size=0):
    """A message that can be told from all others, as it goes over the wire, without the final dot."""
    line = b"x" * 70 + b"\r\n"
    return f"Subject: {marker}\r\n\r\n".encode() + line * (size // len(line)) + b"end\r\n"


def send(client, data):
    """DATA and its message: the answer to the final dot, or to DATA if that is refused."""
    answer = client.ask("DATA")
    return client.ask(data + b".\r\n") if answer.startswith("354") else answer


def submit(instance, marker, recipient=ANN, size=0):
    with transaction(instance, recipient) as client:
        return send(client, message(marker, size))


def log_in(instance, login=ANN, password=PASSWORD, **options):
    """The connection and the answer to PASS."""
    client = Client(instance.pop3, **options)
    client.line()
    client.ask(f"USER {login}")
    return client, client.ask(f"PASS {password}")


def take_mail(instance, login=ANN):
    """Every message in the mailbox, which is empty afterwards."""
    client, answer = log_in(instance, login)
    with client:
        if not answer.startswith("+OK"):
            raise AssertionError(f"PASS: {answer}")
        count = int(client.ask("STAT").split()[1])
        found = []
        for number in range(1, count + 1):
            answer = client.ask(f"RETR {number}")
            if not answer.startswith("+OK"):
                raise AssertionError(f"RETR: {answer}")
            lines = []
            while (line := client.line()) != ".":
                lines.append(line[1:] if line.startswith(".") else line)
            found.append("\n".join(lines) + "\n")
            client.ask(f"DELE {number}")
        client.ask("QUIT")
    return found


def subjects(mail):
    return sorted(line[9:] for text in mail for line in text.split("\n\n", 1)[0].split("\n")
                  if line.startswith("Subject: "))


def wait_for_subjects(instance, expected, login=ANN):
    """Waits until these messages and no others have come out; deletes them."""
    found = []

    def all_there():
        found.extend(take_mail(instance, login))
        return len(found) >= len(expected)
    wait_until(all_there, f"{len(expected)} messages in {login}", seconds=30)
    if subjects(found) != sorted(expected):
        raise AssertionError(f"expected {sorted(expected)}, found {subjects(found)}")
    return found


def still_works(instance, marker="still works"):
    """A message goes in and comes out, and nothing else does."""
    answer = submit(instance, marker)
    if not answer.startswith("250 2.6.0"):
        raise AssertionError(f"after the final dot: {answer}")
    wait_for_subjects(instance, [marker])


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
