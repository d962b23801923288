"""Utterances on disk: made once, in shards that survive an interruption, read back memory-mapped.

A shard is two files: the samples (`.npy`, int16, all utterances one after the other) and, written last, an index
(`.json`) that says where each begins and what it is. File names hold a digest of what the shard was asked to be, so
that a changed plan never reads old audio.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from gpa_mlx.recipes.demo.data.alignment import LabelledSpan
from gpa_mlx.recipes.demo.data.synthesis import synthesise
from gpa_mlx.recipes.demo.data.tts_engines import require_engines
from gpa_mlx.recipes.demo.data.utterances import LabelledUtterance, of_speech

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gpa_mlx.recipes.demo.data.plan import SynthesisRequest

_FORMAT = 2
_REQUESTS_PER_SHARD = 256


def make_utterances(
    requests: Sequence[SynthesisRequest],
    directory: Path,
    *,
    workers: int = 2,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[LabelledUtterance]:
    """Return the utterances asked for, synthesising those that are not on disk yet.

    Args:
        requests: What to say.
        directory: Where to keep the shards; made if it does not exist. Shards of other plans in it are removed.
        workers: How many engine processes run at the same time; the result does not depend on it.
        on_progress: Told after each shard how many utterances are there, and how many there will be.

    Returns:
        Utterances in the order of the requests, their samples memory-mapped.

    Raises:
        GPAError: An engine is missing or fails.
    """
    directory.mkdir(parents=True, exist_ok=True)
    shards = [requests[start : start + _REQUESTS_PER_SHARD] for start in range(0, len(requests), _REQUESTS_PER_SHARD)]
    paths = [directory / f"shard-{number:03}-{_digest(shard)}" for number, shard in enumerate(shards)]
    wanted = {path.name for path in paths}
    for file in directory.glob("shard-*"):
        if file.stem not in wanted:
            file.unlink()
    utterances: list[LabelledUtterance] = []
    # Threads suffice: the work is done by the engine processes they wait for.
    with ThreadPoolExecutor(workers) as pool:
        for path, shard in zip(paths, shards, strict=True):
            if not path.with_suffix(".json").exists():
                require_engines()
                _write(path, list(pool.map(_make, shard)))
            utterances += _read(path)
            on_progress(len(utterances), len(requests))
    return utterances


def _make(request: SynthesisRequest) -> LabelledUtterance:
    spoken = synthesise(request.voice, request.words, request.phrasing, seed=request.seed)
    return of_speech(spoken, request.words, request.voice.name, request.phrasing)


def _digest(requests: Sequence[SynthesisRequest]) -> str:
    content = json.dumps([_FORMAT, [asdict(request) for request in requests]])
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _write(path: Path, utterances: Sequence[LabelledUtterance]) -> None:
    samples = np.concatenate([utterance.samples for utterance in utterances])
    index = [
        {
            "samples": len(utterance.samples),
            "words": utterance.words,
            "voice": utterance.voice,
            "phrasing": utterance.phrasing,
            "word_spans": utterance.word_spans,
            "phone_spans": utterance.phone_spans,
        }
        for utterance in utterances
    ]
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.save(file, samples)
    temporary.replace(path.with_suffix(".npy"))
    temporary.write_text(json.dumps(index), encoding="utf-8")
    temporary.replace(path.with_suffix(".json"))


def _read(path: Path) -> list[LabelledUtterance]:
    samples = np.load(path.with_suffix(".npy"), mmap_mode="r")
    index: list[dict[str, Any]] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    ends = np.cumsum([entry["samples"] for entry in index])
    return [
        LabelledUtterance(
            samples=samples[end - entry["samples"] : end],
            words=tuple(entry["words"]),
            voice=entry["voice"],
            phrasing=entry["phrasing"],
            word_spans=tuple(LabelledSpan(*span) for span in entry["word_spans"]),
            phone_spans=tuple(LabelledSpan(*span) for span in entry["phone_spans"]),
        )
        for entry, end in zip(index, ends, strict=True)
    ]
