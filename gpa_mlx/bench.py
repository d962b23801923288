"""How fast a model runs here: stages, real-time factor, first output and memory, over several trials.

The input is synthetic, so that a benchmark needs no files and gives the same work everywhere; speeds do not depend on
what is said.
"""

from __future__ import annotations

import math
import platform
import resource
import statistics
import sys
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.backend import BLAS_LIBRARY, mx
from gpa_mlx.types import SAMPLE_RATE_HZ, GenerationOptions, Task, Timings, Waveform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gpa_mlx.engine import GPA

TASKS: tuple[Task, ...] = ("transcribe", "speak", "vc")

_SENTENCE = "The north wind and the sun were disputing which was the stronger, when a traveller came along. "
_CHARACTERS_PER_S = 15
_CODES_PER_S = 50
_TEXT_TOKENS_PER_S = 4

_ALMOST_UNIFORM = 100.0
"""A temperature at which every code is about equally likely: the model does not stop early, whatever its weights."""


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


@dataclass(frozen=True, slots=True)
class _Trial:
    total_s: float
    timings: Timings


def run_benchmark(
    open_engine: Callable[[], GPA],
    *,
    tasks: Sequence[Task] = TASKS,
    seconds: float = 10.0,
    trials: int = 3,
    on_progress: Callable[[str], None] = lambda step: None,
) -> Report:
    """Measure tasks one after the other, each on a freshly opened model.

    Args:
        open_engine: Opens the model.
        tasks: What to measure.
        seconds: Audio to process or to produce per trial; speech ends earlier when the model stops by itself.
        trials: Measured runs per task.
        on_progress: Told what happens next.

    Raises:
        GPAError: The model cannot do a task.
    """
    results = []
    for task in tasks:
        on_progress(f"{task}: loading")
        results.append(_measure(task, open_engine, seconds, trials, on_progress))
    return Report(
        seconds=seconds,
        device=_device(),
        mlx_version=version("mlx"),
        blas=BLAS_LIBRARY,
        python_version=platform.python_version(),
        tasks=tuple(results),
        peak_process_bytes=_peak_process_bytes(),
    )


def speech_like(seconds: float) -> Waveform:
    """Synthesise a voice-like sound: gliding harmonics shaped by moving formants, in syllables with pauses.

    Args:
        seconds: Length.

    Returns:
        `(seconds * 16000,)` float32 in [-1, 1], the same for the same length on every machine.
    """
    time_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    pitch_hz = 120 + 20 * np.sin(2 * np.pi * 0.4 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    # Two formants that wander over the vowel space, one broad peak each.
    first_hz = 500 + 250 * np.sin(2 * np.pi * 1.7 * time_s)
    second_hz = 1500 + 600 * np.sin(2 * np.pi * 1.1 * time_s + 1)
    sound = np.zeros_like(time_s)
    for harmonic in range(1, 25):
        frequency_hz = harmonic * pitch_hz
        peaks = np.exp(-(((frequency_hz - first_hz) / 150) ** 2)) + 0.5 * np.exp(
            -(((frequency_hz - second_hz) / 200) ** 2)
        )
        sound += (0.05 / harmonic + peaks) * np.sin(harmonic * phase)
    syllables = np.clip(np.sin(2 * np.pi * 3.5 * time_s) + 0.6, 0, 1)
    phrases = (time_s % 3.0) < 2.6
    sound *= syllables * phrases
    return (0.5 * sound / max(np.abs(sound).max(initial=0.0), 1e-9)).astype(np.float32)


def text_for(seconds: float) -> str:
    """Return English text that takes about this long to say."""
    characters = max(round(seconds * _CHARACTERS_PER_S), len("The north wind"))
    repeated = _SENTENCE * (characters // len(_SENTENCE) + 1)
    return repeated[:characters].strip()


def _measure(
    task: Task, open_engine: Callable[[], GPA], seconds: float, trials: int, on_progress: Callable[[str], None]
) -> TaskResult:
    started = time.perf_counter()
    with open_engine() as gpa:
        gpa.warm(task)
        load_s = time.perf_counter() - started
        work = _workload(gpa, task, seconds)
        on_progress(f"{task}: warm-up")
        work()
        mx.reset_peak_memory()
        runs = []
        for trial in range(trials):
            on_progress(f"{task}: trial {trial + 1} of {trials}")
            started = time.perf_counter()
            timings = work()
            runs.append(_Trial(time.perf_counter() - started, timings))
        return _summary(task, load_s, runs, mx.get_peak_memory())


def _workload(gpa: GPA, task: Task, seconds: float) -> Callable[[], Timings]:
    """Return one trial: the task on synthetic input, with a token budget that follows from `seconds`."""
    recording = (speech_like(seconds), SAMPLE_RATE_HZ)
    options = _options(gpa, task, seconds)
    if task == "transcribe":
        return lambda: gpa.transcribe(recording, options=options, vad=False).timings
    voice = gpa.make_voice((speech_like(6.0), SAMPLE_RATE_HZ), name="benchmark")
    if task == "speak":
        text = text_for(seconds)
        return lambda: gpa.speak(text, voice=voice, options=options).timings
    return lambda: gpa.convert_voice(recording, voice=voice, options=options).timings


def _options(gpa: GPA, task: Task, seconds: float) -> GenerationOptions:
    defaults = gpa.default_options(task)
    if task == "transcribe":
        return replace(defaults, max_tokens=math.ceil(seconds * _TEXT_TOKENS_PER_S))
    budget = math.ceil(seconds * _CODES_PER_S)
    return replace(defaults, temperature=_ALMOST_UNIFORM, top_k=0, seed=0, max_tokens=budget)


def _summary(task: Task, load_s: float, runs: Sequence[_Trial], peak_memory_bytes: int) -> TaskResult:
    timings = [run.timings for run in runs]
    return TaskResult(
        task=task,
        trials=len(runs),
        load_s=load_s,
        encode_s=Spread.of(t.encode_s for t in timings),
        prefill_s=Spread.of(t.prefill_s for t in timings),
        generate_s=Spread.of(t.generate_s for t in timings),
        decode_s=Spread.of(t.decode_s for t in timings),
        total_s=Spread.of(run.total_s for run in runs),
        tokens_per_s=Spread.of(_ratio(t.generated_tokens - 1, t.generate_s) for t in timings),
        real_time_factor=Spread.of(_ratio(run.total_s, run.timings.audio_s) for run in runs),
        first_output_s=Spread.of(t.first_output_s for t in timings),
        audio_s=statistics.median(t.audio_s for t in timings),
        prompt_tokens=timings[0].prompt_tokens,
        generated_tokens=round(statistics.median(t.generated_tokens for t in timings)),
        peak_memory_bytes=peak_memory_bytes,
    )


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else 0.0


def _device() -> str:
    device = mx.default_device()
    name = mx.device_info().get("device_name", platform.machine())
    return f"{device.type.name} ({name})"


def _peak_process_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes on Linux, bytes on macOS
