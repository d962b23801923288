#!/usr/bin/env python3
"""How fast does a server answer 1, 5, 10 ... clients at once? The tables of GPA's own page, for `gpa-mlx serve`.

    python tests/bench/serve_load.py --task speak --clients 1,5,10,20,40,80,160
    python tests/bench/serve_load.py --model DIR --task speak --clients 1,16 --requests 3 --rounds 1 --sound 2

Starts a server of the demo model, or of `--model`, on a free port. So many clients ask at the same time, each again as
soon as it has its answer (a closed loop), until `--requests` are answered, `--rounds` for each client at least. Told
are averages and quantiles, in milliseconds:

- first: from sending the request to the first byte of sound, or to the first word of a text;
- total: to the last byte. RTF: total over the length of the sound, made or written down;
- x real time: all sound of all clients over the time all of it took;
- dry: answers of which a player that begins with the first sound would have run out before the end, and the longest
  silence of one. Memory: the most the server held meanwhile, in MB.

Exit status 1 when a request failed.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]

from gpa_mlx.audio.files.reader import load_recording  # noqa: E402
from gpa_mlx.bench.synthetic_input import speech_like, text_for  # noqa: E402
from gpa_mlx.model.demo import demo_samples  # noqa: E402
from gpa_mlx.types import Voice  # noqa: E402
from gpa_mlx.voices.card import format_card  # noqa: E402
from tests.support.served import (  # noqa: E402
    Answer,
    Call,
    Server,
    conversion_call,
    request,
    serving,
    speech_call,
    transcription_call,
    wav_of,
)

TASKS = ("speak", "transcribe", "vc", "mixed")
BYTES_PER_S = 32_000
SECONDS = 6.4
"""Length of text and recording, as in GPA's tables."""

DEMO_TEXT = "three two one go zero six on stop left right up down no yes nine four seven"


@dataclass(frozen=True, slots=True)
class Result:
    """One answer, measured.

    Attributes:
        kind: Which task.
        first_s: When the first sound or word came.
        total_s: When it was complete.
        sound_s: Seconds of sound, made or written down.
        dry_s: How long a player would have been silent amidst it.
    """

    kind: str
    first_s: float
    total_s: float
    sound_s: float
    dry_s: float


def measured(call: Call, answer: Answer) -> Result | None:
    """Return what an answer amounts to; None if it is no good one."""
    if answer.status != 200 or not answer.pieces:
        return None
    if call.kind == "transcribe":
        first_s = next((at for at, piece in answer.pieces if b'"transcript.text.delta"' in piece), None)
        if b'"transcript.text.done"' not in answer.body:
            return None
        return Result(call.kind, first_s or answer.total_s, answer.total_s, call.audio_s, 0.0)
    sound_s = len(answer.body) / BYTES_PER_S
    return Result(call.kind, answer.pieces[0][0], answer.total_s, sound_s, dry_s(answer.pieces))


def dry_s(pieces: Sequence[tuple[float, bytes]]) -> float:
    """Return how long a player that begins with the first piece waits for others, in all."""
    clock, waited = pieces[0][0], 0.0
    for at, piece in pieces:
        waited += max(at - clock, 0.0)
        clock = max(at, clock) + len(piece) / BYTES_PER_S
    return waited


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


async def closed_loop(server: Server, calls: Iterator[Call], clients: int, requests: int, leave: int | None) -> list:
    """Have clients ask at the same time, each again when it has its answer; return calls with their answers."""
    left = itertools.count()
    done: list[tuple[Call, Answer]] = []

    async def client() -> None:
        while next(left) < requests:
            call = next(calls)
            leave_after = None if call.kind == "transcribe" else leave
            done.append((call, await request(server.host, server.port, call, leave_after=leave_after)))

    await asyncio.gather(*(client() for _ in range(clients)))
    return done


def make_calls(task: str, *, is_demo: bool) -> Iterator[Call]:
    """Return requests without an end; seeds change."""
    if is_demo:
        sounds = [load_recording(sample.file).first_channel for sample in demo_samples()]
        whole = np.concatenate([*sounds, *sounds])[: round(SECONDS * 16_000)]
        recording, voice, text = wav_of(whole), "awb", DEMO_TEXT
    else:
        recording, text = wav_of(speech_like(SECONDS)), text_for(SECONDS)
        voice = format_card(Voice(name="trial", global_tokens=tuple(range(0, 4096, 128))))
    makers: dict[str, Callable[[int], Call]] = {
        "speak": lambda seed: speech_call(text, voice, seed=seed),
        "transcribe": lambda _: transcription_call(recording),
        "vc": lambda seed: conversion_call(recording, voice, seed),
    }
    kinds = itertools.cycle(makers if task == "mixed" else [task])
    return (makers[kind](seed) for seed, kind in enumerate(kinds))


HEAD = (
    "| clients | requests | first avg | P50 | P90 | P99 | total avg | P99 | RTF avg | P50 | P99 | x real time | dry |"
    " longest | failed | memory |\n" + "|--:" * 16 + "|"
)


def row(clients: int, results: list[Result], failed: int, took_s: float, peak_mb: float) -> str:
    """Return a line of the table."""
    first, total = [1e3 * one.first_s for one in results], [1e3 * one.total_s for one in results]
    rtf = [one.total_s / one.sound_s for one in results if one.sound_s]
    dry = [one.dry_s for one in results if one.dry_s > 0.001]
    speed = sum(one.sound_s for one in results) / took_s
    cells = [
        str(clients),
        str(len(results) + failed),
        *(f"{value:,.0f}" for value in (statistics.mean(first), *(quantile(first, q) for q in (0.5, 0.9, 0.99)))),
        *(f"{value:,.0f}" for value in (statistics.mean(total), quantile(total, 0.99))),
        *(f"{value:.3f}" for value in (statistics.mean(rtf), quantile(rtf, 0.5), quantile(rtf, 0.99))),
        f"{speed:.2f}",
        str(len(dry)),
        f"{max(dry, default=0):.1f} s",
        str(failed),
        f"{peak_mb:,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--task", choices=TASKS, default="mixed")
    parser.add_argument(
        "--clients", default="1,5,10,20,40,80,160", help="how many at the same time, one after the other"
    )
    parser.add_argument("--requests", type=int, default=30, help="at least so many for each number of clients")
    parser.add_argument(
        "--sound", type=float, help="leave after so many seconds of sound: a large model on a slow machine"
    )
    parser.add_argument("--rounds", type=int, default=3, help="at least so many for each client")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    arguments = parser.parse_args()
    leave = None if arguments.sound is None else round(arguments.sound * BYTES_PER_S)
    all_failed, figures = 0, []
    with serving("--model", arguments.model, "--waiting", "1000") as server:
        calls = make_calls(arguments.task, is_demo=arguments.model == "demo")
        asyncio.run(closed_loop(server, calls, 1, min(arguments.rounds, 3), leave))
        print(HEAD, flush=True)
        for clients in map(int, arguments.clients.split(",")):
            server.forget_peak()
            loop = asyncio.new_event_loop()
            begin = loop.time()
            done = loop.run_until_complete(
                closed_loop(server, calls, clients, max(arguments.requests, arguments.rounds * clients), leave)
            )
            took_s = loop.time() - begin
            loop.close()
            results = [found for call, answer in done if (found := measured(call, answer)) is not None]
            failed = len(done) - len(results)
            all_failed += failed
            for call, answer in done:
                if measured(call, answer) is None:
                    print(f"failed: {call.kind} {answer.status} {answer.body[:200]!r}", file=sys.stderr)
            if results:
                print(row(clients, results, failed, took_s, server.peak_mb), flush=True)
            figures.append({"clients": clients, "took_s": took_s, "results": [vars_of(one) for one in results]})
    if arguments.json:
        arguments.json.write_text(json.dumps(figures))
    return 1 if all_failed else 0


def vars_of(result: Result) -> dict:
    """Return the fields of a result."""
    return {name: getattr(result, name) for name in Result.__slots__}


if __name__ == "__main__":
    sys.exit(main())
