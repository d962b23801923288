"""The benchmark: time of each stage, real-time factor, latency and memory, over several trials on synthetic input."""

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

from gpa_mlx.bench.playback_simulation import Arrival, simulated_underruns
from gpa_mlx.bench.results import Report, Spread, Streaming, TaskResult
from gpa_mlx.bench.synthetic_input import speech_like, text_for
from gpa_mlx.codec.speech import LIVE_LOOKAHEAD
from gpa_mlx.runtime.backend import BLAS_LIBRARY, mx
from gpa_mlx.types import SAMPLE_RATE_HZ, GenerationOptions, Task, Timings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpa_mlx.engine.gpa import GPA
    from gpa_mlx.types import Voice

TASKS: tuple[Task, ...] = ("transcribe", "speak", "vc")

_CODES_PER_S = 50
_TEXT_TOKENS_PER_S = 4

REFERENCE_CHUNK_CODES = 50
"""How many codes the reference waits for before it decodes its first chunk."""

_ALMOST_UNIFORM = 100.0
"""A temperature at which every code is about equally likely: the model does not stop early, whatever its weights."""


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
        on_progress: Called with what happens next.

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
        peak_process_bytes=peak_process_bytes(),
    )


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


def peak_process_bytes() -> int:
    """Return the most memory this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes on Linux, bytes on macOS
