"""Where the time of a task goes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from gpa_mlx.types import Timings

T = TypeVar("T")


@dataclass(slots=True)
class TaskTimer:
    """Collects the timings of one task, from its first moment on; the fields are those of `Timings`."""

    start: float = field(default_factory=time.perf_counter)
    encode_s: float = 0.0
    prefill_s: float = 0.0
    generate_s: float = 0.0
    decode_s: float = 0.0
    first_output_s: float = 0.0
    prompt_tokens: int = 0
    generated_tokens: int = 0

    def first_output(self) -> None:
        """Note that something is handed out now; only the first time counts."""
        if not self.first_output_s:
            self.first_output_s = time.perf_counter() - self.start

    def generating(self, tokens: Iterable[T]) -> Iterator[T]:
        """Pass on generated tokens and count them and the time they take, without what `encode_s` grows meanwhile."""
        mark, encoded_s = time.perf_counter(), self.encode_s
        for token in tokens:
            self.generate_s += time.perf_counter() - mark - (self.encode_s - encoded_s)
            self.generated_tokens += 1
            yield token
            mark, encoded_s = time.perf_counter(), self.encode_s

    def timings(self, audio_s: float) -> Timings:
        """Return what was collected, with the seconds of audio it was for."""
        return Timings(
            encode_s=self.encode_s,
            prefill_s=self.prefill_s,
            generate_s=self.generate_s,
            decode_s=self.decode_s,
            first_output_s=self.first_output_s,
            audio_s=audio_s,
            prompt_tokens=self.prompt_tokens,
            generated_tokens=self.generated_tokens,
        )
