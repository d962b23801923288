"""What the part that hears is trained on: what is there of the teachers, the old engines, and people."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpa_mlx.recipes.demo.recordings.old_engines import record_old_engines
from gpa_mlx.recipes.demo.recordings.people import read_backgrounds, read_commands
from gpa_mlx.recipes.demo.recordings.store import RecordingStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpa_mlx.recipes.demo.recordings.recording import Recording
    from gpa_mlx.types import Waveform

OLD_ENGINES = "old-engines"

_PHRASES = 2000


@dataclass(frozen=True, slots=True)
class HearingData:
    """Recordings, and noises to put behind them."""

    recordings: list[Recording]
    backgrounds: list[Waveform]

    @property
    def summary(self) -> str:
        """How much there is of each origin, in one line."""
        seconds: dict[str, float] = defaultdict(float)
        for recording in self.recordings:
            seconds[recording.origin] += recording.duration_s
        voices = len({recording.voice for recording in self.recordings})
        parts = [f"{origin} {total / 60:.1f} min" for origin, total in sorted(seconds.items())]
        return f"{len(self.recordings)} recordings of {voices} voices: {', '.join(parts)}"


def record_and_read(
    people: Path, recordings: Path, *, phrases: int = _PHRASES, report: Callable[[str], None] = lambda line: None
) -> HearingData:
    """Have the old engines say their phrases, unless they are recorded, and read everything there is for training.

    Args:
        people: See `gpa_mlx.recipes.demo.recordings.people`.
        recordings: Folder with those of the teachers, in `train`; gets those of the old engines.
        phrases: How many the old engines say.
        report: Told how far it is.

    Raises:
        SettingsError: There are no recordings of people.
        GPAError: An engine is missing or fails, or a shard is damaged.
    """
    said = read_commands(people, "train")
    backgrounds = [recording.wave for recording in read_backgrounds(people, "train")]
    record_old_engines(
        recordings / OLD_ENGINES, phrases, on_progress=lambda done, total: report(f"old engines: {done} of {total}")
    )
    stores = (RecordingStore(recordings / "train"), RecordingStore(recordings / OLD_ENGINES))
    return HearingData([*said, *(recording for store in stores for recording in store.read())], backgrounds)
