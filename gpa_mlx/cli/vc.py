"""`gpa-mlx vc`: voice conversion of recordings of any length."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.inputs import introduce, name_voice, open_engine, open_voice, require_audio, require_voice
from gpa_mlx.cli.options import (
    adapter_option,
    json_option,
    model_option,
    sampling_options,
    speech_options,
    voice_option,
)
from gpa_mlx.cli.output import write_json
from gpa_mlx.cli.progress import Progress, clock
from gpa_mlx.cli.speech_output import Destination, SpeechOutput, report_parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.cli.program import Session
    from gpa_mlx.synthesis.conversion import ConversionStream, ConvertedSegment
    from gpa_mlx.types import GenerationOptions

_MOST_DIFFERENCE = 0.05
"""Share of the source's length by which the result may differ without a word."""


@click.command()
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@voice_option
@model_option
@adapter_option
@speech_options
@sampling_options
@click.option("--no-normalize", is_flag=True, expose_value=False, hidden=True)  # scripts share options with speak
@json_option
@click.pass_obj
def vc(
    session: Session,
    *,
    source: Path,
    voice: str | None,
    model: str | None,
    adapter: Path | None,
    output: Path | None,
    play: bool,
    subtype: str,
    sidecar: bool,
    verify: bool,
    retries: int,
    as_json: bool,
    choose: Callable[[GenerationOptions], GenerationOptions],
) -> None:
    """Say what a recording says in another voice.

    SRC is the recording whose words and timing are kept. It may be of any length: it is converted stretch by stretch,
    and what went wrong is done again. With --no-constrain it is converted in one go, exactly as the reference does.

    A finished file says in itself that it is synthetic, and OUT.wav.json beside it how it was made;
    `gpa-mlx verify OUT.wav` reads both. Standard output gets neither.
    """
    diagnostics = session.diagnostics
    require_audio(source)
    voice = name_voice(session, voice)
    destination = Destination(
        output=output,
        play=play,
        subtype=subtype,
        sidecar=sidecar,
        loudspeaker=session.settings.loudspeaker if play else None,
    )
    destination.check(source, *([Path(voice)] if Path(voice).is_file() else []), as_json=as_json)
    chosen = require_voice(session, voice, model)
    from gpa_mlx.audio.files.sound_file import announced_duration_s
    from gpa_mlx.synthesis.conversion import ConversionSettings, convert_recording
    from gpa_mlx.synthesis.metadata import describe_generation, identify_weights
    from gpa_mlx.synthesis.retry import drawn_seed

    settings = ConversionSettings(retries=retries, verify=verify, live=play and not verify)
    duration_s = announced_duration_s(source)
    introduce(session, model)
    with open_engine(session, model, adapter) as engine:
        options = drawn_seed(choose(engine.default_options("vc")))
        with diagnostics.working("loading"):
            # Before the work: afterwards another model or recording may be there.
            weights = None if destination.file is None else identify_weights(engine.path, adapter)
            source_sha256 = None if weights is None else _digest(source)
            target = open_voice(engine, chosen)
            engine.warm("vc")
            if verify:
                engine.warm("transcribe")
        work = _Conversion(duration_s)
        try:
            with diagnostics.working("converting") as show, SpeechOutput(destination, expected_s=duration_s) as speech:
                chunks = convert_recording(engine, source, voice=target, options=options, settings=settings)
                work.deliver(chunks, speech, show)
                if weights is not None:
                    speech.tag_file(
                        describe_generation(
                            "vc",
                            weights,
                            target,
                            options,
                            work.segments,
                            settings=asdict(settings),
                            source_sha256=source_sha256,
                        )
                    )
                speech.wait(show)
        except KeyboardInterrupt:
            if not work.is_whole:
                diagnostics.note(f"stopped at {clock(work.reached_s)} of the source.")
            raise
    diagnostics.inform(speech.describe())
    report_parts({f"from {clock(segment.source_start_s)} on": segment for segment in work.segments}, diagnostics)
    for segment in work.segments:
        if segment.stopped_early and segment.finish_reason == "stop":
            made_s, asked_s = segment.end_s - segment.start_s, segment.source_end_s - segment.source_start_s
            diagnostics.note(
                f"from {clock(segment.source_start_s)} on: the model stopped early, after {made_s:.1f} of "
                f"{asked_s:.1f} s; try another seed, or --verify."
            )
    if duration_s and abs(speech.duration_s / duration_s - 1) > _MOST_DIFFERENCE:
        diagnostics.note(f"the result lasts {speech.duration_s:.2f} s, the source {duration_s:.2f} s.")
    if as_json:
        seed = None if options.temperature == 0 else options.seed
        write_json(speech.document("segments", work.segments, seed=seed))


def _digest(source: Path) -> str | None:
    """Return the digest of a file; None of a pipe, which can be read only once, and where reading will fail anyway."""
    from gpa_mlx.store.manifest import sha256_of

    try:
        return sha256_of(source) if source.is_file() else None
    except OSError:
        return None


class _Conversion:
    """How far one conversion is.

    Args:
        duration_s: Length of the source; None when it is not known.

    Attributes:
        segments: What was converted.
        reached_s: How much of the source has been worked through.
        is_whole: Whether it came to its end.
    """

    def __init__(self, duration_s: float | None) -> None:
        self._duration_s = duration_s
        self.segments: list[ConvertedSegment] = []
        self.reached_s = 0.0
        self.is_whole = False

    def deliver(self, chunks: ConversionStream, speech: SpeechOutput, show: Callable[[str], None]) -> None:
        """Hand the result on while it is made; an interrupt leaves it as long as it is."""
        progress = Progress(show, "converting", self._duration_s)
        with closing(chunks):
            for chunk in chunks:
                speech.append(chunk.audio)
                self.reached_s = chunk.source_s
                progress.reach(chunk.source_s)
                if chunk.segment is not None:
                    self.segments.append(chunk.segment)
        speech.end()
        self.is_whole = True
