"""What is to be said in another voice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpa_mlx.types import AudioLike, Waveform


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A recording.

    Attributes:
        name: For people.
        audio: The file, or samples and their rate.
    """

    name: str
    audio: AudioLike

    def pieces(self, start_s: float = 0.0) -> Iterator[Waveform]:
        """Yield its sound as the app plays it, `(samples,)` float32 at 16 kHz, from a moment on.

        Raises:
            AudioFileError: It cannot be read.
        """
        from gpa_mlx.audio.files.reader import open_recording
        from gpa_mlx.types import SAMPLE_RATE_HZ

        skip = round(start_s * SAMPLE_RATE_HZ)
        with open_recording(self.audio, channels="speech") as reader:
            for block in reader:
                if skip < len(block):
                    yield block.first_channel[skip:].astype("float32")
                skip = max(skip - len(block), 0)
