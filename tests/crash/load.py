"""A bounded SMTP load over loopback whose every message can be accounted for.

Each attempt to send carries an id of its own and a digest of its body, so that afterwards one can say
of each: acknowledged or not, and how often it lies where, intact or not.
"""

import asyncio
import hashlib
import os
import random
import re


class Attempt:
    __slots__ = ("id", "recipient", "acknowledged")

    def __init__(self, number, recipient):
        self.id = f"id{number:08d}"
        self.recipient = recipient
        self.acknowledged = False


def message(attempt, size, seed):
    rng = random.Random(f"{seed}/{attempt.id}")
    # No line begins with a dot, so that no stuffing is needed.
    body = "\r\n".join("b" + "".join(rng.choices("abcdefghijklmnop .", k=70)).rstrip() + "x"
                       for _ in range(max(size // 72, 1)))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return (f"From: load@client.test\r\nX-Load: {attempt.id} {digest}\r\n"
            f"Subject: {attempt.id}\r\n\r\n{body}\r\n").encode()


class Load:
    """`messages` acknowledged deliveries, spread over `recipients`, from `connections` clients."""

    def __init__(self, address, recipients, messages, connections, size=2000, seed=1, patience=120):
        self.address = address
        self.recipients = recipients
        self.left = messages
        self.connections = connections
        self.size = size
        self.seed = seed
        self.patience = patience
        self.attempts = []
        self.answers = {}

    def run(self):
        asyncio.run(self._run())

    async def _run(self):
        async def clients():
            await asyncio.gather(*(self._client() for _ in range(self.connections)))
        await asyncio.wait_for(clients(), self.patience)

    def _next(self):
        number = len(self.attempts)
        recipient = self.recipients[number % len(self.recipients)]
        attempt = Attempt(number, recipient)
        self.attempts.append(attempt)
        return attempt

    async def _client(self):
        while self.left > 0:
            try:
                reader, writer = await asyncio.open_connection(*self.address)
            except OSError:
                await asyncio.sleep(0.02)  # the server is being restarted: call again, as a peer would
                continue
            try:
                await self._session(reader, writer)
            except (OSError, asyncio.IncompleteReadError, EOFError):
                pass  # the connection died: what was not acknowledged is sent again as a new attempt
            finally:
                writer.close()

    async def _reply(self, reader):
        while True:
            line = await reader.readline()
            if not line.endswith(b"\n"):
                raise EOFError
            if line[3:4] != b"-":
                return line

    async def _session(self, reader, writer):
        await self._reply(reader)
        writer.write(b"EHLO client.test\r\n")
        await self._reply(reader)
        while self.left > 0:
            self.left -= 1
            attempt = self._next()
            try:
                accepted = await self._send(reader, writer, attempt)
            except BaseException:
                self.left += 1
                raise
            if not accepted:
                self.left += 1
                return
        writer.write(b"QUIT\r\n")

    async def _send(self, reader, writer, attempt):
        for command in (b"MAIL FROM:<load@client.test>", f"RCPT TO:<{attempt.recipient}>".encode(),
                        b"DATA"):
            writer.write(command + b"\r\n")
            reply = await self._reply(reader)
            if reply[:1] not in (b"2", b"3"):
                return self._count(reply)
        writer.write(message(attempt, self.size, self.seed) + b".\r\n")
        reply = await self._reply(reader)
        attempt.acknowledged = reply.startswith(b"250")
        return attempt.acknowledged or self._count(reply)

    def _count(self, reply):
        """An unhappy answer: remembered by its code; the attempt has failed."""
        code = reply[:9].decode("ascii", "replace")
        self.answers[code] = self.answers.get(code, 0) + 1
        if reply[:1] == b"5":
            raise AssertionError(f"a permanent answer to good mail: {reply!r}")
        return False


def arrived(mail_root):
    """{id: [paths]} of every message of the load below mail_root, each checked against its digest."""
    found = {}
    damaged = []
    for folder, _, names in os.walk(mail_root):
        if os.path.basename(folder) not in ("new", "cur"):
            continue
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                content = file.read()
            head = re.search(rb"^X-Load: (id\d{8}) ([0-9a-f]{64})$", content, re.M)
            body = content.split(b"\n\n", 1)[-1]
            wire = body.replace(b"\n", b"\r\n").removesuffix(b"\r\n")
            if not head or hashlib.sha256(wire).hexdigest().encode() != head[2]:
                damaged.append(path)
                continue
            found.setdefault(head[1].decode(), []).append(path)
    return found, damaged


def account(attempts, found, damaged):
    """The four numbers that matter, as one line, and the lists behind them."""
    acknowledged = {a.id for a in attempts if a.acknowledged}
    lost = sorted(acknowledged - found.keys())
    twice = sorted(i for i, paths in found.items() if len(paths) > 1)
    unacknowledged = sum(1 for i in found if i not in acknowledged)
    line = (f"{len(attempts)} attempts, {len(acknowledged)} acknowledged, {len(found)} arrived: "
            f"{len(lost)} lost, {len(twice)} twice, {len(damaged)} damaged, "
            f"{unacknowledged} arrived although their 250 was cut off")
    return line, lost, twice
