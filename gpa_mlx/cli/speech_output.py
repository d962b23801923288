"""How `speak` and `vc` show a job: its audio on standard output and the loudspeaker, its result in words or as JSON."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TypeAlias

import click

from gpa_mlx.cli.diagnostics import ExitCode
from gpa_mlx.cli.options import is_given
from gpa_mlx.errors import AudioFileError, SettingsError
from gpa_mlx.store.text_output import STANDARD_OUTPUT as STDOUT_DESCRIPTOR
from gpa_mlx.store.text_output import descriptor_of, is_stream, open_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from gpa_mlx.audio.devices.playback import Player
    from gpa_mlx.audio.files.incremental_wav import WavStreamWriter
    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.jobs.audio_output import AudioTarget
    from gpa_mlx.jobs.generated_speech import GeneratedSpeech
    from gpa_mlx.synthesis.attempt import PassageEnd
    from gpa_mlx.synthesis.conversion import ConvertedSegment
    from gpa_mlx.synthesis.long_form import SpokenPassage
    from gpa_mlx.types import Waveform

    Part: TypeAlias = SpokenPassage | ConvertedSegment
    Result: TypeAlias = GeneratedSpeech[SpokenPassage] | GeneratedSpeech[ConvertedSegment]

STANDARD_OUTPUT = Path("-")

PRINTED_SUBTITLES = Path("/dev/stdout")
"""Standard output, for subtitles."""

_NOTHING_HEARD = 0.5
"""Share of characters heard wrongly from which nothing of a piece counts as understood."""

_TROUBLES: Mapping[PassageEnd, str] = {
    "length": "it is cut: the model had not ended within its budget; raise --max-tokens",
    "loop": "the model repeated itself, and the speech is cut there",
    "silence": "the model fell silent, and the speech is cut there",
    "no_codes": "the model ended without a sound; try another seed",
}


def named_output(output: Path | None) -> Path | None:
    """Return the output of speech; all names of standard output are `STANDARD_OUTPUT`."""
    if output is not None and descriptor_of(output) == STDOUT_DESCRIPTOR:
        return STANDARD_OUTPUT
    return output


def named_subtitles(path: Path | None) -> Path | None:
    """Return where subtitles go; all names of standard output are `PRINTED_SUBTITLES`."""
    if path is not None and (path == STANDARD_OUTPUT or descriptor_of(path) == STDOUT_DESCRIPTOR):
        return PRINTED_SUBTITLES
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """What the user chose.

    Attributes:
        output: A file, a named pipe or device, `STANDARD_OUTPUT`, or None.
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
    def is_stream(self) -> bool:
        """Whether the speech is written as it is made, in WAV's form: to standard output, a named pipe or a device."""
        return self.output is not None and (self.output == STANDARD_OUTPUT or is_stream(self.output))

    @property
    def target(self) -> AudioTarget | None:
        """The file, if there is one."""
        if self.output is None or self.is_stream:
            return None
        from gpa_mlx.jobs.audio_output import AudioTarget

        return AudioTarget(path=self.output, subtype=self.subtype, sidecar=self.sidecar)

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
            SettingsError: No format has this ending, one of the inputs, samples beside JSON or on a terminal, or the
                record would replace something else.
            AudioFileError: Nothing can be written there.
        """
        if self.output is None and not self.play:
            raise click.UsageError(
                "Nothing says where the speech goes: give -o, --play or both.", click.get_current_context()
            )
        if (target := self.target) is not None:
            target.check(*inputs)
        elif self.output == STANDARD_OUTPUT and as_json:
            raise SettingsError("Standard output cannot take both the speech and --json.", hint="Name a file with -o.")
        elif self.output == STANDARD_OUTPUT and sys.stdout.isatty():
            raise SettingsError(
                "A terminal cannot show speech.", hint="Play it with --play, or pipe it: `... -o - | ffplay -`."
            )


class SpeechOutput:
    """Takes a job's audio to standard output, a pipe and the loudspeaker; leaving the context stops the sound.

    Args:
        destination: What the user chose.
        expected_s: Length of the speech as far as it is known, for the player.
    """

    def __init__(self, destination: Destination, *, expected_s: float | None = None) -> None:
        self._destination = destination
        self._expected_s = expected_s
        self._cleanup = contextlib.ExitStack()
        self._pipe: WavStreamWriter | None = None
        self._player: Player | None = None

    def open(self) -> None:
        """Open what the user chose; the sound output only when all is loaded, so that its clock counts no loading.

        Raises:
            AudioDeviceError: There is no sound output, or it cannot be used.
            AudioFileError: The pipe or device cannot be opened.
        """
        from gpa_mlx.types import SAMPLE_RATE_HZ

        if self._destination.is_stream:
            from gpa_mlx.audio.files.incremental_wav import WavStreamWriter

            self._pipe = WavStreamWriter(self._opened_stream(), SAMPLE_RATE_HZ, self._destination.subtype)
            self._cleanup.callback(self._pipe.finish)
        if self._destination.play:
            from gpa_mlx.audio.devices.loudspeaker import Loudspeaker
            from gpa_mlx.audio.devices.playback import Player

            device = Loudspeaker(self._destination.loudspeaker)
            player = Player(SAMPLE_RATE_HZ, expected_s=self._expected_s, device=device)
            self._player = self._cleanup.enter_context(player)

    def append(self, audio: Waveform) -> None:
        """Write and play the next samples, `(samples,)` float32 at 16 kHz; may be empty.

        Raises:
            AudioFileError: They cannot be written.
            AudioDeviceError: The device is gone.
            BrokenPipeError: Nobody reads standard output any more.
        """
        if self._pipe is not None:
            self._pipe.append(audio)
        if self._player is not None:
            self._player.feed(audio)

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

    def _opened_stream(self) -> BinaryIO:
        output = self._destination.output
        assert output is not None
        if output == STANDARD_OUTPUT:
            return sys.stdout.buffer
        try:
            return self._cleanup.enter_context(open_stream(output))
        except OSError as error:
            raise AudioFileError(
                f"{output} cannot be written: {error.strerror or error}.", hint="Choose another place for the output."
            ) from error

    def describe(self, result: Result) -> str:
        """Return the line that ends the run."""
        share = f", {result.generated_s:.2f} s of it" if result.resumed_s else ""
        return (
            f"{self._destination.name}: {result.duration_s:.2f} s of speech{share} in {result.elapsed_s:.2f} s "
            f"(RTF {result.real_time_factor:.2f})"
        )

    def document(self, kind: str, result: Result) -> dict[str, Any]:
        """Return the JSON document.

        Args:
            kind: The name of the list of parts.
            result: What was generated.
        """
        from gpa_mlx.types import SAMPLE_RATE_HZ

        output = self._destination.output
        document: dict[str, Any] = {
            "file": None if output is None else str(output),
            "duration_s": result.duration_s,
            "sample_rate": SAMPLE_RATE_HZ,
            "finish_reason": result.finish_reason,
            "seed": result.seed,
            "elapsed_s": result.elapsed_s,
            "real_time_factor": result.real_time_factor,
            "first_audio_s": result.first_audio_s,
            kind: [
                {name.removesuffix("_s"): value for name, value in asdict(part).items() if name != "level"}
                for part in result.parts
            ],
        }
        if self._player is not None:
            document["playback"] = {
                "first_sound_s": self._player.first_sound_s,
                "underruns": self._player.underruns,
            }
        return document


def replaces_file(path: Path) -> str:
    """Say that a file is replaced that nothing says this program made."""
    return f"{path}, which gpa-mlx did not make, is replaced."


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


def report_verdict(parts: Iterable[Part], diagnostics: Diagnostics) -> ExitCode:
    """Say how much of verified speech was understood; return the exit code, a failure where that is nothing.

    Args:
        parts: All of them; nothing is said when none was verified.
        diagnostics: Where to say it.
    """
    from gpa_mlx.synthesis.attempt import GOOD_ERROR_RATE

    rates = [part.error_rate for part in parts if part.error_rate is not None]
    if not rates:
        return ExitCode.OK
    understood = sum(rate <= GOOD_ERROR_RATE for rate in rates)
    if understood == len(rates):
        diagnostics.inform("verified: all of it was understood")
        return ExitCode.OK
    if min(rates) < _NOTHING_HEARD:
        diagnostics.note(f"verified: {understood} of {len(rates)} pieces were understood as they should be.")
        return ExitCode.OK
    diagnostics.note("verified: nothing of it was understood; try another seed, another voice, or other words.")
    return ExitCode.FAILED


def refuse_idle_options(*, output: Path | None, play: bool, verify: bool, constrain: bool | None) -> None:
    """Refuse options of speech that would do nothing beside others; the present command's are looked at.

    Raises:
        click.UsageError: There is one.
    """
    context = click.get_current_context()
    if is_given("retries") and context.params["retries"]:
        if constrain is False:
            raise click.UsageError("--retries does nothing beside --no-constrain, which says all once.", context)
        if play and not verify:
            raise click.UsageError("--retries does nothing beside --play, unless there is --verify.", context)
    if output is None and (is_given("subtype") or is_given("sidecar")):
        raise click.UsageError("--subtype and --no-sidecar are for a file, which -o names.", context)
