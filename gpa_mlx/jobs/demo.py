"""Every task once, with the model that ships: transcribe, speak, convert, and transcribe what was generated."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from gpa_mlx.errors import SettingsError
from gpa_mlx.jobs.audio_output import AudioTarget, write_tagged
from gpa_mlx.jobs.events import Finished, StepStarted
from gpa_mlx.model.demo import SENTENCE, demo_samples, demo_voices
from gpa_mlx.provenance.metadata import GenerationMetadata
from gpa_mlx.provenance.tagging import identify_model, identify_voice

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import GenerationOptions, Speech, Task, Timings, Voice

_SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStepDone:
    """One thing the model did, and what it then transcribed.

    Attributes:
        task: What was done.
        file: The recording that was transcribed in the end.
        voice: Name of who speaks in it.
        said: The words that are in it, or should be.
        transcript: The words that were transcribed.
        generation: Where the time went to generate the file; None where it was there before.
        transcription: Where the time went to transcribe it.
    """

    task: Task
    file: Path
    voice: str
    said: str
    transcript: str
    generation: Timings | None
    transcription: Timings


DemoEvent: TypeAlias = StepStarted | DemoStepDone | Finished


class DemoJob:
    """The tour through all tasks.

    Its WAV files are tagged, and have no records beside them: the job repeats everything.

    Args:
        engine: The demo model, open.
        folder: Where the recordings go; see `prepare_folder`.
    """

    def __init__(self, engine: SpeechEngine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._sample = demo_samples()[0]
        self._voices = demo_voices()
        self._weights = identify_model(engine.path)

    def run(self) -> Generator[DemoEvent, None, None]:
        """Do one thing after the other; nothing goes on while the caller looks at a step.

        Raises:
            GPAError: A file cannot be written, or the engine failed.
        """
        engine, sample = self._engine, self._sample
        yield StepStarted(step="loading the demo model")
        # Before the first step, whose time would count it.
        engine.warm("transcribe")
        engine.warm("vc")
        yield StepStarted(step="transcribing")
        source = self._folder / sample.file.name
        source.unlink(missing_ok=True)  # a link is replaced, not followed
        shutil.copyfile(sample.file, source)
        yield self._transcribe("transcribe", source, sample.voice, sample.text, None)
        options = replace(engine.default_options("speak"), seed=_SEED)
        for voice in (self._voices[0], self._voices[-1]):
            yield StepStarted(step=f"speaking as {voice.name}")
            speech = engine.speak(SENTENCE, voice=voice, options=options)
            file = self._write(speech, "speak", voice, options)
            yield self._transcribe("speak", file, voice.name, SENTENCE, speech)
        target = next(voice for voice in self._voices if voice.name != sample.voice)
        yield StepStarted(step=f"changing the voice to {target.name}")
        options = replace(engine.default_options("vc"), seed=_SEED)
        speech = engine.convert_voice(source, voice=target, options=options)
        file = self._write(speech, "vc", target, options)
        yield self._transcribe("vc", file, target.name, sample.text, speech)
        yield Finished()

    def _write(self, speech: Speech, task: Literal["speak", "vc"], voice: Voice, options: GenerationOptions) -> Path:
        sampling = asdict(options)
        seed = sampling.pop("seed")
        target = AudioTarget(path=self._folder / f"{task}-{voice.name}.wav", sidecar=False)
        metadata = GenerationMetadata(
            task=task, model=self._weights, voice=identify_voice(voice), seed=seed, options=sampling
        )
        write_tagged(target, speech.audio, metadata)
        return target.path

    def _transcribe(self, task: Task, file: Path, voice: str, said: str, speech: Speech | None) -> DemoStepDone:
        transcription = self._engine.transcribe(file)
        return DemoStepDone(
            task=task,
            file=file,
            voice=voice,
            said=said,
            transcript=transcription.text.strip(),
            generation=None if speech is None else speech.timings,
            transcription=transcription.timings,
        )


def prepare_folder(folder: Path, *, force: bool) -> None:
    """Make the folder of the demo's recordings.

    Args:
        folder: Made if needed.
        force: Use it even if it is not empty.

    Raises:
        SettingsError: It is no folder, or it is not empty.
        OSError: It cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is not a directory.", hint="Choose another place with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not force:
        raise SettingsError(
            f"{folder} is not empty.", hint="Choose another folder with --out, or write into this one with --force."
        )
