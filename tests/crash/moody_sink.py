"""An SMTP server that misbehaves as real ones do, and remembers what it took.

Each connection draws its mood: it may refuse for now, hang up at any step (also between the end of a
message and the reply), stall, or be good. Recipients whose names begin with "refused" are refused for
good, always. What it took is written down before the reply is sent: `Taken` says whether one was.
Every connection ends after a few messages, so that there are many.
"""

import asyncio
import hashlib
import random
import re
import threading
import time
from dataclasses import dataclass

from mixed_load import failed_recipients

LIMIT = 1 << 20  # of a line; the messages' own lines are far shorter
# Mood and weight. A step is where it happens: the greeting, a command, the body, or behind the dot.
MOODS = {"good": 38, "drop": 26, "defer-rcpt": 10, "defer-dot": 8, "stall": 10, "defer-greeting": 3,
         "leave": 5}
STEPS = ("connect", "EHLO", "MAIL", "RCPT", "DATA", "body", "dot", "dot", "dot")
PATIENCE = 12  # messages over one connection, at most
IDENTITY = re.compile(rb"^X-Load: (id\d{8}) ([0-9a-f]{64})\r$", re.M)


@dataclass
class Taken:
    """One message for one recipient. A host may get it again after a reply it did not hear."""
    id: str
    recipient: str
    began: float  # MAIL
    said: float   # the moment of the reply, or of hanging up in its place
    acknowledged: bool
    intact: bool
    failed: tuple = ()    # of a bounce: the id of the message and a recipient, each


class Dropped(Exception):
    pass


class Sink:
    """Serves in a thread of its own, at a port of its own."""

    def __init__(self, name, offers, seed):
        self.name = name
        self.offers = offers
        self.seed = seed
        self.moody = True
        self.connections = 0
        self.taken = []       # appended by its thread, read when all is over
        self.moods_met = {}
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait(10)

    def _serve(self, ready):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(
            asyncio.start_server(self._connection, "127.0.0.1", 0, limit=LIMIT))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()
        server.close()
        sessions = asyncio.all_tasks(self.loop)
        for session in sessions:
            session.cancel()
        self.loop.run_until_complete(asyncio.gather(*sessions, return_exceptions=True))
        self.loop.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    async def _connection(self, reader, writer):
        self.connections += 1
        rng = random.Random(f"{self.seed}/{self.name}/{self.connections}")
        mood = rng.choices(list(MOODS), MOODS.values())[0] if self.moody else "good"
        self.moods_met[mood] = self.moods_met.get(mood, 0) + 1
        try:
            await Session(self, reader, writer, mood, rng).run()
        except (Dropped, OSError, asyncio.IncompleteReadError, EOFError):
            pass
        finally:
            writer.transport.abort() if mood == "drop" and rng.random() < 0.5 else writer.close()


class Session:
    def __init__(self, sink, reader, writer, mood, rng):
        self.sink = sink
        self.reader = reader
        self.writer = writer
        self.mood = mood
        self.rng = rng
        # The mood shows at this step, the n-th time it comes.
        self.step = rng.choice(STEPS)
        self.countdown = rng.choice((1, 1, 2, 3, 5))
        self.patience = rng.randint(1, PATIENCE)
        self.recipients = []
        self.began = 0.0

    def say(self, line):
        self.writer.write(line.encode() + b"\r\n")

    async def at(self, step):
        """True when the mood is to show here."""
        if step != self.step or self.mood not in ("drop", "stall", "leave"):
            return
        self.countdown -= 1
        if self.countdown != 0:
            return
        if self.mood == "stall":
            await asyncio.sleep(self.rng.uniform(0.1, 1.0))
            return
        if self.mood == "leave":
            self.say("421 4.3.2 going down")
        raise Dropped

    async def run(self):
        await self.at("connect")
        if self.mood == "defer-greeting":
            self.say("421 4.3.2 come back later")
            return
        self.say(f"220 {self.sink.name} ESMTP")
        while True:
            line = await self.reader.readline()
            if not line.endswith(b"\r\n"):
                raise EOFError
            verb = line[:4].decode("ascii", "replace").upper()
            if verb == "QUIT":
                self.say("221 bye")
                return
            answer = getattr(self, "do_" + verb.lower().strip(), None)
            if answer is None:
                self.say("502 5.5.1 what?")
            else:
                await answer(line.decode("ascii", "replace").strip())
            await self.writer.drain()

    async def do_ehlo(self, _):
        await self.at("EHLO")
        self.say("250-" + self.sink.name)
        for offer in self.sink.offers:
            self.say("250-" + offer)
        self.say("250 HELP")

    async def do_mail(self, _):
        await self.at("MAIL")
        self.patience -= 1
        if self.patience < 0:
            self.say("421 4.3.2 enough for today")
            raise Dropped
        self.recipients = []
        self.began = time.time()
        self.say("250 2.1.0 ok")

    async def do_rset(self, _):
        self.recipients = []
        self.say("250 2.0.0 ok")

    async def do_rcpt(self, line):
        await self.at("RCPT")
        recipient = line.split("<", 1)[1].split(">", 1)[0]
        if recipient.startswith("refused"):
            self.say("550 5.1.1 no such user here")
        elif self.mood == "defer-rcpt" and self.rng.random() < 0.5:
            self.say("450 4.2.1 mailbox busy")
        else:
            self.recipients.append(recipient)
            self.say("250 2.1.5 ok")

    async def do_data(self, _):
        await self.at("DATA")
        if not self.recipients:
            self.say("503 5.5.1 nobody to send it to")
            return
        self.say("354 go ahead")
        await self.writer.drain()
        lines = []
        while True:
            line = await self.reader.readline()
            if not line.endswith(b"\n"):
                raise EOFError
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
            if len(lines) == 10:
                await self.at("body")
        await self.take(b"".join(lines))

    async def do_bdat(self, line):
        words = line.split()
        content = await self.reader.readexactly(int(words[1]))
        if len(words) != 3 or words[2].upper() != "LAST" or not self.recipients:
            self.say("503 5.5.1 one chunk, and somebody to send it to")
            return
        await self.at("body")
        await self.take(content)

    def identify(self, content, recipient):
        head = IDENTITY.search(content)
        header, _, body = content.partition(b"\r\n\r\n")
        if not head:
            return "?", recipient, self.began, 0.0, False, False
        identity = head[1].decode()
        if b"\r\nContent-Type: multipart/report" not in header:
            intact = hashlib.sha256(body).hexdigest().encode() == head[2]
            return identity, recipient, self.began, 0.0, False, intact
        failed = tuple((identity, who) for who in failed_recipients(content))
        own = re.search(rb"(?m)^Message-ID: (.*)\r$", header)[1].decode()
        return own, recipient, self.began, 0.0, False, bool(failed), failed

    async def take(self, content):
        if self.mood == "defer-dot" and self.rng.random() < 0.7:
            self.say("451 4.3.0 not now")
            self.recipients = []
            return
        took = [Taken(*self.identify(content, r)) for r in self.recipients]
        self.recipients = []
        self.sink.taken += took
        try:
            await self.at("dot")
        except Dropped:
            for one in took:
                one.said = time.time()
            raise
        for one in took:
            one.acknowledged = True
            one.said = time.time()
        self.say("250 2.0.0 taken")
