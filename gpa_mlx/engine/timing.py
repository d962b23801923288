"""Where the time of a task goes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from gpa_mlx.types import Timings

T = TypeVar("T")


@dataclass(slots=True)
class TaskTimer:
    """Collects the timings of one task, from its first moment on; the fields are those of `Timings`."""

    start: float = field(default_factory=time.perf_counter)
    read_s: float = 0.0
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

    @contextmanager
    def encoding(self) -> Iterator[None]:
        """Count the time of the block as that of encoding."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.encode_s += time.perf_counter() - started

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Count the time of the block as that of decoding."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.decode_s += time.perf_counter() - started

    def reading(self, items: Iterable[T]) -> Iterator[T]:
        """Pass on what is read, and count the time until each item is there as that of reading."""
        iterator = iter(items)
        while True:
            started = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self.read_s += time.perf_counter() - started
            yield item

    def generating(self, tokens: Iterable[T], *, prompts: bool) -> Iterator[T]:
        """Pass on generated tokens; count them and their time, without what `read_s` and `encode_s` grow meanwhile.

        None is no token; it is passed on.

        Args:
            tokens: As they are generated.
            prompts: Whether all there is before the first token is the prompt's, as it is for a single sequence;
                otherwise prompts are computed amidst the tokens, and count as these do.
        """
        mark, other_s = time.perf_counter(), self.read_s + self.encode_s
        count = 0
        for token in tokens:
            took_s = time.perf_counter() - mark - (self.read_s + self.encode_s - other_s)
            if prompts and count == 0:
                self.prefill_s += took_s
            else:
                self.generate_s += took_s
            if token is not None:
                count += 1
                self.generated_tokens += 1
            yield token
            mark, other_s = time.perf_counter(), self.read_s + self.encode_s

    def timings(self, audio_s: float) -> Timings:
        """Return what was collected, with the seconds of audio it was for."""
        return Timings(
            read_s=self.read_s,
            encode_s=self.encode_s,
            prefill_s=self.prefill_s,
            generate_s=self.generate_s,
            decode_s=self.decode_s,
            first_output_s=self.first_output_s,
            audio_s=audio_s,
            prompt_tokens=self.prompt_tokens,
            generated_tokens=self.generated_tokens,
        )
