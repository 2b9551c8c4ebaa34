"""Mail hosts as nobody wants them, each on a port of its own, and a small name server."""

import socket
import struct
import threading


def unused_port(kind=socket.SOCK_STREAM):
    """Where nothing listens."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Host:
    """Runs `script(connection)` for every connection; `messages` has what was taken."""

    def __init__(self, script, address="127.0.0.1", port=0):
        self.script = script
        self.messages = []
        self.connections = 0
        self.listener = socket.create_server((address, port))
        self.address, self.port = self.listener.getsockname()[:2]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client):
        client.settimeout(60)
        try:
            with client:
                self.script(Connection(client, self.messages))
        except OSError:
            pass  # the other side had enough of it

    def close(self):
        self.listener.close()


class Connection:
    def __init__(self, client, messages):
        self.client = client
        self.lines = client.makefile("rb")
        self.messages = messages

    def say(self, text):
        self.client.sendall(text if isinstance(text, bytes) else text.encode() + b"\r\n")

    def hear(self):
        line = self.lines.readline()
        if not line:
            raise ConnectionError
        return line.rstrip(b"\r\n").decode("ascii", "replace")

    def until(self, verb):
        """Greets and answers 250 to all before `verb`, which it returns unanswered."""
        self.say("220 rude.test")
        while not (line := self.hear()).upper().startswith(verb):
            self.say("250 ok")
        return line

    def content(self):
        self.say("354 go ahead")
        found = []
        while (line := self.lines.readline()) != b".\r\n":
            if not line:
                raise ConnectionError
            found.append(line)
        return b"".join(found)

    def wait_for_hang_up(self):
        """Says nothing more, for a minute."""
        while self.client.recv(65536):
            pass


def good(connection):
    connection.say("220 good.test")
    while (line := connection.hear().upper()) != "QUIT":
        if line == "DATA":
            connection.messages.append(connection.content())
        connection.say("250 2.0.0 ok")
    connection.say("221 bye")


def endless_lines(connection):
    connection.say("220 rude.test")
    connection.hear()
    while True:
        connection.say(b"250-and one more thing\r\n" * 100)


def line_without_end(connection):
    while True:
        connection.say(b"2" * 65536)


def megabyte_reply(connection):
    connection.until("MAIL")
    connection.say((b"250-" + b"blah " * 14 + b"\r\n") * (1 << 20 >> 6) + b"250 ok\r\n")
    connection.wait_for_hang_up()


def never_answers_the_dot(connection):
    connection.until("DATA")
    connection.content()
    connection.wait_for_hang_up()


def never_greets(connection):
    connection.wait_for_hang_up()


def goes_at_once(connection):
    connection.say("421 4.3.2 too many connections")


def refuses_at_once(connection):
    connection.say("554 5.7.1 your address is on a list")
    connection.hear()


def closes_in_the_middle(connection):
    connection.until("DATA")
    connection.say("354 go ahead")
    for _ in range(100):
        connection.lines.readline()


def speaks_something_else(connection):
    connection.say("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n")
    connection.wait_for_hang_up()


class NameServer:
    """Answers from a table {(name, type): [values]}; what is not in it does not exist. What is too long
    for UDP is had over TCP."""

    TYPES = {"A": 1, "CNAME": 5, "MX": 15}
    LONGEST_DATAGRAM = 1232

    def __init__(self, records):
        self.records = records
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        self.asked = self.asked_over_tcp = 0
        threading.Thread(target=self._serve, daemon=True).start()
        threading.Thread(target=self._serve_tcp, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(4096)
                self.asked += 1
                if self.records is None:  # it hears and says nothing
                    continue
                answer = self._answer(question)
                if len(answer) > self.LONGEST_DATAGRAM:
                    answer = question[:2] + struct.pack("!HHHHH", 0x8780, 1, 0, 0, 0) + self._question(question)
                self.socket.sendto(answer, peer)
            except OSError:
                return

    def _serve_tcp(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, client.makefile("rwb") as stream:
                while len(size := stream.read(2)) == 2:
                    self.asked_over_tcp += 1
                    answer = self._answer(stream.read(struct.unpack("!H", size)[0]))
                    stream.write(struct.pack("!H", len(answer)) + answer)
                    stream.flush()

    @staticmethod
    def _name(text):
        return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\0"

    @staticmethod
    def _question(question):
        at = 12
        while question[at]:
            at += question[at] + 1
        return question[12:at + 5]

    def _answer(self, question):
        asked = self._question(question)
        labels, at = [], 0
        while asked[at]:
            labels.append(asked[at + 1:at + 1 + asked[at]].decode("ascii", "replace"))
            at += asked[at] + 1
        kind = struct.unpack("!H", asked[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        answers = []
        for (owner, type_name), values in self.records.items():
            if owner == name and self.TYPES[type_name] in (kind, 5):
                answers += [(self.TYPES[type_name], self._data(type_name, value)) for value in values]
        known = any(owner == name or owner.endswith("." + name) for owner, _ in self.records)
        out = question[:2] + struct.pack("!HHHHH", 0x8580 if known else 0x8583, 1, len(answers), 0, 0)
        out += asked
        for number, data in answers:
            out += b"\xc0\x0c" + struct.pack("!HHIH", number, 1, 60, len(data)) + data
        return out

    def _data(self, kind, value):
        if kind == "A":
            return socket.inet_aton(value)
        if kind == "MX":
            preference, host = value
            return struct.pack("!H", preference) + self._name(host)
        return self._name(value)

    def close(self):
        self.socket.close()
        self.listener.close()
