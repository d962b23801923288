"""Figures of a benchmark."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpa_mlx.types import Task


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over all trials."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Summarise at least one value."""
        values = sorted(values)
        return cls(statistics.median(values), values[0], values[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """How speech comes while it is made.

    Attributes:
        first_audio_s: From the call to the first chunk.
        reference_first_audio_s: The same when the first chunk is decoded from 50 codes, as in the reference.
        ratio: `reference_first_audio_s` / `first_audio_s` of each trial.
        underruns: Most gaps of a trial, had its chunks been played as they came.
    """

    first_audio_s: Spread
    reference_first_audio_s: Spread
    ratio: Spread
    underruns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """The figures of one task.

    Attributes:
        task: `transcribe`, `speak` or `vc`.
        trials: Measured runs after one unmeasured run.
        load_s: Opening the model and reading the weights this task needs; measured once.
        encode_s: Audio to codes.
        prefill_s: Prompt through the language model, up to the first new token.
        generate_s: All further tokens.
        decode_s: Codes to waveform.
        total_s: The whole call by the clock on the wall.
        tokens_per_s: New tokens per second, without the first.
        real_time_factor: `total_s` / `audio_s`.
        first_output_s: From the call to the first text or audio.
        audio_s: Audio processed or produced per trial (median).
        prompt_tokens: Tokens in the prompt.
        generated_tokens: New tokens per trial (median).
        peak_memory_bytes: Most memory MLX held during the trials, weights included.
        streaming: How the speech of `speak` came; None for the other tasks.
    """

    task: Task
    trials: int
    load_s: float
    encode_s: Spread
    prefill_s: Spread
    generate_s: Spread
    decode_s: Spread
    total_s: Spread
    tokens_per_s: Spread
    real_time_factor: Spread
    first_output_s: Spread
    audio_s: float
    prompt_tokens: int
    generated_tokens: int
    peak_memory_bytes: int
    streaming: Streaming | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A benchmark and the machine it ran on.

    Attributes:
        seconds: Audio asked for per trial.
        device: MLX device and its name.
        mlx_version: Version of MLX.
        blas: OpenBLAS loaded before MLX on Linux; None elsewhere or when absent.
        python_version: Version of Python.
        tasks: One result per task.
        peak_process_bytes: Most memory the whole process held, all tasks together.
    """

    seconds: float
    device: str
    mlx_version: str
    blas: str | None
    python_version: str
    tasks: tuple[TaskResult, ...]
    peak_process_bytes: int
