"""Where the time of a task goes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from gpa_mlx.types import Timings


@dataclass(slots=True)
class TaskClock:
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
