"""`gpa-mlx speak`: text of any length to speech in a given voice."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.inputs import introduce, name_voice, open_engine, open_voice, read_text, require_voice
from gpa_mlx.cli.options import (
    adapter_option,
    json_option,
    model_option,
    sampling_options,
    speech_options,
    voice_option,
)
from gpa_mlx.cli.output import write_json
from gpa_mlx.cli.speech_output import Destination, SpeechOutput, report_parts
from gpa_mlx.errors import AudioFileError, GPAError, NoSpeechError
from gpa_mlx.store.text_output import require_replaceable, write_text
from gpa_mlx.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.audio.files.incremental_wav import IncrementalWavWriter
    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.cli.program import Session
    from gpa_mlx.engine.gpa import GPA
    from gpa_mlx.provenance.metadata import GenerationMetadata, ModelIdentity
    from gpa_mlx.synthesis.checkpoint import NarrationCheckpoint
    from gpa_mlx.synthesis.narration import NarrationSettings, NarrationStream, SpokenPassage
    from gpa_mlx.types import GenerationOptions, Voice

_MOST_SHOWN = 40


@click.command()
@click.argument("text", metavar="TEXT|-")
@voice_option
@model_option
@adapter_option
@speech_options
@click.option(
    "--srt", metavar="FILE", type=click.Path(path_type=Path), help="Also write subtitles of the speech, as SubRip."
)
@click.option("--no-normalize", "normalize", flag_value=False, default=True, help="Speak the text exactly as written.")
@click.option(
    "--lexicon",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="How words are said: lines `written = spoken`.",
)
@click.option("--show-spoken", is_flag=True, help="Only print what would be spoken, one passage per line.")
@sampling_options
@json_option
@click.pass_obj
def speak(
    session: Session,
    *,
    text: str,
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
    show_spoken: bool,
    as_json: bool,
    choose: Callable[[GenerationOptions], GenerationOptions],
) -> None:
    """Say a text in the voice of a recording.

    TEXT is what to say; `-` reads it from standard input. It may be of any length: it is spoken sentence by sentence,
    and what went wrong is said again. Numbers, units, symbols and abbreviations are put into words first.

    When a long text is interrupted, the same command goes on where it stopped, unless it plays. With --no-constrain
    the text is spoken as it is written and in one go, exactly as the reference does.

    A finished file says in itself that it is synthetic, and OUT.wav.json beside it how it was made, without the text;
    `gpa-mlx verify OUT.wav` reads both. Standard output gets neither.
    """
    diagnostics = session.diagnostics
    destination = Destination(
        output=output,
        play=play,
        subtype=subtype,
        sidecar=sidecar,
        loudspeaker=session.settings.loudspeaker if play else None,
    )
    chosen = None if show_spoken else _checked(session, destination, voice, model, srt, as_json=as_json)
    settings = _settings(lexicon, normalize=normalize, retries=retries, verify=verify, live=play and not verify)
    text = read_text(text)
    if chosen is None:
        _show_spoken(text, settings, choose)
        return
    introduce(session, model)
    with open_engine(session, model, adapter) as engine:
        options = choose(engine.default_options("speak"))
        settings = replace(settings, max_chars=engine.max_passage_chars)
        with diagnostics.working("loading"):
            narrator = open_voice(engine, chosen)
            engine.warm("speak")
            if verify:
                engine.warm("transcribe")
        work = _Narration(engine, adapter, text, narrator, options, settings, destination, srt, diagnostics)
        resumed = work.resume()
        try:
            with diagnostics.working("speaking") as show:
                speech = work.run(resumed, show)
        except BaseException as error:
            work.stop(error)
            raise
    diagnostics.inform(speech.describe())
    names = {
        f'passage {number} ("{shorten(passage.text, _MOST_SHOWN, placeholder="...")}")': passage
        for number, passage in enumerate(work.done, start=1)
    }
    report_parts(names, diagnostics)
    if as_json:
        write_json(speech.document("passages", work.done, seed=work.seed))


def _checked(
    session: Session, destination: Destination, voice: str | None, model: str | None, srt: Path | None, *, as_json: bool
) -> Path | Voice:
    """Return the voice, once it is clear that everything can be written."""
    voice = name_voice(session, voice)
    recordings = [Path(voice)] if Path(voice).is_file() else []
    destination.check(*recordings, as_json=as_json)
    if srt is not None:
        from gpa_mlx.provenance.tagging import sidecar_of

        written = [] if destination.file is None else [destination.file, sidecar_of(destination.file)]
        require_replaceable(srt, *recordings, *written)
    return require_voice(session, voice, model)


def _settings(lexicon: Path | None, *, normalize: bool, retries: int, verify: bool, live: bool) -> NarrationSettings:
    from gpa_mlx.synthesis.narration import NarrationSettings
    from gpa_mlx.text.normalization import read_lexicon

    return NarrationSettings(
        normalize=normalize,
        lexicon=None if lexicon is None else read_lexicon(lexicon),
        retries=retries,
        verify=verify,
        live=live,
    )


def _show_spoken(
    text: str, settings: NarrationSettings, choose: Callable[[GenerationOptions], GenerationOptions]
) -> None:
    from gpa_mlx.synthesis.narration import plan_passages
    from gpa_mlx.types import GenerationOptions

    for _, spoken in plan_passages(text, settings, exact=not choose(GenerationOptions()).constrain):
        click.echo(" ".join(spoken.split()))


class _Narration:
    """One text on its way to where the user wants its speech.

    Attributes:
        done: The passages that were spoken, those of an interrupted run included.
    """

    def __init__(
        self,
        engine: GPA,
        adapter: Path | None,
        text: str,
        voice: Voice,
        options: GenerationOptions,
        settings: NarrationSettings,
        destination: Destination,
        srt: Path | None,
        diagnostics: Diagnostics,
    ) -> None:
        from gpa_mlx.synthesis.metadata import identify_weights
        from gpa_mlx.synthesis.narration import plan_passages

        self._engine = engine
        self._adapter = adapter
        self._text = text
        self._voice = voice
        self._options = options
        self._settings = settings
        self._destination = destination
        self._srt = srt
        self._diagnostics = diagnostics
        self._plan = plan_passages(text, settings, exact=not options.constrain)
        # Before the work: afterwards another model may be there.
        self._weights = None if destination.file is None else identify_weights(engine.path, adapter)
        self._journal: NarrationCheckpoint | None = None
        self._is_whole = False
        self.done: list[SpokenPassage] = []

    @property
    def seed(self) -> int | None:
        """What repeats the speech; None for greedy decoding."""
        return None if self._options.temperature == 0 else self._options.seed

    def resume(self) -> IncrementalWavWriter | None:
        """Open the file of an interrupted run to go on with it, if there is one, and say so."""
        from gpa_mlx.synthesis.checkpoint import NarrationCheckpoint, checkpoint_key
        from gpa_mlx.synthesis.narration import narrated_samples

        file = self._destination.file
        if file is None or self._settings.live or len(self._plan) == 1:
            return None
        model = _fingerprint(self._engine.path, self._adapter)
        key = checkpoint_key(self._text, self._voice, self._options, self._settings, model, __version__)
        self._journal = NarrationCheckpoint(file, key, self._options.seed)
        if not self._journal.done:
            return None
        samples = narrated_samples([passage for passage, _ in self._plan], self._journal.done)
        if wav := _reopened(file, self._destination.subtype, samples):
            self.done = list(self._journal.done)
            self._options = replace(self._options, seed=self._journal.seed)
            self._diagnostics.note(f"going on after passage {len(self.done)} of {len(self._plan)}.")
        return wav

    def run(self, resumed: IncrementalWavWriter | None, show: Callable[[str], None]) -> SpeechOutput:
        """Speak what is left to do.

        Args:
            resumed: What `resume` returned.
            show: Told how far it is.

        Returns:
            Where the speech went, closed.
        """
        from gpa_mlx.synthesis.narration import narrate
        from gpa_mlx.synthesis.retry import drawn_seed

        self._options = drawn_seed(self._options)
        with SpeechOutput(self._destination, resumed=resumed) as speech:
            chunks = narrate(
                self._engine,
                self._text,
                voice=self._voice,
                options=self._options,
                settings=self._settings,
                done=tuple(self.done),
            )
            self._deliver(chunks, speech, show)
            speech.end()
            if self._weights is not None:
                speech.tag_file(self._making(self._weights))
            if self._journal is not None:
                self._journal.close()
            self._write_subtitles()
            self._is_whole = True
            speech.wait(show)
        return speech

    def stop(self, error: BaseException) -> None:
        """Keep what there is of a narration that came to no end, and say how far it came."""
        if self._is_whole:
            return
        if isinstance(error, NoSpeechError):
            if self._journal is not None:
                self._journal.close()
            return
        if self.done:
            try:
                self._write_subtitles()
            except GPAError as failure:
                self._diagnostics.report(failure)
        total = len(self._plan)
        if self._journal is not None and self.done:
            self._diagnostics.note(
                f"stopped after {len(self.done)} of {total} passages; the same command goes on from there."
            )
        elif isinstance(error, KeyboardInterrupt):
            self._diagnostics.note(f"stopped in passage {len(self.done) + 1} of {total}.")

    def _deliver(self, chunks: NarrationStream, speech: SpeechOutput, show: Callable[[str], None]) -> None:
        with closing(chunks):
            self._show_progress(show)
            for chunk in chunks:
                speech.append(chunk.audio)
                if chunk.passage is not None:
                    self._note_finished(chunk.passage)
                    self._show_progress(show)

    def _show_progress(self, show: Callable[[str], None]) -> None:
        number = min(len(self.done) + 1, len(self._plan))
        show(f"speaking: passage {number} of {len(self._plan)}")

    def _note_finished(self, passage: SpokenPassage) -> None:
        if self._journal is not None:
            if not self.done:
                assert self._options.seed is not None
                self._journal.start(self._options.seed)
            self._journal.add(passage)
        self.done.append(passage)

    def _making(self, weights: ModelIdentity) -> GenerationMetadata:
        from gpa_mlx.provenance.metadata import digest_of_text
        from gpa_mlx.synthesis.metadata import describe_generation

        settings, lexicon = self._settings, self._settings.lexicon
        lines = None if lexicon is None else "".join(f"{written} = {spoken}\n" for written, spoken in lexicon.entries)
        return describe_generation(
            "speak",
            weights,
            self._voice,
            self._options,
            self.done,
            settings={
                "normalize": settings.normalize,
                "lexicon_sha256": None if lines is None else digest_of_text(lines),
                "retries": settings.retries,
                "verify": settings.verify,
                "live": settings.live,
            },
            text=self._text,
        )

    def _write_subtitles(self) -> None:
        if self._srt is not None:
            from gpa_mlx.transcripts.subtitles import make_cues, write_srt

            audible = [passage for passage in self.done if passage.end_s > passage.start_s]
            write_text(self._srt, write_srt(make_cues(audible)))


def _reopened(file: Path, subtype: str, samples: int) -> IncrementalWavWriter | None:
    """Open a file to go on after its first `samples`; None where it is not the one that was being written."""
    import soundfile

    from gpa_mlx.audio.files.incremental_wav import IncrementalWavWriter
    from gpa_mlx.types import SAMPLE_RATE_HZ

    try:
        found = soundfile.info(file)
        if (found.samplerate, found.subtype) != (SAMPLE_RATE_HZ, subtype):
            return None
        return IncrementalWavWriter.resume(file, samples)
    except (soundfile.LibsndfileError, AudioFileError):
        return None


def _fingerprint(model: Path, adapter: Path | None) -> str:
    """Return what names the exact weights: the manifest holds the digests of the model's files, an adapter has none."""
    from gpa_mlx.model.parts import ADAPTER_CONFIG, ADAPTER_WEIGHTS
    from gpa_mlx.store.manifest import MANIFEST_NAME

    files = [model / MANIFEST_NAME]
    if adapter is not None:
        files += [adapter / ADAPTER_CONFIG, adapter / ADAPTER_WEIGHTS]
    return " ".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
