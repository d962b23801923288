"""`gpa-mlx speak`: text of any length to speech in a given voice."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.inputs import (
    introduce,
    is_name_of_file,
    name_voice,
    open_engine,
    read_text,
    read_text_file,
    require_voice,
)
from gpa_mlx.cli.options import (
    FiniteFloat,
    adapter_option,
    json_option,
    model_option,
    sampling_options,
    speech_options,
    voice_option,
)
from gpa_mlx.cli.output import say, write_json
from gpa_mlx.cli.progress import TextProgress
from gpa_mlx.cli.speech_output import (
    PRINTED_SUBTITLES,
    STANDARD_OUTPUT,
    Destination,
    SpeechOutput,
    named_output,
    named_subtitles,
    refuse_idle_options,
    replaces_file,
    report_parts,
    report_verdict,
)
from gpa_mlx.errors import ModelNotFoundError, NoSpeechError, SettingsError
from gpa_mlx.store.text_output import require_replaceable

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.cli.program import Session
    from gpa_mlx.jobs.speak import SpeakJob
    from gpa_mlx.synthesis.plan import PassageCount, SynthesisSettings
    from gpa_mlx.types import GenerationOptions, Voice

_MOST_SHOWN = 40


@click.command()
@click.argument("text", metavar="[TEXT|-]", required=False)
@click.option(
    "-f", "--file", "text_file", metavar="FILE", type=click.Path(path_type=Path), help="Say what a file says."
)
@voice_option
@model_option
@adapter_option
@speech_options
@click.option(
    "--srt",
    metavar="FILE|-",
    type=click.Path(path_type=Path),
    help="Also write subtitles of the speech: SubRip, or WebVTT if FILE ends in .vtt; `-` is standard output.",
)
@click.option("--no-normalize", "normalize", flag_value=False, default=True, help="Speak the text exactly as written.")
@click.option(
    "--lexicon",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="How words are said: lines `written = spoken`.",
)
@click.option(
    "--speed",
    metavar="FACTOR",
    type=FiniteFloat(min=0.5, max=2),
    default=1.0,
    show_default=True,
    help="2 is twice as fast, 0.5 half as fast, at the same pitch; then an interrupted text begins anew.",
)
@click.option("--show-spoken", is_flag=True, help="Only print what would be spoken, one passage per line.")
@sampling_options
@json_option
@click.pass_obj
def speak(
    session: Session,
    *,
    text: str | None,
    text_file: Path | None,
    voice: str | None,
    model: str | None,
    adapter: Path | None,
    output: Path | None,
    play: bool,
    subtype: str,
    sidecar: bool,
    verify: bool,
    retries: int,
    srt: Path | None,
    normalize: bool,
    lexicon: Path | None,
    speed: float,
    show_spoken: bool,
    as_json: bool,
    choose: Callable[[GenerationOptions], GenerationOptions],
) -> None:
    """Say a text in the voice of a recording.

    TEXT is what to say; `-` reads it from standard input, and -f from a file. It may be of any length: it is spoken
    sentence by sentence, and what went wrong is said again. Numbers, units, symbols and abbreviations are put into
    words first.

    When a long text is interrupted, the same command goes on where it stopped, unless it plays. With --no-constrain
    the text is spoken as it is written and in one go, exactly as the reference does.

    With --verify the exit code is 1 when nothing of the speech was understood.

    A finished file says in itself that it is synthetic, and OUT.wav.json beside it how it was made, without the text;
    `gpa-mlx verify OUT.wav` reads both. Standard output gets neither.
    """
    diagnostics = session.diagnostics
    output, srt = named_output(output), named_subtitles(srt)
    text = _given(text, text_file)
    exact = _checked_options(choose, lexicon, normalize=normalize, show_spoken=show_spoken, as_json=as_json)
    if not show_spoken:
        refuse_idle_options(output=output, play=play, verify=verify, constrain=not exact)
    destination = Destination(
        output=output,
        play=play,
        subtype=subtype,
        sidecar=sidecar,
        loudspeaker=session.settings.loudspeaker if play else None,
    )
    chosen = None if show_spoken else _checked(session, destination, voice, model, srt, as_json=as_json)
    settings = _settings(lexicon, normalize=normalize, retries=retries, verify=verify, live=play and not verify)
    text = read_text(text) if text_file is None else read_text_file(text_file)
    if chosen is None:
        _show_spoken(session, model, text, settings, exact=exact)
        return
    introduce(session, model)
    from gpa_mlx.jobs.speak import SpeakJob, SpeakRequest

    with open_engine(session, model, adapter) as engine, SpeechOutput(destination) as speech:
        request = SpeakRequest(
            text=text,
            voice=chosen,
            options=choose(engine.default_options("speak")),
            settings=settings,
            adapter=adapter,
            output=destination.target,
            subtitles=srt,
            speed=speed,
        )
        job = SpeakJob(engine, request)
        _run(job, speech, diagnostics)
    diagnostics.inform(speech.describe(job.result))
    names = {
        f'passage {number} ("{shorten(passage.text, _MOST_SHOWN, placeholder="...")}")': passage
        for number, passage in enumerate(job.result.parts, start=1)
    }
    report_parts(names, diagnostics)
    if as_json:
        write_json(speech.document("passages", job.result) | {"unknown_words": list(job.plan.unknown_words)})
    if code := report_verdict(job.result.parts, diagnostics):
        raise click.exceptions.Exit(code)


def _given(text: str | None, file: Path | None) -> str:
    """Return the TEXT argument; a name of a file in its place is most likely a mistake.

    Raises:
        click.UsageError: Neither text nor file, or both.
        SettingsError: The text is the name of a file.
    """
    if (text is None) == (file is None):
        raise click.UsageError("Give either TEXT or --file FILE.", click.get_current_context())
    if text is not None and is_name_of_file(text):
        raise SettingsError(
            f"'{text}' is a file, and its name would be said.",
            hint=f"To say what it says: `gpa-mlx speak -f {text} ...`.",
        )
    return text or ""


def _checked_options(
    choose: Callable[[GenerationOptions], GenerationOptions],
    lexicon: Path | None,
    *,
    normalize: bool,
    show_spoken: bool,
    as_json: bool,
) -> bool:
    """Return whether the text is spoken exactly as it is written, in one go.

    Raises:
        click.UsageError: An option would do nothing beside another.
    """
    from gpa_mlx.types import GenerationOptions

    context = click.get_current_context()
    exact = not choose(GenerationOptions()).constrain
    if lexicon is not None and (exact or not normalize):
        other = "--no-constrain" if exact else "--no-normalize"
        raise click.UsageError(f"--lexicon does nothing beside {other}: the text is spoken as it is written.", context)
    if show_spoken and as_json:
        raise click.UsageError("--show-spoken prints plain lines; --json is for the speech.", context)
    return exact


def _run(job: SpeakJob, speech: SpeechOutput, diagnostics: Diagnostics) -> None:
    """Show what the job does, and play and pipe what it makes."""
    from gpa_mlx.jobs.events import (
        AudioChunk,
        Finished,
        GenerationStarted,
        PassageStarted,
        ReplacesFile,
        Resumed,
        StartedAnew,
        StepStarted,
        UnknownWords,
    )
    from gpa_mlx.synthesis.plan import named_words

    is_speaking = False
    progress = TextProgress(show=lambda line: None)
    try:
        with diagnostics.working("loading") as show, closing(job.run()) as events:
            for event in events:
                match event:
                    case GenerationStarted():
                        is_speaking = True
                        progress = TextProgress(show)
                        speech.open()
                    case Resumed(done=done, count=count, kept=kept, problem=problem):
                        after = f"going on after passage {done} of {_counted(count)}"
                        diagnostics.note(f"{after}{'; ' if problem else ''}{_explained(problem, kept)}.")
                    case StartedAnew(problem=problem, kept=kept):
                        diagnostics.note(f"an interrupted run is not gone on with: {_explained(problem, kept)}.")
                    case ReplacesFile(path=path):
                        diagnostics.note(replaces_file(path))
                    case UnknownWords(words=words, are_left_out=are_left_out):
                        rest = "the rest is spoken without them" if are_left_out else "it makes something of them"
                        diagnostics.note(f"this model cannot say: {named_words(words)}; {rest}.")
                    case PassageStarted(number=number, count=count, share=share):
                        progress.reach(f"passage {number + 1} of {_counted(count)}", share)
                    case AudioChunk(audio=audio):
                        speech.append(audio)
                    case StepStarted(step=step):
                        show(step)
                    case Finished():
                        speech.wait(show)
                    case _:
                        pass
    except BaseException as error:
        if is_speaking and not job.result.is_complete:
            _report_stop(job, error, diagnostics)
        raise


def _report_stop(job: SpeakJob, error: BaseException, diagnostics: Diagnostics) -> None:
    """Say how far a job came that did not come to its end."""
    if isinstance(error, NoSpeechError):
        return
    if job.problem is not None:
        diagnostics.report(job.problem)
    done, total = len(job.result.parts), _counted(job.plan.count)
    if job.is_resumable:
        diagnostics.note(f"stopped after {done} of {total} passages; the same command goes on from there.")
    elif isinstance(error, KeyboardInterrupt):
        diagnostics.note(f"stopped in passage {done + 1} of {total}.")


def _counted(count: PassageCount) -> str:
    return f"{count.number}" if count.is_exact else f"about {count.number}"


def _explained(problem: str | None, kept: int) -> str:
    """Say why not all is used that an interrupted run left, and what of the rest is."""
    if problem is None:
        return ""
    passages = "1 passage more is" if kept == 1 else f"{kept} passages more are"
    return (
        f"{problem}, and {passages} used where the text still has {'it' if kept == 1 else 'them'}" if kept else problem
    )


def _checked(
    session: Session, destination: Destination, voice: str | None, model: str | None, srt: Path | None, *, as_json: bool
) -> Path | Voice:
    """Return the voice, once it is clear that everything can be written."""
    voice = name_voice(session, voice)
    recordings = [Path(voice)] if Path(voice).is_file() else []
    destination.check(*recordings, as_json=as_json)
    if srt == PRINTED_SUBTITLES and (as_json or destination.output == STANDARD_OUTPUT):
        raise SettingsError(
            "Standard output cannot take the subtitles and something else.", hint="Name a file with --srt."
        )
    if srt is not None:
        from gpa_mlx.jobs.speak import require_subtitles

        require_replaceable(srt, *recordings, *(destination.target.files if destination.target else ()))
        require_subtitles(srt)
    return require_voice(session, voice, model)


def _settings(lexicon: Path | None, *, normalize: bool, retries: int, verify: bool, live: bool) -> SynthesisSettings:
    from gpa_mlx.synthesis.plan import SynthesisSettings
    from gpa_mlx.text.normalization import read_lexicon

    return SynthesisSettings(
        normalize=normalize,
        lexicon=None if lexicon is None else read_lexicon(lexicon),
        retries=retries,
        verify=verify,
        live=live,
    )


def _show_spoken(session: Session, model: str | None, text: str, settings: SynthesisSettings, *, exact: bool) -> None:
    """Print the passages as the model would get them; where there is no model, as long as they are at most."""
    from gpa_mlx.jobs.speak import settings_for
    from gpa_mlx.synthesis.plan import SpeechPlan, named_words

    try:
        with open_engine(session, model) as engine:
            settings = settings_for(engine, settings)
    except ModelNotFoundError:
        if model is not None:
            raise
    plan = SpeechPlan(text, settings, exact=exact)
    for _, spoken in plan:
        say(" ".join(spoken.split()))
    if plan.unknown_words:
        words = named_words(plan.unknown_words)
        rest = "they are left out" if plan.leaves_out else "it makes something of them"
        session.diagnostics.note(f"this model cannot say: {words}; {rest}.")
