"""Speech as the Speak mode makes, plays and saves it; for the threads of tasks."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpa_mlx_tui.features.speak.messages import (
    GenerationBegan,
    PassageAdvanced,
    PassageRedone,
    PreviewFound,
    SpeechMade,
    SpeechPlanned,
    WordsUnknown,
)
from gpa_mlx_tui.services.sound import PeakFinder, SoundGrew, output_path, sounding

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.audio.devices.playback import OutputDevice
    from gpa_mlx.jobs.speak import SpeakJob
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.text.closed_vocabulary import ClosedVocabulary
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.choices import VoiceChoice

_MOST_PREVIEWED = 2000
LEAST_SPEED, MOST_SPEED = 0.5, 2.0
"""What `gpa_mlx.synthesis.speed` takes; written here because a form needs no NumPy. A test compares them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechSettings:
    """What the user has filled in.

    Attributes:
        text: As written.
        voice: Who says it.
        temperature: None takes the model's own.
        seed: None draws one.
        speed: 2 halves the length of the speech.
        verify: Transcribe every passage, and say it again when it is not understood.
    """

    text: str
    voice: VoiceChoice
    temperature: float | None
    seed: int | None
    verify: bool
    speed: float = 1.0


def plan_speech(engine: SpeechEngine, settings: SpeechSettings) -> SpeakJob:
    """Plan speech that is kept in memory, to be played again and saved.

    Raises:
        GPAError: The text or the model cannot be used.
    """
    from gpa_mlx.jobs.speak import SpeakJob, SpeakRequest
    from gpa_mlx.synthesis.plan import SynthesisSettings

    options = engine.default_options("speak")
    if settings.temperature is not None:
        options = replace(options, temperature=settings.temperature)
    request = SpeakRequest(
        text=settings.text,
        voice=settings.voice.source,
        options=replace(options, seed=settings.seed),
        settings=SynthesisSettings(verify=settings.verify, live=not settings.verify),
        keep_audio=True,
        speed=settings.speed,
    )
    return SpeakJob(engine, request)


def make_speech(
    task: BackgroundTask, engine: SpeechEngine, settings: SpeechSettings, output: OutputDevice | None
) -> None:
    """Say a text and play it while it is made.

    Raises:
        GPAError: The voice, the text or the model cannot be used, or the sound output disappeared.
        CancelledError: The task was cancelled.
    """
    from gpa_mlx.jobs.events import AudioChunk, GenerationStarted, PassageDone, PassageStarted, UnknownWords
    from gpa_mlx.synthesis.plan import named_words

    finder = PeakFinder()
    with sounding(task, output) as playback:
        job = plan_speech(engine, settings)
        task.post(SpeechPlanned(task, job))
        with closing(job.run()) as events:
            for event in events:
                if isinstance(event, GenerationStarted):
                    task.post(GenerationBegan(task))
                elif isinstance(event, AudioChunk):
                    playback.feed(event.audio)
                    task.post(SoundGrew(task, finder.push(event.audio)))
                elif isinstance(event, UnknownWords):
                    task.post(WordsUnknown(task, named_words(event.words)))
                elif isinstance(event, PassageStarted):
                    task.post(PassageAdvanced(task, event.number, event.count, event.share, None))
                elif isinstance(event, PassageDone):
                    task.post(PassageAdvanced(task, event.number, event.count, event.share, event.passage))
        task.post(SpeechMade(task))
        playback.finish()


def redo_passage(task: BackgroundTask, job: SpeakJob, number: int) -> None:
    """Say one passage again, another way; the others stay as they are.

    Raises:
        GPAError: It cannot be said in another way, or had no sound; the old one stays then.
        CancelledError: The task was cancelled; the old one stays.
    """
    from gpa_mlx.jobs.events import PassageDone

    with closing(job.redo(number)) as events:
        for event in events:
            if isinstance(event, PassageDone):
                peaks = PeakFinder().push(job.result.audio, last=True)
                task.post(PassageRedone(task, number, event.passage, peaks))


def preview(task: BackgroundTask, text: str, model: Path) -> None:
    """Find out how a model will read the beginning of a text, and which words it cannot say.

    Args:
        task: The task.
        text: As written.
        model: Directory of the model.
    """
    from gpa_mlx.errors import GPAError
    from gpa_mlx.synthesis.plan import SynthesisSettings, named_words, plan_passages

    try:
        planned = plan_passages(text[:_MOST_PREVIEWED], SynthesisSettings())
    except GPAError:
        planned = ()
    task.check()
    spoken = [" ".join(words.split()) for _, words in planned]
    is_as_written = spoken == [" ".join(passage.text.split()) for passage, _ in planned]
    unknown: tuple[str, ...] = ()
    if (vocabulary := _vocabulary(model)) is not None:
        unknown = vocabulary.unknown(" ".join(spoken))
        spoken = [words for words in map(vocabulary.restrict, spoken) if words] if unknown else spoken
    is_as_written = is_as_written and not unknown
    task.post(PreviewFound(task, tuple(spoken), is_as_written=is_as_written, unknown=named_words(unknown)))


def _vocabulary(model: Path) -> ClosedVocabulary | None:
    """Return the words a model can say; None where it says any, or is not there any more."""
    from gpa_mlx.errors import GPAError
    from gpa_mlx.store.manifest import read_manifest
    from gpa_mlx.text.closed_vocabulary import ClosedVocabulary

    try:
        words = read_manifest(model).words
    except GPAError:
        return None  # who speaks will be told
    return None if words is None else ClosedVocabulary(words)


def speech_files(path: Path) -> tuple[Path, Path]:
    """Return where the sound and its subtitles go when the user chose a path."""
    sound = output_path(path)
    return sound, sound.with_suffix(".srt")


def save_speech(job: SpeakJob, path: Path) -> tuple[str, ...]:
    """Write what was made as a file that says how it was made, and its subtitles.

    Args:
        job: Has spoken, to its end or not.
        path: As the user chose it; see `speech_files`.

    Returns:
        The names of the files, without the record beside the sound.

    Raises:
        SettingsError: Something else is where the record goes.
        GPAError: Nothing can be written there.
    """
    from gpa_mlx.jobs.audio_output import AudioTarget

    sound, srt = speech_files(path)
    job.save(AudioTarget(path=sound), srt)
    return sound.name, srt.name


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
