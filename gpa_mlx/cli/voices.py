"""`gpa-mlx voices`: the voice library."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpa_mlx.audio.files.existing import require_audio
from gpa_mlx.cli.inputs import STANDARD_INPUT, open_engine, read_source, require_voice
from gpa_mlx.cli.options import FiniteFloat, InputFile, json_option, model_option, track_option
from gpa_mlx.cli.output import say, write_json
from gpa_mlx.errors import SettingsError, VoiceError
from gpa_mlx.store.text_output import STANDARD_OUTPUT, descriptor_of, require_replaceable, write_text
from gpa_mlx.types import AudioFile
from gpa_mlx.voices.card import decode_card, format_card
from gpa_mlx.voices.consent import CONSENT, CONSENT_QUESTION
from gpa_mlx.voices.library import VoiceLibrary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpa_mlx.cli.program import Session
    from gpa_mlx.jobs.enroll import Enrollment
    from gpa_mlx.jobs.voice_probe import Probe
    from gpa_mlx.types import AudioLike, Voice

_MAX_DESCRIPTION_BYTES = 300
"""So much always fits on a card, beside the longest name and 32 codes."""

_MAX_RECORD_S = 60

_force_option = click.option("--force", is_flag=True, help="Replace a voice of the same name.")


@click.group()
def voices() -> None:
    """Keep voices under names, and pass them on as text.

    A voice is a few dozen numbers, made from some seconds of speech. `--voice NAME` speaks with a kept one. Its card is
    a short text for chat or mail: `export` writes it, `import` reads it.
    """


@voices.command()
@click.argument("name")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=InputFile())
@click.option(
    "--record",
    "record_s",
    metavar="SECONDS",
    type=FiniteFloat(min=1, max=_MAX_RECORD_S),
    help=f"Record from the microphone instead, at most {_MAX_RECORD_S} s.",
)
@click.option(
    "--whole", is_flag=True, help="Do not look for the best part: take the recording as it is; its first seconds count."
)
@click.option(
    "--i-have-rights", is_flag=True, help="State that you have the right to use this voice; nothing is asked."
)
@click.option(
    "--description",
    metavar="TEXT",
    default="",
    callback=lambda context, parameter, text: _checked_description(text),
    help="One line about the voice.",
)
@track_option
@click.option("--no-probe", "probe", flag_value=False, default=True, help="Do not try the voice out.")
@_force_option
@model_option
@json_option
@click.pass_obj
def add(
    session: Session,
    *,
    name: str,
    files: tuple[Path, ...],
    record_s: float | None,
    whole: bool,
    i_have_rights: bool,
    description: str,
    track: int | None,
    probe: bool,
    force: bool,
    model: str | None,
    as_json: bool,
) -> None:
    """Make a voice from recordings of one speaker and keep it as NAME.

    The best few seconds of all the recordings are found, by noise, clipping, voicing and music. The model then says a
    short text with the new voice, and how like the voice that speech is, is measured.
    """
    diagnostics = session.diagnostics
    if bool(files) == (record_s is not None):
        raise click.UsageError("Give either recordings or --record SECONDS.", click.get_current_context())
    if track is not None and not files:
        raise click.UsageError("--track is one of a file, and --record uses the microphone.")
    from gpa_mlx.jobs.voice_choice import free_name

    library = VoiceLibrary()
    name = free_name(library, name, replacing=force)
    for file in files:
        require_audio(file)
    with open_engine(session, model) as engine:
        consent = _consent(stated=i_have_rights)
        clips: Sequence[AudioLike] = files if record_s is None else [_recorded(session, record_s)]
        if track is not None:
            clips = [AudioFile(os.fspath(file), track=track) for file in files]
        from gpa_mlx.jobs.enroll import EnrollJob, EnrollRequest
        from gpa_mlx.jobs.events import StepStarted

        request = EnrollRequest(
            recordings=clips, name=name, consent=consent, description=description, whole=whole, probe=probe
        )
        job = EnrollJob(engine, request)
        with diagnostics.working("listening") as show:
            for event in job.run():
                if isinstance(event, StepStarted):
                    show(event.step)
    enrollment = job.result
    assert enrollment is not None
    stored = library.add(enrollment.voice, replacing=force)
    for warning in enrollment.warnings:
        diagnostics.note(f"the recording {warning}.")
    if as_json:
        write_json(_enrollment_document(enrollment, stored, library))
    else:
        say(_rows(_enrollment_rows(enrollment, len(files))))


@voices.command("list")
@json_option
@click.pass_obj
def list_voices(session: Session, *, as_json: bool) -> None:
    """List the kept voices and the built-in ones."""
    diagnostics = session.diagnostics
    from gpa_mlx.jobs.voice_choice import built_in_voices

    library = VoiceLibrary()
    entries = library.entries()
    built_in = built_in_voices()
    if as_json:
        found = [
            {
                **(_voice_document(entry.voice) if entry.voice else {"name": entry.name}),
                "built_in": False,
                "file": str(entry.file),
                "problem": entry.problem or None,
            }
            for entry in entries
        ]
        found += [
            {**_voice_document(voice), "built_in": True, "file": None, "problem": None} for voice in built_in.values()
        ]
        write_json({"folder": str(library.folder), "voices": found})
        return
    sound = [entry.voice for entry in entries if entry.voice]
    table = [
        (voice.name, voice.family, voice.origin.made_on if voice.origin else "", voice.description) for voice in sound
    ]
    table += [(entry.name, "damaged", "", "") for entry in entries if entry.voice is None]
    table += [(voice.name, voice.family, "built-in", voice.description) for voice in built_in.values()]
    if table:
        say(_columns([("NAME", "FAMILY", "MADE", "DESCRIPTION"), *table]))
    for entry in entries:
        if entry.problem:
            diagnostics.note(f"'{entry.name}' is damaged: {entry.problem}")
    if not entries:
        diagnostics.inform("The library is empty: `gpa-mlx voices add NAME FILE` makes a voice.")


@voices.command()
@click.argument("name")
@json_option
def show(*, name: str, as_json: bool) -> None:
    """Show what is known of the voice NAME."""
    voice = _stored_or_built_in(name)
    if as_json:
        write_json(_voice_document(voice))
        return
    rows = [("name", voice.name), ("family", voice.family), ("description", voice.description)]
    if voice.origin is not None:
        rows += [
            ("made on", voice.origin.made_on),
            ("window", f"{voice.origin.start_s:.2f} to {voice.origin.end_s:.2f} s of the recording"),
            ("source", f"SHA-256 {voice.origin.source_sha256}"),
            ("consent", voice.origin.consent or "nothing is recorded"),
        ]
    rows.append(("codes", " ".join(map(str, voice.global_tokens))))
    say(_rows((label, text) for label, text in rows if text))


@voices.command()
@click.argument("name")
@json_option
@click.pass_obj
def remove(session: Session, *, name: str, as_json: bool) -> None:
    """Delete the voice NAME."""
    diagnostics = session.diagnostics
    library = VoiceLibrary()
    _refuse_built_in(library, name)
    removed = library.remove(name)
    diagnostics.inform(f"removed '{removed}'")
    if as_json:
        write_json({"removed": removed})


@voices.command()
@click.argument("name")
@click.argument("new_name", metavar="NEW-NAME")
@json_option
@click.pass_obj
def rename(session: Session, *, name: str, new_name: str, as_json: bool) -> None:
    """Call the voice NAME NEW-NAME from now on."""
    diagnostics = session.diagnostics
    from gpa_mlx.jobs.voice_choice import refuse_built_in_name

    library = VoiceLibrary()
    _refuse_built_in(library, name)
    refuse_built_in_name(new_name)
    voice = library.rename(name, new_name)
    diagnostics.inform(f"'{name}' is now '{voice.name}'")
    if as_json:
        write_json(_voice_document(voice))


@voices.command()
@click.argument("name")
@click.option(
    "-o", "--output", metavar="OUT.voice", type=click.Path(path_type=Path), help="File, instead of standard output."
)
@json_option
@click.pass_obj
def export(session: Session, *, name: str, output: Path | None, as_json: bool) -> None:
    """Write the card of the voice NAME, to be pasted.

    `--voice OUT.voice` speaks with a card that is not in the library.
    """
    diagnostics = session.diagnostics
    voice = _stored_or_built_in(name)
    card = format_card(voice)
    if output is not None and (str(output) == "-" or descriptor_of(output) == STANDARD_OUTPUT):
        output = None
    if output is not None:
        require_replaceable(output)
        write_text(output, card)
        diagnostics.inform(f"wrote {output}")
    if as_json:
        write_json({"voice": _voice_document(voice), "card": card, "file": None if output is None else str(output)})
    elif output is None:
        say(card, newline=False)


@voices.command("import")
@click.argument("source", metavar="CARD|-")
@click.option("--name", metavar="NAME", help="Keep it under this name instead of the card's.")
@_force_option
@json_option
@click.pass_obj
def import_card(session: Session, *, source: str, name: str | None, force: bool, as_json: bool) -> None:
    """Keep the voice of a card.

    CARD is a text file that holds the card; `-` reads standard input, into which it can be pasted. Words around the
    card, quote marks and wrapped lines do not matter; a card with any other change is refused.
    """
    diagnostics = session.diagnostics
    from gpa_mlx.jobs.voice_choice import free_name

    library = VoiceLibrary()
    voice = decode_card(read_source(source), "standard input" if source == STANDARD_INPUT else source)
    voice = replace(voice, name=free_name(library, name or voice.name, replacing=force))
    stored = library.add(voice, replacing=force)
    if stored.origin is None or not stored.origin.consent:
        diagnostics.note("the card says nothing about the right to use this voice.")
    diagnostics.inform(f"added '{stored.name}'")
    if as_json:
        write_json(_voice_document(stored))


@voices.command()
@click.argument("name")
@click.option("--text", metavar="TEXT", help="What to say, in one breath.  [default: a short sentence]")
@model_option
@json_option
@click.pass_obj
def play(session: Session, *, name: str, text: str | None, model: str | None, as_json: bool) -> None:
    """Hear the voice NAME: the model says a short text with it."""
    diagnostics = session.diagnostics
    chosen = require_voice(session, name, model)
    with open_engine(session, model) as engine:
        from gpa_mlx.audio.devices.loudspeaker import Loudspeaker
        from gpa_mlx.audio.devices.playback import Player
        from gpa_mlx.jobs.events import AudioChunk, GenerationStarted
        from gpa_mlx.jobs.voice_probe import SampleJob

        loudspeaker = Loudspeaker(session.settings.loudspeaker)
        job = SampleJob(engine, chosen, text or None)
        with (
            diagnostics.working("loading") as working,
            Player(engine.sample_rate, device=loudspeaker) as player,
            closing(job.run()) as events,
        ):
            for event in events:
                if isinstance(event, GenerationStarted) and job.voice is not None:
                    working(f"speaking as {job.voice.name}")
                elif isinstance(event, AudioChunk):
                    player.feed(event.audio)
            player.finish()
    voice = "" if job.voice is None else job.voice.name
    diagnostics.inform(f'{voice}: "{job.text}", {job.duration_s:.2f} s')
    if as_json:
        write_json({"voice": voice, "text": job.text, "duration_s": job.duration_s})


def _checked_description(text: str) -> str:
    """Return the text with single spaces, if it can stand on a card."""
    line = " ".join(text.split())
    if not line.isprintable() or len(line.encode(errors="replace")) > _MAX_DESCRIPTION_BYTES:
        raise SettingsError(
            "The description cannot stand on a voice card.",
            hint=f"Use at most {_MAX_DESCRIPTION_BYTES} bytes of plain text.",
        )
    return line


def _consent(*, stated: bool) -> str:
    """Return the line that records what the user says about the right to use the voice, asking if need be."""
    if stated:
        return f"{CONSENT[:-1]} (--i-have-rights)."
    if not _is_terminal():
        raise SettingsError(
            "Nobody said that you have the right to use this voice.",
            hint="If it is your own, or its owner agreed, add --i-have-rights.",
        )
    if not click.confirm(CONSENT_QUESTION, err=True):
        raise VoiceError("No voice was made: its owner has not agreed.", hint="Ask the owner first.")
    return CONSENT


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _recorded(session: Session, seconds: float) -> AudioLike:
    from gpa_mlx.audio.devices.clip_recorder import record_clip
    from gpa_mlx.audio.devices.microphone import Microphone
    from gpa_mlx.types import SAMPLE_RATE_HZ

    session.diagnostics.inform(f"recording {seconds:g} s: speak now")
    with session.diagnostics.working("recording"):
        clip = record_clip(
            Microphone(session.settings.microphone), seconds, lambda advice: session.diagnostics.note(str(advice))
        )
    return clip, SAMPLE_RATE_HZ


def _stored_or_built_in(name: str) -> Voice:
    from gpa_mlx.jobs.voice_choice import built_in_voices

    library = VoiceLibrary()
    return library.find(name) or built_in_voices().get(name) or library.get(name)


def _refuse_built_in(library: VoiceLibrary, name: str) -> None:
    from gpa_mlx.jobs.voice_choice import built_in_voices

    if name in built_in_voices() and name not in library.names():
        raise VoiceError(f"'{name}' is a built-in voice.", hint="Only voices of the library can be changed.")


def _enrollment_rows(enrollment: Enrollment, files: int) -> list[tuple[str, str]]:
    from gpa_mlx.jobs.reference_clip import described

    window, quality = enrollment.window, enrollment.window.quality
    part = "all" if enrollment.is_whole else f"{window.start_s:.2f} to {window.end_s:.2f} s"
    rows = [
        ("voice", f"{enrollment.voice.name} ({enrollment.voice.family})"),
        ("made from", f"{part} of {described(enrollment.source)}" + (f", the best of {files}" if files > 1 else "")),
        (
            "quality",
            f"{quality.total:.0f} of 100: speech {quality.snr_db:.0f} dB above the rest, {quality.clipping_share:.1%} "
            f"clipped, {quality.voicing_share:.0%} voiced, tones at {quality.tone_bed_db:.0f} dB, "
            f"{quality.speech_share:.0%} speech",
        ),
    ]
    if (probe := enrollment.probe) is not None:
        said = f'said "{probe.text}"'
        if probe.similarity is None:
            rows.append(("similarity", f"not known: {said}; {probe.problem}"))
        else:
            alike = probe.similarity
            rows.append(
                (
                    "similarity",
                    f"{alike.levels:.2f} ({alike.equal_codes:.0%} of the codes equal) between the voice and its own "
                    f"speech, {said}; chance is 0.58, 1 is the same",
                )
            )
    return rows


def _voice_document(voice: Voice) -> dict[str, Any]:
    """Return what `--json` says of a voice."""
    document = asdict(voice) | {"global_tokens": list(voice.global_tokens)}
    if voice.origin is None:
        del document["origin"]
    return document


def _enrollment_document(enrollment: Enrollment, stored: Voice, library: VoiceLibrary) -> dict[str, Any]:
    from gpa_mlx.jobs.reference_clip import described

    return {
        "voice": _voice_document(stored),
        "folder": str(library.folder),
        "source": described(enrollment.source),
        "window": {
            "start_s": enrollment.window.start_s,
            "end_s": enrollment.window.end_s,
            "whole": enrollment.is_whole,
        },
        "quality": asdict(enrollment.window.quality),
        "warnings": list(enrollment.warnings),
        "probe": None if enrollment.probe is None else _probe_document(enrollment.probe),
    }


def _probe_document(probe: Probe) -> dict[str, Any]:
    alike = probe.similarity
    return {"text": probe.text, "similarity": None if alike is None else asdict(alike), "problem": probe.problem}


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{label:<11} {text}" for label, text in rows)


def _columns(table: Sequence[tuple[str, ...]]) -> str:
    from rich.cells import cell_len  # Chinese characters are two columns wide

    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )
