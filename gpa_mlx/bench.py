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

from gpa_mlx.audio.devices.playback import Player
from gpa_mlx.codec.speech import LIVE_LOOKAHEAD
from gpa_mlx.runtime.backend import BLAS_LIBRARY, mx
from gpa_mlx.types import SAMPLE_RATE_HZ, GenerationOptions, Task, Timings, Waveform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gpa_mlx.engine.gpa import GPA
    from gpa_mlx.types import Voice

TASKS: tuple[Task, ...] = ("transcribe", "speak", "vc")

_SENTENCE = "The north wind and the sun were disputing which was the stronger, when a traveller came along. "
_CHARACTERS_PER_S = 15
_CODES_PER_S = 50
_TEXT_TOKENS_PER_S = 4

REFERENCE_CHUNK_CODES = 50
"""How many codes the reference waits for before it decodes its first chunk."""

_BLOCK_S = 0.01

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


@dataclass(frozen=True, slots=True)
class Arrival:
    """A chunk of speech, when it came.

    Attributes:
        time_s: Since the call.
        samples: Its length.
    """

    time_s: float
    samples: int


@dataclass(frozen=True, slots=True)
class _Trial:
    total_s: float
    timings: Timings
    arrivals: tuple[Arrival, ...] = ()
    reference_first_audio_s: float = 0.0


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


def simulated_underruns(arrivals: Sequence[Arrival]) -> int:
    """Return how often a `Player` that was given these chunks when they came would have fallen silent between them."""
    output = _SimulatedOutput()
    player = Player(SAMPLE_RATE_HZ, device=output, clock=output)
    for arrival in arrivals:
        output.sleep(arrival.time_s - output.now())
        player.feed(np.zeros(arrival.samples, dtype=np.float32))
    player.finish()
    return player.underruns


class _SimulatedOutput:
    """A sound output and its clock: time passes in `sleep`, and a started output takes frames meanwhile."""

    rate_hz = SAMPLE_RATE_HZ
    latency_s = _BLOCK_S

    def __init__(self) -> None:
        self._fill: Callable[[Waveform], None] = lambda out: None
        self._blocks = 0
        self._playing = False

    def open(self, rate_hz: int, fill: Callable[[Waveform], None], lost: Callable[[], None]) -> _SimulatedOutput:
        self._fill = fill
        return self

    def start(self) -> None:
        self._playing = True

    def drained(self) -> bool:
        return True

    def close(self) -> None:
        self._playing = False

    def now(self) -> float:
        return self._blocks * _BLOCK_S

    def sleep(self, seconds: float) -> None:
        for _ in range(math.ceil(seconds / _BLOCK_S)):
            self._blocks += 1
            if self._playing:
                self._fill(np.empty(round(_BLOCK_S * SAMPLE_RATE_HZ), dtype=np.float32))


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
            runs.append(work())
        return _summary(task, load_s, runs, mx.get_peak_memory())


def _workload(gpa: GPA, task: Task, seconds: float) -> Callable[[], _Trial]:
    """Return one trial: the task on synthetic input, with a token budget that follows from `seconds`."""
    recording = (speech_like(seconds), SAMPLE_RATE_HZ)
    options = _options(gpa, task, seconds)
    if task == "transcribe":
        return lambda: _timed(lambda: gpa.transcribe(recording, options=options, vad=False).timings)
    voice = gpa.make_voice((speech_like(6.0), SAMPLE_RATE_HZ), name="benchmark")
    if task == "speak":
        return lambda: _speak(gpa, text_for(seconds), voice, options)
    return lambda: _timed(lambda: gpa.convert_voice(recording, voice=voice, options=options).timings)


def _timed(work: Callable[[], Timings]) -> _Trial:
    started = time.perf_counter()
    timings = work()
    return _Trial(time.perf_counter() - started, timings)


def _speak(gpa: GPA, text: str, voice: Voice, options: GenerationOptions) -> _Trial:
    """Speak as a stream, then begin again as the reference begins its first chunk: the same codes, decoded at once."""
    arrivals: list[Arrival] = []
    timings = Timings()
    started = time.perf_counter()
    for chunk in gpa.stream_speak(text, voice=voice, options=options, lookahead=LIVE_LOOKAHEAD):
        arrivals.append(Arrival(time.perf_counter() - started, len(chunk.audio)))
        timings = chunk.timings or timings
    budget = min(options.max_tokens or REFERENCE_CHUNK_CODES, REFERENCE_CHUNK_CODES)
    beginning = gpa.speak(text, voice=voice, options=replace(options, max_tokens=budget))
    decoding_started = time.perf_counter()
    gpa.detokenize(beginning.codes.tolist(), voice.global_tokens)
    decode_s = time.perf_counter() - decoding_started
    reference_s = beginning.timings.prefill_s + beginning.timings.generate_s + decode_s
    return _Trial(arrivals[-1].time_s, timings, tuple(arrivals), reference_s)


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
        streaming=_streaming(runs) if task == "speak" else None,
    )


def _streaming(runs: Sequence[_Trial]) -> Streaming:
    return Streaming(
        first_audio_s=Spread.of(run.arrivals[0].time_s for run in runs),
        reference_first_audio_s=Spread.of(run.reference_first_audio_s for run in runs),
        ratio=Spread.of(_ratio(run.reference_first_audio_s, run.arrivals[0].time_s) for run in runs),
        underruns=max(simulated_underruns(run.arrivals) for run in runs),
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
