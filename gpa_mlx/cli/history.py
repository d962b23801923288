"""`gpa-mlx history`: what was dictated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.diagnostics import ExitCode
from gpa_mlx.cli.heard import finished_document, open_history, read_optional_vocabulary, show_replacements, text_options
from gpa_mlx.cli.inputs import open_engine, require_model
from gpa_mlx.cli.options import (
    FiniteFloat,
    adapter_option,
    budget_options,
    json_option,
    model_option,
    speech_options,
    voice_option,
)
from gpa_mlx.cli.output import say, write_json
from gpa_mlx.errors import GPAError, InputTextError
from gpa_mlx.text.quantities import readable_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.cli.program import Session
    from gpa_mlx.history import Entry
    from gpa_mlx.types import GenerationOptions

_SHOWN_CHARS = 60


@click.group()
def history() -> None:
    """Show, play, recognise and delete what was dictated.

    ENTRY is the name of a recording, the beginning or the end of it, or `last`.
    """


@history.command("list")
@json_option
@click.pass_obj
def list_entries(session: Session, *, as_json: bool) -> None:
    """List the recordings, the newest first."""
    for entry in open_history(session.settings).entries():
        if as_json:
            write_json(entry.document())
        else:
            say(_line(entry))


@history.command()
@click.argument("entry")
@json_option
@click.pass_obj
def show(session: Session, *, entry: str, as_json: bool) -> None:
    """Show one recording: its text, and what is known of it."""
    found = open_history(session.settings).get(entry)
    if as_json:
        write_json(found.document())
        return
    say(found.text or "(no text)")
    facts = {
        "name": found.name,
        "recorded": f"{found.recorded_at:%Y-%m-%d %H:%M:%S}",
        "length": readable_duration(found.duration_s),
        "state": "in use" if found.in_use else found.state,
        "microphone": found.device,
        "error": found.error,
        "audio": str(found.audio),
    }
    for name, value in facts.items():
        if value:
            say(f"{name + ':':12}{value}", err=True)


@history.command()
@click.argument("entry")
@click.option("--device", metavar="NAME|N", help="The sound output: a part of its name, or its number.")
@click.pass_obj
def play(session: Session, *, entry: str, device: str | None) -> None:
    """Play a recording."""
    from gpa_mlx.audio.devices.loudspeaker import Loudspeaker
    from gpa_mlx.audio.devices.playback import Player
    from gpa_mlx.audio.files.reader import open_recording
    from gpa_mlx.types import SAMPLE_RATE_HZ

    found = open_history(session.settings).get(entry)
    loudspeaker = Loudspeaker(device or session.settings.loudspeaker)
    with (
        open_recording(found.audio, channels="speech") as recording,
        Player(SAMPLE_RATE_HZ, expected_s=found.duration_s, device=loudspeaker) as player,
    ):
        for block in recording:
            player.feed(block.channel_mean.astype("float32"))
        player.finish()


@history.command()
@click.argument("entry", required=False)
@click.option("--all", "every", is_flag=True, help="Recognise everything that has no text yet.")
@text_options
@model_option
@adapter_option
@budget_options
@json_option
@click.pass_obj
def retry(
    session: Session,
    *,
    entry: str | None,
    every: bool,
    words: Path | None,
    digits: bool,
    model: str | None,
    adapter: Path | None,
    as_json: bool,
    choose: Callable[[GenerationOptions], GenerationOptions],
) -> None:
    """Recognise a recording again, or for the first time."""
    from gpa_mlx.dictation import DictationOptions, recognise_again
    from gpa_mlx.engine.thread import EngineThread
    from gpa_mlx.types import GenerationOptions

    diagnostics = session.diagnostics
    if (entry is None) != every:
        raise click.UsageError("Give one ENTRY, or --all.")
    recordings = open_history(session.settings)
    chosen = [found for found in reversed(recordings.entries()) if found.waits]
    if entry is not None:
        chosen = [recordings.get(entry)]
    if not chosen:
        diagnostics.note("everything has its text.")
    options = DictationOptions(
        words=read_optional_vocabulary(session.settings, words),
        digits=digits,
        generation=choose(GenerationOptions()),
    )
    require_model(session, model)
    failure = ExitCode.OK
    with EngineThread(lambda: open_engine(session, model, adapter)) as engine:
        for found in chosen:
            try:
                with diagnostics.working(f"recognising {found.name}"):
                    finished = recognise_again(engine, recordings, found, options)
            except GPAError as error:
                failure = failure or diagnostics.report(error)
                continue
            show_replacements(finished.replacements, diagnostics)
            if as_json:
                write_json(finished_document(finished))
            elif finished.text:
                say(finished.text)
            else:
                diagnostics.note(f"no speech was heard in {found.name}.")
    if failure:
        raise click.exceptions.Exit(failure)


@history.command()
@click.argument("entry")
@voice_option
@model_option
@adapter_option
@speech_options
@json_option
@click.pass_context
def speak(context: click.Context, *, entry: str, **options: object) -> None:
    """Say the text of a recording in a voice."""
    from gpa_mlx.cli.speak import speak as say

    found = open_history(context.obj.settings).get(entry)
    if not found.text:
        raise InputTextError(
            f"The recording {found.name} has no text.", hint=f"`gpa-mlx history retry {found.name}` writes it down."
        )
    context.invoke(say, text=found.text, **options)


@history.command()
@click.argument("entries", metavar="ENTRY...", nargs=-1, required=True)
@click.pass_obj
def delete(session: Session, *, entries: tuple[str, ...]) -> None:
    """Delete recordings, with their texts."""
    diagnostics = session.diagnostics
    recordings = open_history(session.settings)
    for found in {found.name: found for found in map(recordings.get, entries)}.values():
        recordings.delete(found)
        diagnostics.inform(f"deleted {found.name}")


@history.command()
@click.option(
    "--max-days",
    metavar="N",
    type=FiniteFloat(min=0),
    help="Delete what is older.  [default: the setting `history_days`]",
)
@click.option(
    "--max-mb",
    metavar="N",
    type=FiniteFloat(min=0),
    help="Then keep so many megabytes.  [default: the setting `history_size`]",
)
@json_option
@click.pass_obj
def prune(session: Session, *, max_days: float | None, max_mb: float | None, as_json: bool) -> None:
    """Delete what is too old or too much; every dictation does it, too."""
    from gpa_mlx.history import History

    diagnostics = session.diagnostics
    chosen = session.settings
    limited = History(
        max_age_days=chosen.history_days if max_days is None else max_days,
        max_bytes=chosen.history_size if max_mb is None else round(max_mb * 1e6),
    )
    deleted = limited.prune()
    if as_json:
        write_json({"deleted": [entry.name for entry in deleted]})
        return
    for entry in deleted:
        diagnostics.inform(f"deleted {entry.name}")
    if not deleted:
        diagnostics.inform("nothing is too old or too much.")


def _line(entry: Entry) -> str:
    text = " ".join(entry.text.split())
    if len(text) > _SHOWN_CHARS:
        text = text[: _SHOWN_CHARS - 3] + "..."
    state = "in use" if entry.in_use else entry.state
    return f"{entry.name}  {readable_duration(entry.duration_s):>7}  {state:10}  {text or entry.error}".rstrip()
