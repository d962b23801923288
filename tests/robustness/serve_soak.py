#!/usr/bin/env python3
"""Does the memory of a server stay where it is? Many requests in a row, of all tasks.

    python tests/robustness/serve_soak.py --requests 10000

Some clients at a time ask the demo model's server for speech, text and conversions; every tenth leaves amidst its
answer, every tenth sends what is refused. Memory and open files count from the first fifth of the requests on; more
than 5 % on top, a request that fails, or one that is refused and should not be, is exit status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]

from gpa_mlx.model.demo import demo_samples  # noqa: E402
from tests.support.served import (  # noqa: E402
    Call,
    Server,
    conversion_call,
    request,
    serving,
    speech_call,
    transcription_call,
)

MAX_GROWTH = 0.05
CLIENTS = 8
SETTLED_FILES = 10
"""Descriptors that connections which are just ending may hold."""


def calls() -> list[Call]:
    """Return requests of all kinds, short ones."""
    found: list[Call] = []
    for seed, sample in enumerate(demo_samples()):
        recording = sample.file.read_bytes()
        found += [
            speech_call(sample.text, "awb", seed=seed),
            transcription_call(recording),
            conversion_call(recording, "awb", seed),
        ]
    return found


async def soak(server: Server, count: int) -> int:
    """Do so many requests; return the exit status."""
    kinds: Counter[str] = Counter()
    numbers, good = itertools.count(), itertools.cycle(calls())
    bad = Call("/v1/audio/speech", b'{"input": ""}')
    bar = asyncio.Event()
    levels: list[tuple[int, float, int]] = []

    async def client() -> None:
        while (number := next(numbers)) < count:
            if number % 10 == 3:
                answer = await request(server.host, server.port, bad)
                kinds["refused" if answer.status == 400 else f"{answer.status} instead of 400"] += 1
            else:
                call = next(good)
                leave_after = 1 if number % 10 == 7 else None
                answer = await request(server.host, server.port, call, leave_after=leave_after)
                is_well = answer.status == 200 and (leave_after is not None or answer.is_whole)
                kinds[("left" if leave_after else call.kind) if is_well else f"failed: {answer.status}"] += 1
            if number % max(count // 20, 1) == 0:
                levels.append((number, server.rss_mb, server.open_files))
                print(f"{number:7d} requests {levels[-1][1]:8.1f} MB {levels[-1][2]:4d} files", flush=True)
        bar.set()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    await bar.wait()
    await asyncio.sleep(1)
    (_, warm_mb, warm_files) = next(level for level in levels if level[0] >= count // 5)
    growth, files = server.rss_mb / warm_mb - 1, server.open_files
    print(", ".join(f"{number} {kind}" for kind, number in kinds.items()))
    print(f"memory {warm_mb:.1f} -> {server.rss_mb:.1f} MB ({100 * growth:+.1f} %), files {warm_files} -> {files}")
    failed = sum(number for kind, number in kinds.items() if "failed" in kind or "instead" in kind)
    return 1 if failed or growth > MAX_GROWTH or files > warm_files + SETTLED_FILES else 0


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    with serving("--model", "demo") as server:
        return asyncio.run(soak(server, parser.parse_args().requests))


if __name__ == "__main__":
    sys.exit(main())
