"""Mail to some recipients here and some elsewhere in one transaction, and the account of it: for each
recipient of each acknowledged message where it is now.
"""

import asyncio
import email
import hashlib
import os
import random
import re

LARGE = 300 * 1024  # beyond what the queue keeps in memory: a file of its own, passed as a descriptor


class Message:
    def __init__(self, number, sender):
        self.id = f"id{number:08d}"
        self.sender = sender
        self.recipients = []  # those that were accepted
        self.acknowledged = False


def content(message, seed):
    """As it goes over the wire, before dots are doubled."""
    rng = random.Random(f"{seed}/{message.id}")
    size = LARGE if rng.random() < 0.03 else rng.randrange(0, 12000)
    body = bytearray()
    while len(body) < size:
        line = bytes(rng.choices(b"abcdefg .\xc3\xa4", k=rng.randrange(0, 75)))
        body += rng.choice((b"", b"", b".", b"..")) + line + b"\r\n"
    digest = hashlib.sha256(body).hexdigest()
    return (f"From: <{message.sender}>\r\nMessage-ID: <{message.id}@load.test>\r\n"
            f"X-Load: {message.id} {digest}\r\nSubject: {message.id}\r\n\r\n").encode() + bytes(body)


class MixedLoad:
    """Clients that send until they are told to end, with a breath between two messages."""

    def __init__(self, address, senders, recipients, seed, clients=6, pause=0.1):
        self.address = address
        self.senders = senders
        self.recipients = recipients
        self.rng = random.Random(f"{seed}/load")
        self.seed = seed
        self.clients = clients
        self.pause = pause
        self.messages = []
        self.answers = {}
        self.ending = False
        self.failure = None

    def run(self):
        try:
            asyncio.run(self._run())
        except AssertionError as failure:  # reported by the test, in its own thread
            self.failure = failure

    async def _run(self):
        await asyncio.gather(*(self._client() for _ in range(self.clients)))

    async def _client(self):
        while not self.ending:
            try:
                reader, writer = await asyncio.open_connection(*self.address)
            except OSError:
                await asyncio.sleep(0.05)  # being restarted
                continue
            try:
                await asyncio.wait_for(self._session(reader, writer), 120)
            except (OSError, EOFError, asyncio.IncompleteReadError):
                pass  # what was not acknowledged is nobody's loss
            finally:
                writer.close()
            await asyncio.sleep(self.pause)

    @staticmethod
    async def _reply(reader):
        while True:
            line = await reader.readline()
            if not line.endswith(b"\n"):
                raise EOFError
            if line[3:4] != b"-":
                return line

    async def _ask(self, reader, writer, line):
        writer.write(line)
        reply = await self._reply(reader)
        if reply[:1] == b"5":
            raise AssertionError(f"a permanent answer to good mail: {line[:60]!r}: {reply!r}")
        if reply[:1] == b"4":
            code = reply[:9].decode("ascii", "replace")
            self.answers[code] = self.answers.get(code, 0) + 1
            return False
        return True

    async def _session(self, reader, writer):
        await self._reply(reader)
        await self._ask(reader, writer, b"EHLO client.test\r\n")
        while not self.ending:
            message = Message(len(self.messages), self.rng.choice(self.senders))
            self.messages.append(message)
            wanted = self.rng.sample(self.recipients, self.rng.randint(1, 5))
            if not await self._send(reader, writer, message, wanted):
                return
            await asyncio.sleep(self.rng.uniform(0, 2 * self.pause))
        writer.write(b"QUIT\r\n")

    async def _send(self, reader, writer, message, wanted):
        if not await self._ask(reader, writer, f"MAIL FROM:<{message.sender}> BODY=8BITMIME\r\n".encode()):
            return False
        for recipient in wanted:
            if await self._ask(reader, writer, f"RCPT TO:<{recipient}>\r\n".encode()):
                message.recipients.append(recipient)
        if not message.recipients or not await self._ask(reader, writer, b"DATA\r\n"):
            return False
        wire = content(message, self.seed)
        wire = re.sub(rb"(?m)^\.", b"..", wire)
        message.acknowledged = await self._ask(reader, writer, wire + b".\r\n")
        return message.acknowledged


class Mailboxes:
    """What lies in the Maildirs: `found` {(id, address): [paths]}, `bounced` the same for failed
    recipients, by who was told; `damaged` and `strange` paths."""

    IDENTITY = re.compile(rb"^X-Load: (id\d{8}) ([0-9a-f]{64})$", re.M)

    def __init__(self, maildirs):
        self.found, self.bounced, self.damaged, self.strange = {}, {}, [], []
        for address, maildir in maildirs.items():
            for folder in ("new", "cur"):
                path = os.path.join(maildir, folder)
                for name in os.listdir(path) if os.path.isdir(path) else ():
                    self._read(address, os.path.join(path, name))

    def _read(self, address, path):
        with open(path, "rb") as file:
            text = file.read()
        head = self.IDENTITY.search(text)
        if not head:
            self.strange.append(path)
        elif b"Content-Type: multipart/report" in text.split(b"\n\n", 1)[0]:
            for recipient in failed_recipients(text):
                self.bounced.setdefault((head[1].decode(), recipient), []).append((address, path))
        else:
            body = text.split(b"\n\n", 1)[-1].replace(b"\n", b"\r\n")
            if hashlib.sha256(body).hexdigest().encode() != head[2]:
                self.damaged.append(path)
            self.found.setdefault((head[1].decode(), address), []).append(path)


def failed_recipients(text):
    for part in email.message_from_bytes(text).walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for group in part.get_payload():
            if group.get("Action") == "failed":
                yield group["Final-Recipient"].split(";", 1)[1].strip()
