#!/usr/bin/env python3
"""Clients that hang, vanish and send rubbish, and a server that is killed: do the others get their answers?

    python tests/robustness/serve_chaos.py --requests 1000 --kills 10

A supervisor starts the server of the demo model again whenever it ends, as launchd and systemd do. Good clients ask all
the while, and again when the connection is broken; meanwhile others

- connect and say nothing, or half a head, or half a body, and stay;
- leave amidst a body, or amidst an answer;
- send heads, bodies, forms and recordings of random bytes.

Exit status 1 when a good client gets a wrong answer, no answer in time, or when the server ends by itself, answers
rubbish with a status of 500 or above, or says a traceback, or runs jobs in the end that nobody waits for.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]

from gpa_mlx.model.demo import demo_samples  # noqa: E402
from tests.support.served import (  # noqa: E402
    Call,
    Server,
    conversion_call,
    form_call,
    head_of,
    request,
    speech_call,
    transcription_call,
)

GOOD_CLIENTS, BAD_CLIENTS = 4, 6
PATIENCE_S = 120.0
"""How long a good client tries to get one answer, restarts included."""


class Supervised:
    """A server that is started again when it ends, always on the same port."""

    def __init__(self, home: str) -> None:
        self.server = Server("--model", "demo", environment={"GPA_MLX_HOME": home})
        self.server.start()
        self.kills = self.crashes = 0
        self._is_killed = False

    async def watch(self) -> None:
        """Start it again, for ever."""
        while True:
            await asyncio.sleep(0.05)
            if self.server.process.poll() is not None:
                self.crashes += 0 if self._is_killed else 1
                self._is_killed = False
                await asyncio.to_thread(self.server.start)

    def kill(self) -> None:
        """End it at once."""
        self._is_killed = True
        self.kills += 1
        self.server.process.kill()


def good_calls() -> list[Call]:
    """Return requests that must be answered."""
    found: list[Call] = []
    for seed, sample in enumerate(demo_samples()):
        recording = sample.file.read_bytes()
        found += [
            transcription_call(recording),
            speech_call(sample.text, "awb", seed=seed),
            conversion_call(recording, "awb", seed),
        ]
    return found


async def insist(server: Server, call: Call, tell: Counter[str]) -> bool:
    """Ask until there is a whole answer; return whether one came in time."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        answer = await request(server.host, server.port, call, timeout_s=PATIENCE_S)
        if answer.status == 200 and answer.is_whole:
            is_right = call.kind != "transcribe" or b"transcript.text.done" in answer.body
            tell[call.kind if is_right else "wrong"] += 1
            return is_right
        if answer.status not in (0, 200, 429, 503):
            tell[f"wrong: {answer.status} {answer.body[:100]!r}"] += 1
            return False
        tell["asked again"] += 1
        await asyncio.sleep(0.2)
    tell["wrong: no answer"] += 1
    return False


async def misbehave(server: Server, chance: random.Random, tell: Counter[str]) -> None:
    """Do one of the things that clients must not do."""
    noise = chance.randbytes(chance.randrange(1, 5000))
    wave = bytearray(demo_samples()[0].file.read_bytes())
    for _ in range(chance.randrange(1, 200)):
        wave[chance.randrange(len(wave))] = chance.randrange(256)
    call = chance.choice(
        [
            Call("/v1/audio/speech", noise),
            Call("/v1/audio/speech", b'{"input": "go", "voice": {"card": "' + noise.hex().encode() + b'"}}'),
            form_call("/v1/audio/transcriptions", noise, "", stream=chance.choice(["true", "false"])),
            form_call("/v1/audio/transcriptions", bytes(wave), "", response_format="verbose_json"),
            form_call("/v1/audio/conversions", bytes(wave), "", voice="awb"),
            Call("/v1/audio/transcriptions", noise, "multipart/form-data; boundary=x"),
            Call(f"/v1/voices/{noise[:20].hex()}/card"),
        ]
    )
    content = head_of(call, server.host, server.port) + (call.body or b"")
    way = chance.choice(["rubbish", "rubbish", "hang", "half", "leave", "leave amidst", "no http"])
    tell[way] += 1
    if way == "rubbish":
        answer = await request(server.host, server.port, call, timeout_s=PATIENCE_S)
        if answer.status >= 500 and answer.status != 503:
            tell[f"wrong: {answer.status} for {call.path} {answer.body[:100]!r}"] += 1
        return
    with contextlib.suppress(OSError, TimeoutError):
        if way == "leave amidst":
            good = chance.choice(good_calls())
            await request(server.host, server.port, good, leave_after=1, timeout_s=PATIENCE_S)
            return
        _, writer = await asyncio.open_connection(server.host, server.port)
        some = {"hang": 0, "half": len(content) // 2, "leave": max(len(content) - 1, 1), "no http": 0}[way]
        writer.write(os.urandom(300) if way == "no http" else content[:some])
        await writer.drain()
        if way in ("hang", "half"):
            await asyncio.sleep(chance.uniform(0.2, 5))
        writer.transport.abort()


async def chaos(count: int, kills: int, seed: int) -> int:
    """Do so many good requests amidst bad ones; return the exit status."""
    tell: Counter[str] = Counter()
    numbers, calls = itertools.count(1), itertools.cycle(good_calls())
    every = count // (kills + 1) if kills else count + 1
    with tempfile.TemporaryDirectory() as home:
        supervised = Supervised(home)
        server = supervised.server
        watching = asyncio.create_task(supervised.watch())

        async def good() -> None:
            while (number := next(numbers)) <= count:
                await insist(server, next(calls), tell)
                if number % every == 0 and supervised.kills < kills:
                    supervised.kill()
                if number % 100 == 0:
                    print(f"{number:6d} {server.rss_mb:7.1f} MB {server.open_files:4d} files", flush=True)

        async def bad(number: int) -> None:
            chance = random.Random(seed * 100 + number)
            while True:
                await misbehave(server, chance, tell)
                await asyncio.sleep(0.02)

        bads = [asyncio.create_task(bad(number)) for number in range(BAD_CLIENTS)]
        await asyncio.gather(*(good() for _ in range(GOOD_CLIENTS)))
        for task in bads:
            task.cancel()
        await asyncio.gather(*bads, return_exceptions=True)
        running = await _left_running(server)
        watching.cancel()
        code = await asyncio.to_thread(server.stop)
    tracebacks = server.said.count(b"Traceback")
    if tracebacks:
        print(server.said[-6000:].decode(errors="replace"))
    for what, number in sorted(tell.items()):
        print(f"{number:7d} {what}")
    ended = f"{running} jobs left, {tracebacks} tracebacks, ended with {code}"
    print(f"{supervised.kills} kills, {supervised.crashes} crashes, {ended}")
    wrong = sum(number for what, number in tell.items() if what.startswith("wrong"))
    return 1 if wrong or supervised.crashes or running or tracebacks or code not in (0, 143) else 0


async def _left_running(server: Server) -> int:
    """Return how many jobs still run a while after the last client has gone."""
    running = 0
    for _ in range(100):
        answer = await request(server.host, server.port, Call("/v1/status"))
        running = answer.json()["running"] + answer.json()["waiting"] if answer.status == 200 else -1
        if running == 0:
            break
        await asyncio.sleep(0.1)
    return running


def main() -> int:
    """Print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000, help="good ones")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    return asyncio.run(chaos(arguments.requests, arguments.kills, arguments.seed))


if __name__ == "__main__":
    sys.exit(main())
