#!/usr/bin/env python3
"""What guessing costs those who have a password: POP3 logins per second with and without 10 000 guesses a
minute beside them, in turns.

  auth_bench.py [--rounds 5] [--seconds 6] [--addresses 100] [--guesses 10000]

Each guess is a connection of its own, from one of so many addresses in 127.64.0.0/10, at a real or an invented
name. With few addresses the throttle soon answers most of them; with thousands it does not, and each costs a hash.
The servers have one core, guesses and logins the other."""

import argparse
import asyncio
import multiprocessing
import os
import random
import subprocess
import tempfile
import time

from contenders import BIN, Toastmaster, keep_apart, median, on_other_core, save

USERS = 50
DEFAULT_COST = {"passwordopslimit": 2, "passwordmemlimit": 19 << 20}


async def guess(port, address, name):
    """The answer's first word, or why there is none."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    except OSError as error:
        return type(error).__name__
    try:
        await reader.readline()
        writer.write(f"USER {name}\r\nPASS guess{random.random()}\r\n".encode())
        await reader.readline()
        answer = await reader.readline()
        return answer.decode().strip()
    except OSError as error:
        return type(error).__name__
    finally:
        writer.close()


async def keep_guessing(port, addresses, per_second, stop, told):
    answers, running = {}, set()

    async def one(number):
        address = f"127.{64 + number % addresses // 65536}.{number % addresses // 256 % 256}.{number % addresses % 256}"
        name = f"u{random.randrange(USERS)}" if number % 2 else f"nobody{number}"
        answer = await guess(port, address, f"{name}@bench.test")
        answers[answer] = answers.get(answer, 0) + 1
    begun = time.monotonic()
    made = 0
    while not stop.is_set():
        while made < (time.monotonic() - begun) * per_second:
            task = asyncio.create_task(one(random.randrange(1 << 22)))
            running.add(task)
            task.add_done_callback(running.discard)
            made += 1
        await asyncio.sleep(0.005)
    for task in running:
        task.cancel()
    told.put((made, answers))


def guesser(*arguments):
    on_other_core()
    os.nice(10)  # it is there to cost the server time, not the logins' client, with which it shares a core
    asyncio.run(keep_guessing(*arguments))


def logins_per_second(contender, sessions):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("".join(f"u{i}@bench.test\n" for i in range(USERS)))
        file.flush()
        return float(subprocess.run([os.path.join(BIN, "pop3_load"), str(contender.pop3_port), "8", str(sessions),
                                     file.name, "bench", "login"], check=True, capture_output=True, text=True,
                                    preexec_fn=on_other_core).stdout)


def wait_until_idle(contender):
    """Checks that were waiting when a round of guesses ended would slow the next round's logins without guesses."""
    authd = next(pid for pid in contender.group.pids() if open(f"/proc/{pid}/comm").read().startswith("toast-authd"))

    def used():
        fields = open(f"/proc/{authd}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    before = used()
    while True:
        time.sleep(0.5)
        now = used()
        if now - before <= 1:  # hundredths of a second
            return
        before = now


def compare_rates(contender, chosen):
    rate = logins_per_second(contender, 2000)
    sessions = int(rate * chosen.seconds)
    rounds, seen = [], {}
    for _ in range(chosen.rounds):
        wait_until_idle(contender)
        quiet = logins_per_second(contender, sessions)
        told, stop = multiprocessing.Queue(), multiprocessing.Event()
        beside = multiprocessing.Process(target=guesser, args=(
            contender.pop3_port, chosen.addresses, chosen.guesses / 60, stop, told))
        beside.start()
        time.sleep(1)  # they are at it
        busy = logins_per_second(contender, sessions)
        stop.set()
        made, answers = told.get()
        beside.join()
        for answer, count in answers.items():
            seen[answer] = seen.get(answer, 0) + count
        rounds.append({"quiet": quiet, "busy": busy, "guesses": made})
        print(f"logins/s: alone {quiet:7.0f}, beside guesses {busy:7.0f}: {busy / quiet:5.2f}", flush=True)
    print(f"median of the ratios {median([r['busy'] / r['quiet'] for r in rounds]):.2f};"
          f" {chosen.addresses} addresses; answers {seen}", flush=True)
    return rounds


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=6)
    options.add_argument("--addresses", type=int, default=100)
    options.add_argument("--guesses", type=int, default=10000, help="a minute")
    chosen = options.parse_args()
    keep_apart()
    contender = Toastmaster([f"u{i}" for i in range(USERS)], settings=DEFAULT_COST)
    results = {}
    try:
        logins_per_second(contender, 2 * USERS)  # fills the cache of verified passwords
        results["guesses"] = compare_rates(contender, chosen)
    finally:
        save("auth", results)
        contender.stop()


if __name__ == "__main__":
    main()
