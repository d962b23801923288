#!/usr/bin/env python3
"""Measure how much faster speech codes come when several texts are spoken at once.

    python tests/bench/batch.py --model MODEL [--rows 8] [--tokens 50] [--json]

The table shows the median and the spread (lowest to highest trial). The prompts are those of speech, of different
lengths.

* decode: tokens per second of all rows together, after the first token of each, against one sequence alone. They
  take turns (A B A B ...), after one warm-up each.
* queue: twice as many texts as rows, with different token budgets; tokens per second of the whole call, prompts
  included, against the same texts one after the other, once each. Rows that end early make room for texts that wait.

The machine must be idle. At full size the run takes about three minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from compare_reference import machine, table_of
from rich.console import Console
from trials import OURS, Comparison, interleave

from gpa_mlx.errors import GPAError
from gpa_mlx.lm.batch import BatchRequest
from gpa_mlx.lm.generate import generate_tokens
from gpa_mlx.lm.pool import BatchGenerator
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.model.families.gpa.prompts import speak_prompt
from gpa_mlx.types import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

ALONE = "one at a time"
TARGET = 3.0

_TEXT = "The quick brown fox jumps over the lazy dog and runs on. "


def compare_decoding(parts: GPAModel, rows: int, tokens: int, trials: int) -> Comparison:
    """Compare the steps of a batch with those of a single sequence."""
    requests = _requests(parts, rows, [tokens])
    prompts = [len(request.prompt) for request in requests]
    return Comparison(
        what=f"decode: {min(prompts)} to {max(prompts)} prompt + {tokens} new tokens",
        unit="tok/s",
        better="higher",
        values=interleave(
            {
                OURS: lambda: _rate(_batch(parts, requests, rows), tokens * rows, rows),
                ALONE: lambda: _rate(_alone(parts, requests[rows // 2]), tokens, 1),
            },
            trials,
        ),
        notes={OURS: f"{rows} rows"},
        bar={ALONE: TARGET},
    )


def compare_queue(parts: GPAModel, rows: int, tokens: int) -> Comparison:
    """Compare a queue that is worked off in a batch with the same queue one after the other."""
    budgets = [tokens // 4, tokens // 2, tokens * 3 // 4]
    queue = _requests(parts, 2 * rows, budgets)
    total = sum(request.max_tokens for request in queue)
    return Comparison(
        what=f"queue: {len(queue)} texts, {min(budgets)} to {max(budgets)} tokens each",
        unit="tok/s",
        better="higher",
        values={
            OURS: [_rate(_batch(parts, queue, rows), total, 0)],
            ALONE: [_rate((token for request in queue for token in _alone(parts, request)), total, 0)],
        },
        notes={OURS: f"{rows} rows"},
    )


def _requests(parts: GPAModel, count: int, budgets: list[int]) -> list[BatchRequest]:
    rng = np.random.default_rng(0)
    speaker = parts.bicodec_args.speaker_encoder
    voice = rng.integers(0, speaker.codebook_size, speaker.token_num)
    return [
        BatchRequest(
            prompt=speak_prompt(parts.layout, voice, parts.text.encode(_TEXT * (1 + n % 4))),
            options=GenerationOptions(temperature=1.0, seed=n),
            max_tokens=budgets[n % len(budgets)],
            stop_ids=frozenset(),
        )
        for n in range(count)
    ]


def _batch(parts: GPAModel, requests: list[BatchRequest], rows: int) -> Iterator[object]:
    return BatchGenerator(parts.pool, parts.speech_head, requests, rows=rows)


def _alone(parts: GPAModel, request: BatchRequest) -> Iterator[object]:
    return generate_tokens(
        parts.language_model,
        parts.speech_head,
        request.prompt,
        request.options,
        max_tokens=request.max_tokens,
        stop_ids=request.stop_ids,
    )


def _rate(tokens: Iterator[object], expected: int, unmeasured: int) -> float:
    """Tokens per second after the first `unmeasured` ones."""
    start = time.perf_counter()
    count = 0
    for count, _ in enumerate(tokens, 1):
        if count == unmeasured:
            start = time.perf_counter()
    seconds = time.perf_counter() - start
    if count != expected:
        raise RuntimeError(f"{count} tokens came instead of {expected}")
    return (count - unmeasured) / seconds


def main() -> None:
    """Command line."""
    sections = ("decode", "queue")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="directory written by `gpa-mlx convert`")
    parser.add_argument("--only", choices=sections, nargs="+", default=sections)
    parser.add_argument("--rows", type=int, default=8, help="sequences at once (default 8)")
    parser.add_argument("--tokens", type=int, default=50, help="new tokens per sequence (default 50)")
    parser.add_argument("--trials", type=int, default=2, help="counted rounds of decode (default 2)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    arguments = parser.parse_args()
    try:
        parts = GPAModel(arguments.model)
    except GPAError as error:
        parser.exit(1, f"error: {error}\n")
    about = machine(None)
    comparisons = []
    if "decode" in arguments.only:
        comparisons.append(compare_decoding(parts, arguments.rows, arguments.tokens, arguments.trials))
    if "queue" in arguments.only:
        comparisons.append(compare_queue(parts, arguments.rows, arguments.tokens))
    if arguments.json:
        print(json.dumps({"machine": about, "comparisons": [c.as_json() for c in comparisons]}, indent=1))
        return
    console = Console()
    console.print(table_of(comparisons))
    console.print(about)


if __name__ == "__main__":
    main()
