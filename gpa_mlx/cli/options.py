"""Options that several commands share, so that each has one name, one range and one help text."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gpa_mlx.audio.files.output_endings import USUAL_ENDINGS
from gpa_mlx.audio.vad.registry import DEFAULT_DETECTOR, DETECTORS, make_detector
from gpa_mlx.transcripts.formats import FORMATS, Format

if TYPE_CHECKING:
    from gpa_mlx.types import GenerationOptions

F = TypeVar("F", bound=Callable[..., Any])

MODEL_VARIABLE = "GPA_MLX_MODEL"
_ENDINGS = ", ".join(USUAL_ENDINGS)
SUBTYPES = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")


class FiniteFloat(click.FloatRange):
    """A number within a range; `nan` and `inf`, which pass every comparison, are refused."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """Return the number or fail with a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class InputFile(click.Path):
    """The path of a file to read; an empty one, which a shell makes of an unset variable, means no folder here."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Return the path or fail with a usage error."""
        if value == "":
            self.fail("it names no file; a variable may be unset.", param, ctx)
        return super().convert(value, param, ctx)


class FormatList(click.ParamType):
    """Names of formats of timed text, separated by commas."""

    name = "formats"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Format, ...]:  # noqa: ANN401
        """Return the formats or fail with a usage error."""
        names = [name.strip().lower() for name in value.split(",")]
        for name in names:
            if name not in FORMATS:
                self.fail(f"{name!r} is not one of {', '.join(FORMATS)}.", param, ctx)
        return tuple(kind for name in names for kind in FORMATS if kind == name)


def is_given(name: str) -> bool:
    """Return whether the user gave a parameter of the present command on the command line, and not its default."""
    context = click.get_current_context(silent=True)
    while context is not None:
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            return True
        context = context.parent  # a command may invoke another with its own parameters
    return False


def model_option(command: F) -> F:
    """Add `--model`; the command receives it as `model`, None when neither option nor environment names one."""
    return click.option(
        "--model",
        metavar="NAME|DIR|demo",
        envvar=MODEL_VARIABLE,
        show_envvar=True,
        help="Directory of a converted model, or `demo`. An installed model goes by its name, and the default one "
        "needs none.",
    )(command)


def adapter_option(command: F) -> F:
    """Add `--adapter`."""
    return click.option(
        "--adapter",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Directory of an adapter trained with `train lm --lora`.",
    )(command)


def json_option(command: F) -> F:
    """Add `--json`; the command receives it as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Write the result as JSON.")(command)


def output_options(command: F) -> F:
    """Add `-o/--output`, which must be given, `--subtype` and `--no-sidecar`; the last is received as `sidecar`."""
    return click.option(
        "-o",
        "--output",
        metavar="OUT|-",
        type=click.Path(path_type=Path),
        required=True,
        help=f"File to write; its ending, one of {_ENDINGS}, says in which format. `-` is WAV on standard output.",
    )(_subtype_option(_sidecar_option(command)))


def speech_options(command: F) -> F:
    """Add where speech goes and how it is checked.

    The command receives `output` (None when not given), `play`, `subtype`, `sidecar`, `verify` and `retries`.
    """
    options = [
        click.option(
            "-o",
            "--output",
            metavar="OUT|-",
            type=click.Path(path_type=Path),
            help=f"File to write; its ending, one of {_ENDINGS}, says in which format. `-` is WAV on standard output. "
            "WAV grows while the speech is made.",
        ),
        click.option(
            "--play", is_flag=True, help="Play the speech while it is made; without --verify nothing is repaired."
        ),
        _subtype_option,
        _sidecar_option,
        click.option(
            "--verify", is_flag=True, help="Transcribe every piece, and say it again when it is not understood."
        ),
        click.option(
            "--retries",
            metavar="N",
            type=click.IntRange(min=0),
            default=2,
            show_default=True,
            help="How often a piece that went wrong is said again.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _subtype_option(command: F) -> F:
    return click.option(
        "--subtype",
        metavar="|".join(SUBTYPES),
        type=click.Choice(SUBTYPES, case_sensitive=False),
        default="PCM_16",
        show_default=True,
        help="Sample format of a WAV file, or of FLAC (16 or 24 bits).",
    )(command)


def _sidecar_option(command: F) -> F:
    return click.option(
        "--no-sidecar",
        "sidecar",
        flag_value=False,
        default=True,
        help="Do not write OUT.wav.json, which says how the file was made; the tag inside the file stays.",
    )(command)


def transcript_options(command: F) -> F:
    """Add what says where a transcription goes and how it looks.

    The command receives `output`, `formats` (each once, in the order given), `max_line_width` and `max_line_count`.
    """
    options = [
        click.option(
            "-f",
            "--format",
            "formats",
            metavar="|".join(FORMATS),
            type=FormatList(),
            multiple=True,
            callback=lambda context, parameter, lists: tuple(dict.fromkeys(kind for kinds in lists for kind in kinds)),
            help="What to write; repeat it, or separate by commas, for several.  [default: what OUT ends in, or txt]",
        ),
        click.option(
            "-o",
            "--output",
            metavar="DIR|OUT|-",
            help="Folder for files named like the recordings, made if needed; the file for a single one; `-` is "
            "standard output.",
        ),
        click.option(
            "--max-line-width",
            metavar="N",
            type=click.IntRange(min=1),
            help="Break the lines of srt and vtt after N characters, between words or Chinese characters.",
        ),
        click.option(
            "--max-line-count",
            metavar="N",
            type=click.IntRange(min=1),
            help="Show N lines at once; a longer segment is split, at times guessed from the number of characters.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def voice_option(command: F) -> F:
    """Add `--voice`; the command receives it as `voice`, None when not given."""
    return click.option(
        "--voice",
        metavar="FILE|NAME",
        help="Whose voice: a recording, whose best seconds are taken, a voice card, or a name that `voices list` "
        "shows.  [default: the setting `voice`]",
    )(command)


def sampling_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add every field of `GenerationOptions`; the command receives a function that applies them, as `choose`."""
    return _collecting(command, [*_SAMPLING_OPTIONS, *_BUDGET_OPTIONS])


def budget_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--max-tokens` and `--no-constrain`; the command receives a function that applies them, as `choose`."""
    return _collecting(command, _BUDGET_OPTIONS)


_SAMPLING_OPTIONS = [
    click.option("--temperature", metavar="T", type=FiniteFloat(min=0), help="0 is greedy.  [default: 0.2]"),
    click.option(
        "--top-k", metavar="K", type=click.IntRange(min=0), help="Keep the K best; 0 keeps all.  [default: 50]"
    ),
    click.option(
        "--top-p",
        metavar="P",
        type=FiniteFloat(min=0, max=1, min_open=True),
        help="Keep the best that together reach this probability.  [default: 1.0]",
    ),
    click.option(
        "--repetition-penalty",
        metavar="R",
        type=FiniteFloat(min=0, min_open=True),
        help="Above 1 discourages repetition; 1 is off.  [default: 1.2]",
    ),
    click.option(
        "--seed",
        metavar="N",
        type=click.IntRange(0, 2**32 - 1),
        help="Makes the result repeatable.  [default: drawn anew]",
    ),
]
_BUDGET_OPTIONS = [
    click.option(
        "--max-tokens",
        metavar="N",
        type=click.IntRange(min=1),
        help="Most new tokens per pass.  [default: 512; speak and vc: what the text or the source needs]",
    ),
    click.option(
        "--no-constrain",
        "constrain",
        flag_value=False,
        default=None,
        help="Let the model choose from its whole vocabulary, exactly as the reference does.",
    ),
]

_FIELDS = ("max_tokens", "temperature", "top_k", "top_p", "repetition_penalty", "seed", "constrain")


def track_option(command: F) -> F:
    """Add `--track`."""
    return click.option(
        "--track",
        metavar="N",
        type=click.IntRange(min=1),
        help="Which audio track of a video, from 1; by default the one the file prefers, or the first with speech.",
    )(command)


def vad_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--vad` and `--no-vad`; the command gets one `vad`, a `VadChoice`."""

    @functools.wraps(command)
    def with_choice(*positional: object, vad_name: str | None, no_vad: bool, **values: Any) -> object:  # noqa: ANN401
        if vad_name and no_vad:
            raise click.UsageError("--vad and --no-vad cannot be used together.")
        if vad_name:
            make_detector(vad_name)  # what is not installed is better said before a model is read
        return command(*positional, vad=vad_name or not no_vad, **values)

    names = click.option(
        "--vad",
        "vad_name",
        type=click.Choice(tuple(DETECTORS)),
        help=f"What finds speech; {DEFAULT_DETECTOR} by default. silero needs `pip install 'gpa-mlx[silero]'`.",
    )
    none = click.option("--no-vad", is_flag=True, help="Transcribe everything, also what is not speech.")
    return names(none(with_choice))


def _collecting(command: Callable[..., Any], options: Sequence[Callable[[Any], Any]]) -> Callable[..., Any]:
    """Gather the values of `options` into one function from a task's defaults to the user's choice."""

    @functools.wraps(command)
    def collected(*positional: object, **values: Any) -> object:  # noqa: ANN401
        given = {name: values.pop(name, None) for name in _FIELDS}
        given = {name: value for name, value in given.items() if value is not None}

        def choose(defaults: GenerationOptions) -> GenerationOptions:
            from dataclasses import replace

            return replace(defaults, **given)

        return command(*positional, choose=choose, **values)

    for option in reversed(options):
        collected = option(collected)
    return collected
