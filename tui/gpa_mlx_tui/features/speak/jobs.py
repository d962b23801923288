"""Speech in the making: what the Speak mode does on its works' threads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gpa_mlx_tui.services.messages import TaskMessage
from gpa_mlx_tui.services.sound import GeneratedAudio, PeakFinder, sounding, wav_path

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.audio.devices.playback import OutputDevice
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.synthesis.long_form import SpokenPassage, SynthesisSettings, SynthesisStream
    from gpa_mlx_tui.services.choices import VoiceChoice
    from gpa_mlx_tui.services.service import BackgroundTask, Service

_MOST_PREVIEWED = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest:
    """What is to be said, and how.

    Attributes:
        text: As written.
        voice: Who says it.
        temperature: None takes the model's own.
        seed: None draws one.
        verify: Listen to every passage, and say it again when it is not understood.
    """

    text: str
    voice: VoiceChoice
    temperature: float | None
    seed: int | None
    verify: bool


@dataclass(slots=True, eq=False)
class MadeSpeech(GeneratedAudio):
    """What has been said so far.

    Attributes:
        request: What was asked for.
        passages: Those that are complete.
        settings: How the text was narrated; None until the model was asked.
    """

    request: SpeechRequest
    passages: list[SpokenPassage] = field(default_factory=list)
    settings: SynthesisSettings | None = None


class SpeechGrew(TaskMessage):
    """There is more speech.

    Args:
        work: The work.
        peaks: Of the new sound.
        number: Of the passage that is being said, from 0.
        total: Passages of the text.
        passage: The passage that is complete with this.
    """

    def __init__(
        self, work: BackgroundTask, peaks: tuple[float, ...], number: int, total: int, passage: SpokenPassage | None
    ) -> None:
        super().__init__(work)
        self.peaks = peaks
        self.number = number
        self.total = total
        self.passage = passage


class SpeechMade(TaskMessage):
    """All of it is made; what is playing goes on."""


class PreviewFound(TaskMessage):
    """How the text will be read.

    Args:
        work: The work.
        spoken: One line for each passage.
        is_as_written: Nothing is read otherwise than it is written.
    """

    def __init__(self, work: BackgroundTask, spoken: tuple[str, ...], *, is_as_written: bool) -> None:
        super().__init__(work)
        self.spoken = spoken
        self.is_as_written = is_as_written


def make_speech(work: BackgroundTask, service: Service, made: MadeSpeech, output: OutputDevice | None) -> None:
    """Say a text and play it while it is made.

    Raises:
        GPAError: The voice, the text or the model cannot be used, or the sound output disappeared.
        CancelledError: The work was cancelled.
    """
    finder = PeakFinder()
    model = service.model
    with sounding(work, output) as playback:
        for chunk in service.stream(work, lambda engine: _narrate(engine, made, model)):
            made.pieces.append(chunk.audio)
            if chunk.passage is not None:
                made.passages.append(chunk.passage)
            playback.feed(chunk.audio)
            work.post(SpeechGrew(work, finder.push(chunk.audio), chunk.number, chunk.total, chunk.passage))
        work.post(SpeechMade(work))
        playback.finish()


def preview(work: BackgroundTask, text: str) -> None:
    """Find out how the beginning of a text will be read."""
    from gpa_mlx.errors import GPAError
    from gpa_mlx.synthesis.long_form import SynthesisSettings, plan_passages

    try:
        planned = plan_passages(text[:_MOST_PREVIEWED], SynthesisSettings())
    except GPAError:
        planned = ()
    work.check()
    spoken = tuple(" ".join(words.split()) for _, words in planned)
    written = [" ".join(passage.text.split()) for passage, _ in planned]
    work.post(PreviewFound(work, spoken, is_as_written=list(spoken) == written))


def speech_files(path: Path) -> tuple[Path, Path]:
    """Return where the sound and its subtitles go when the user chose a path."""
    wav = wav_path(path)
    return wav, wav.with_suffix(".srt")


def save_speech(made: MadeSpeech, path: Path) -> tuple[str, ...]:
    """Write what was made as a WAV file that says how it was made, and its subtitles.

    Args:
        made: What was said.
        path: As the user chose it; see `speech_files`.

    Returns:
        The names of the files, without the record beside the sound.

    Raises:
        AudioFileError: Nothing can be written there.
        SettingsError: Something else is where the record goes.
        OSError: The subtitles cannot be written.
    """
    import numpy as np

    from gpa_mlx.audio.files.wav import write_wav
    from gpa_mlx.cli.inputs import require_writable
    from gpa_mlx.provenance.tagging import require_free_sidecar, tag_file
    from gpa_mlx.store.files import write_atomically
    from gpa_mlx.synthesis.metadata import describe_generation
    from gpa_mlx.transcripts.cues import make_cues
    from gpa_mlx.transcripts.formats.subtitles import write_srt
    from gpa_mlx.types import SAMPLE_RATE_HZ

    path, srt = speech_files(path)
    require_writable(path)
    require_free_sidecar(path)
    passages = list(made.passages)
    write_wav(path, np.concatenate(list(made.pieces)), SAMPLE_RATE_HZ)
    assert made.settings is not None
    assert made.weights is not None
    assert made.options is not None
    assert made.voice is not None
    kept = {name: getattr(made.settings, name) for name in ("normalize", "retries", "verify", "live")}
    text = made.request.text
    tag_file(
        path,
        describe_generation("speak", made.weights, made.voice, made.options, passages, settings=kept, text=text),
    )
    write_atomically(srt, write_srt(make_cues(passage for passage in passages if passage.end_s > passage.start_s)))
    return path.name, srt.name


def read_text_file(path: Path) -> str:
    """Return the text of a file.

    Raises:
        InputTextError: It is not text.
        OSError: It cannot be read.
    """
    from gpa_mlx.errors import InputTextError

    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeError as error:
        raise InputTextError(f"{path.name} is not UTF-8 text.", hint="Convert it to UTF-8 first.") from error


def _narrate(engine: SpeechEngine, made: MadeSpeech, model: Path) -> SynthesisStream:
    """Speak, on the engine's thread."""
    from gpa_mlx.provenance.tagging import identify_model
    from gpa_mlx.synthesis.long_form import SynthesisSettings, plan_passages, synthesize
    from gpa_mlx.synthesis.retry import with_seed

    request = made.request
    options = engine.default_options("speak")
    if request.temperature is not None:
        options = replace(options, temperature=request.temperature)
    made.options = with_seed(replace(options, seed=request.seed))
    made.settings = SynthesisSettings(
        max_chars=engine.max_passage_chars, verify=request.verify, live=not request.verify
    )
    made.weights = identify_model(model)
    made.voice = request.voice.open(engine)
    plan = plan_passages(request.text, made.settings, exact=not made.options.constrain)
    yield from synthesize(engine, plan, voice=made.voice, options=made.options, settings=made.settings)
