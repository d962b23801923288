"""What a process holds after recordings of many lengths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpa_mlx.bench.benchmark import peak_process_bytes
from gpa_mlx.bench.synthetic_input import speech_like
from gpa_mlx.engine.gpa import load
from gpa_mlx.runtime.backend import mx
from gpa_mlx.runtime.memory import DEFAULT_CACHE_BYTES
from gpa_mlx.types import SAMPLE_RATE_HZ, GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_TOKENS = 12


def measure_memory(*, model: str, lengths_s: Sequence[float], rounds: int) -> dict[str, Any]:
    """Tokenize, decode and transcribe recordings of varying lengths, all of them several times.

    Args:
        model: Its directory.
        lengths_s: Lengths of the recordings.
        rounds: How often they are gone through: what grows after the first time is not given back.

    Returns:
        After each recording the bytes that arrays hold, those that MLX keeps for reuse and the most that arrays held;
        the limit of what is kept; and the most that the process had.
    """
    options, rows = GenerationOptions(max_tokens=_MOST_TOKENS), []
    with load(Path(model)) as engine:
        for count in range(rounds):
            for seconds in lengths_s:
                mx.reset_peak_memory()
                recording = (speech_like(seconds), SAMPLE_RATE_HZ)
                tokens = engine.tokenize(recording)
                engine.detokenize(tokens.semantic.tolist(), tokens.global_tokens.tolist())
                engine.transcribe(recording, options=options, vad=False)
                rows.append(
                    {
                        "round": count + 1,
                        "seconds": seconds,
                        "active_bytes": mx.get_active_memory(),
                        "cached_bytes": mx.get_cache_memory(),
                        "peak_bytes": mx.get_peak_memory(),
                    }
                )
    return {"rows": rows, "cache_limit_bytes": DEFAULT_CACHE_BYTES, "process_bytes": peak_process_bytes()}
