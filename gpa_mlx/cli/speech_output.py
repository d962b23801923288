"""Where speech goes while it is made: a WAV file or standard output, the loudspeaker, or both."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import click

from gpa_mlx.cli.inputs import require_writable
from gpa_mlx.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from gpa_mlx.audio.devices.playback import Player
    from gpa_mlx.audio.files.incremental_wav import IncrementalWavWriter, WavStreamWriter
    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.provenance.metadata import GenerationMetadata
    from gpa_mlx.synthesis.attempt import PassageEnd
    from gpa_mlx.synthesis.conversion import ConvertedSegment
    from gpa_mlx.synthesis.narration import SpokenPassage
    from gpa_mlx.types import Waveform

    Part: TypeAlias = SpokenPassage | ConvertedSegment

STANDARD_OUTPUT = Path("-")

_TROUBLES: Mapping[PassageEnd, str] = {
    "length": "it is cut: the model had not ended within its budget; raise --max-tokens",
    "loop": "the model repeated itself, and the speech is cut there",
    "silence": "the model fell silent, and the speech is cut there",
    "no_codes": "the model ended without a sound; try another seed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """What the user chose.

    Attributes:
        output: A file, `STANDARD_OUTPUT`, or None.
        play: Whether the speech is played, too.
        subtype: Sample format of the file or the stream.
        sidecar: Whether a record of how the file was made is written beside it.
        loudspeaker: A part of the name of the sound output; None is the system's choice.
    """

    output: Path | None
    play: bool
    subtype: str
    sidecar: bool
    loudspeaker: str | None = None

    @property
    def file(self) -> Path | None:
        """The file, if there is one."""
        return None if self.output == STANDARD_OUTPUT else self.output

    @property
    def name(self) -> str:
        """How the final message names it."""
        if self.output is None:
            return "played"
        return "standard output" if self.output == STANDARD_OUTPUT else str(self.output)

    def check(self, *inputs: Path, as_json: bool) -> None:
        """Refuse before the work what cannot be written.

        Args:
            inputs: Files that must survive.
            as_json: A document goes to standard output.

        Raises:
            click.UsageError: Neither an output nor `--play` is given.
            SettingsError: Not a WAV file's name, one of the inputs, samples beside JSON or on a terminal, or the record
                would replace something else.
            AudioFileError: Nothing can be written there.
        """
        if self.output is None:
            if not self.play:
                raise click.UsageError(
                    "Nothing says where the speech goes: give -o, --play or both.", click.get_current_context()
                )
        elif self.output != STANDARD_OUTPUT:
            require_writable(self.output, *inputs)
            if self.sidecar:
                from gpa_mlx.provenance.tagging import require_free_sidecar

                require_free_sidecar(self.output)
        elif as_json:
            raise SettingsError("Standard output cannot take both the speech and --json.", hint="Name a file with -o.")
        elif sys.stdout.isatty():
            raise SettingsError(
                "A terminal cannot show speech.", hint="Play it with --play, or pipe it: `... -o - | ffplay -`."
            )


class SpeechOutput:
    """Takes speech as it is made; a context manager that closes the file and stops the sound when left.

    What an interrupted narration left beside the file, and the record of an earlier file, are forgotten when a new file
    begins.

    Args:
        destination: What the user chose.
        resumed: The file, opened to go on after what it holds; owned from now on. None begins a new one.
        expected_s: Length of the speech as far as it is known, for the player.

    Raises:
        AudioFileError: Nothing can be written there.
        AudioDeviceError: There is no sound output, or it cannot be used.
    """

    def __init__(
        self, destination: Destination, *, resumed: IncrementalWavWriter | None = None, expected_s: float | None = None
    ) -> None:
        self._destination = destination
        self._fresh = resumed is None
        self._kept_s = 0.0 if resumed is None else resumed.duration_s
        self._made_s = 0.0
        self._file: IncrementalWavWriter | None = resumed
        self._pipe: WavStreamWriter | None = None
        self._player: Player | None = None
        with contextlib.ExitStack() as cleanup:
            self._open_written()
            if self._file is not None:
                cleanup.enter_context(self._file)
            if destination.play:
                from gpa_mlx.audio.devices.loudspeaker import Loudspeaker
                from gpa_mlx.audio.devices.playback import Player
                from gpa_mlx.types import SAMPLE_RATE_HZ

                device = Loudspeaker(destination.loudspeaker)
                self._player = cleanup.enter_context(Player(SAMPLE_RATE_HZ, expected_s=expected_s, device=device))
            self._cleanup = cleanup.pop_all()
        self._started = time.perf_counter()
        self.first_audio_s: float | None = None
        self.elapsed_s = 0.0

    @property
    def duration_s(self) -> float:
        """Seconds of speech, those of an earlier run included."""
        return self._kept_s + self._made_s

    @property
    def real_time_factor(self) -> float:
        """Time it took / speech made in it; 0 before `end` and where nothing was made."""
        return self.elapsed_s / self._made_s if self._made_s > 0 else 0.0

    def append(self, samples: Waveform) -> None:
        """Write and play the next samples.

        Args:
            samples: `(samples,)` float32 at 16 kHz; may be empty.

        Raises:
            AudioFileError: They cannot be written.
            AudioDeviceError: The device is gone.
            BrokenPipeError: Nobody reads standard output any more.
        """
        from gpa_mlx.types import SAMPLE_RATE_HZ

        if self.first_audio_s is None and samples.any():
            self.first_audio_s = time.perf_counter() - self._started
        if self._fresh and len(samples):
            self._fresh = False
            self._forget_earlier()
        if self._file is not None:
            self._file.append(samples)
        if self._pipe is not None:
            self._pipe.append(samples)
        if self._player is not None:
            self._player.feed(samples)
        self._made_s += len(samples) / SAMPLE_RATE_HZ

    def end(self) -> None:
        """All speech has been made: stop the clock and close the file; what is playing goes on."""
        self.elapsed_s = time.perf_counter() - self._started
        if self._file is not None:
            self._file.close()

    def tag_file(self, making: GenerationMetadata) -> None:
        """Mark the finished file as synthetic and write its record, if there is a file.

        Args:
            making: How it was made.

        Raises:
            AudioFileError: It cannot be marked.
            GPAError: The record cannot be written.
        """
        if self._destination.file is not None:
            from gpa_mlx.provenance.tagging import tag_file

            tag_file(self._destination.file, making, sidecar=self._destination.sidecar)

    def wait(self, show: Callable[[str], None]) -> None:
        """Wait until the speech has been heard.

        Args:
            show: Told what is waited for.

        Raises:
            AudioDeviceError: The device is gone.
        """
        if self._player is not None:
            show("playing the rest")
            self._player.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def describe(self) -> str:
        """Return the line that ends the run."""
        share = f", {self._made_s:.2f} s of it" if self._kept_s else ""
        return (
            f"{self._destination.name}: {self.duration_s:.2f} s of speech{share} in {self.elapsed_s:.2f} s "
            f"(RTF {self.real_time_factor:.2f})"
        )

    def document(self, kind: str, parts: Sequence[Part], *, seed: int | None) -> dict[str, Any]:
        """Return the JSON document.

        Args:
            kind: The name of the list of parts.
            parts: What the speech consists of.
            seed: What repeats the speech; None for greedy decoding.
        """
        from gpa_mlx.types import SAMPLE_RATE_HZ

        output = self._destination.output
        document: dict[str, Any] = {
            "file": None if output is None else str(output),
            "duration_s": self.duration_s,
            "sample_rate": SAMPLE_RATE_HZ,
            "finish_reason": next((part.finish_reason for part in parts if part.finish_reason != "stop"), "stop"),
            "seed": seed,
            "elapsed_s": self.elapsed_s,
            "real_time_factor": self.real_time_factor,
            "first_audio_s": self.first_audio_s,
            kind: [
                {name.removesuffix("_s"): value for name, value in asdict(part).items() if name != "level"}
                for part in parts
            ],
        }
        if self._player is not None:
            document["playback"] = {
                "first_sound_s": self._player.first_sound_s,
                "underruns": self._player.underruns,
            }
        return document

    def _open_written(self) -> None:
        from gpa_mlx.audio.files.incremental_wav import IncrementalWavWriter, WavStreamWriter
        from gpa_mlx.types import SAMPLE_RATE_HZ

        output, subtype = self._destination.output, self._destination.subtype
        if output == STANDARD_OUTPUT:
            self._pipe = WavStreamWriter(sys.stdout.buffer, SAMPLE_RATE_HZ, subtype)
        elif output is not None and self._file is None:
            self._file = IncrementalWavWriter(output, SAMPLE_RATE_HZ, subtype)

    def _forget_earlier(self) -> None:
        from gpa_mlx.provenance.tagging import forget_record
        from gpa_mlx.synthesis.checkpoint import NarrationCheckpoint

        if self._destination.file is not None:
            NarrationCheckpoint(self._destination.file, "", None).close()
            forget_record(self._destination.file)


def report_parts(parts: Mapping[str, Part], diagnostics: Diagnostics) -> None:
    """Say how well each part was understood, where that is known, and which went wrong.

    Args:
        parts: By the name they have for people.
        diagnostics: Where to say it.
    """
    for name, part in parts.items():
        if part.error_rate is not None:
            tries = "1 try" if part.attempts == 1 else f"{part.attempts} tries"
            diagnostics.inform(f"{name}: {part.error_rate:.1%} of the characters heard wrongly, {tries}")
        if part.finish_reason != "stop":
            trouble = _TROUBLES.get(part.finish_reason, part.finish_reason)
            diagnostics.note(f"{name}: {trouble}.")
