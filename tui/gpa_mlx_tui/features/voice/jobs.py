"""From recordings to a voice: what the Voice mode does on its works' threads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx_tui.services.messages import TaskMessage
from gpa_mlx_tui.services.sound import PeakFinder, SoundGrew, sounding

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from gpa_mlx.audio.devices.playback import OutputDevice
    from gpa_mlx.audio.recording import Recording
    from gpa_mlx.jobs.enroll import Enrollment
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import AudioLike, Voice, Waveform
    from gpa_mlx.voices.quality import ClipWindow
    from gpa_mlx_tui.services.service import BackgroundTask, Service
    from gpa_mlx_tui.services.sound import Peaks

MOST_RECORDED_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The part of a recording that counts.

    Attributes:
        window: Where it is, and how good.
        samples: `(samples,)` float32 at 16 kHz.
        peaks: For its picture.
    """

    window: ClipWindow
    samples: Waveform
    peaks: Peaks

    @property
    def duration_s(self) -> float:
        """Its length."""
        return self.window.end_s - self.window.start_s

    @property
    def worth(self) -> float:
        """What decides between recordings, as it does for `gpa_mlx.jobs.enroll.EnrollJob`."""
        return self.window.quality.total * self.duration_s


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A recording to make a voice from.

    Attributes:
        name: For people.
        audio: The file, or samples and their rate.
        duration_s: Length of all of it.
        best: The best part.
        first: The part that counts when nobody looks for the best one.
        wanted_s: So much the model takes.
    """

    name: str
    audio: AudioLike
    duration_s: float
    best: Part
    first: Part
    wanted_s: float

    def part(self, *, whole: bool) -> Part:
        """Return the part that counts."""
        return self.first if whole else self.best


class ClipJudged(TaskMessage):
    """A recording was listened to.

    Args:
        work: The work.
        clip: What it is like.
    """

    def __init__(self, work: BackgroundTask, clip: Clip) -> None:
        super().__init__(work)
        self.clip = clip


class StepTaken(TaskMessage):
    """The next step of something longer begins.

    Args:
        work: The work.
        words: What is being done.
    """

    def __init__(self, work: BackgroundTask, words: str) -> None:
        super().__init__(work)
        self.words = words


class VoiceMade(TaskMessage):
    """There is a new voice; it is not kept yet.

    Args:
        work: The work.
        enrolment: The voice and how it came about.
        clip: The recording it was made from.
        part: The part of it.
    """

    def __init__(self, work: BackgroundTask, enrolment: Enrollment, clip: Clip, part: Part) -> None:
        super().__init__(work)
        self.enrolment = enrolment
        self.clip = clip
        self.part = part


class SampleMade(TaskMessage):
    """A voice said all it should; what is playing goes on.

    Args:
        work: The work.
        voice: Who.
        text: What.
        samples: `(samples,)` float32 at 16 kHz.
        peaks: Of all of it.
    """

    def __init__(self, work: BackgroundTask, voice: Voice, text: str, samples: Waveform, peaks: Peaks) -> None:
        super().__init__(work)
        self.voice = voice
        self.text = text
        self.samples = samples
        self.peaks = peaks


def judge_clip(work: BackgroundTask, audio: AudioLike, name: str, model: Path) -> None:
    """Listen to a recording, and find the part of it that suits a voice best.

    Raises:
        AudioFileError: It cannot be used.
        InputTooLongError: It is too long.
        ModelFormatError: The model is not a converted one.
    """
    from gpa_mlx.audio.files.reader import load_recording
    from gpa_mlx.jobs.enroll import MAX_CLIP_S
    from gpa_mlx.jobs.voice_probe import reference_s
    from gpa_mlx.types import SAMPLE_RATE_HZ
    from gpa_mlx.voices.quality import ClipWindow, best_window, score_clip

    wanted_s = reference_s(model)
    recording = load_recording(audio, max_duration_s=MAX_CLIP_S)
    work.check()
    beginning = recording[: round(wanted_s * SAMPLE_RATE_HZ)]
    first = ClipWindow(start_s=0.0, end_s=beginning.duration_s, quality=score_clip(beginning))
    clip = Clip(
        name=name,
        audio=audio,
        duration_s=recording.duration_s,
        best=_part(recording, best_window(recording, wanted_s)),
        first=_part(recording, first),
        wanted_s=wanted_s,
    )
    work.post(ClipJudged(work, clip))


def best_clip(clips: Sequence[Clip], *, whole: bool) -> Clip | None:
    """Return the recording that a voice will be made from; None when there is none."""
    return max(clips, key=lambda clip: clip.part(whole=whole).worth, default=None)


def make_voice(work: BackgroundTask, service: Service, clips: Sequence[Clip], *, whole: bool) -> None:
    """Make a voice of the best recording, and find out how well the model speaks with it.

    Raises:
        GPAError: No voice can be made.
        CancelledError: The work was cancelled.
    """
    audio = [clip.audio for clip in clips]

    def enrol_clips(engine: SpeechEngine) -> Enrollment:
        from gpa_mlx.jobs.enroll import EnrollJob, EnrollRequest
        from gpa_mlx.jobs.events import StepStarted

        job = EnrollJob(engine, EnrollRequest(recordings=audio, name="new", whole=whole))
        for event in job.run():
            if isinstance(event, StepStarted):
                work.post(StepTaken(work, event.step))
        assert job.result is not None
        return job.result

    enrolment = service.ask(work, enrol_clips)
    work.check()
    clip = next(clip for clip in clips if clip.audio is enrolment.source)
    work.post(VoiceMade(work, enrolment, clip, clip.part(whole=whole)))
    if enrolment.probe is not None and enrolment.probe.speech is not None:
        _post_sample(work, enrolment.voice, enrolment.probe.text, enrolment.probe.speech.audio)


def describe_made(made: Enrollment, source: str) -> str:
    """Return what people want to know about a new voice, in a sentence or two."""
    part = "all" if made.is_whole else f"{made.window.start_s:.1f} to {made.window.end_s:.1f} s"
    words = f"Made from {part} of {source}."
    if made.probe is None:
        return words
    alike = made.probe.similarity
    if alike is None:
        return f"{words} How like it sounds is not known: {made.probe.problem}"
    # Measured with the demo model: see `gpa_mlx.jobs.voice_probe.Similarity`.
    judged = "like it" if alike.levels > 0.85 else "rather like it" if alike.levels > 0.75 else "not like it"
    return f"{words} Similarity {alike.levels:.2f} of 1, chance is 0.58: its own speech sounds {judged}."


def say_sample(work: BackgroundTask, service: Service, voice: Voice, output: OutputDevice | None) -> None:
    """Say the probe's text with a voice, and play it while it is made; without a sound output it is only drawn.

    Raises:
        GPAError: The voice cannot be used, or there is no sound output (raised at the end).
        CancelledError: The work was cancelled.
    """
    import numpy as np

    from gpa_mlx.jobs.voice_probe import probe_text
    from gpa_mlx.store.manifest import read_manifest

    text = probe_text(read_manifest(service.model).model_family)
    finder, pieces = PeakFinder(), []

    def say(engine: SpeechEngine) -> Generator[Waveform]:
        # Greedy, as the probe is: it is the same speech whose similarity was measured.
        options = replace(engine.default_options("speak"), temperature=0.0)
        for chunk in engine.stream_speak(text, voice=voice, options=options):
            yield chunk.audio

    with sounding(work, output, text=text) as playback:
        for piece in service.stream(work, say):
            pieces.append(piece)
            playback.feed(piece)
            work.post(SoundGrew(work, finder.push(piece)))
        samples = np.concatenate([np.zeros(0, dtype=np.float32), *pieces])
        _post_sample(work, voice, text, samples)
        playback.finish()
    work.check()
    if playback.problem is not None:
        raise playback.problem


def _post_sample(work: BackgroundTask, voice: Voice, text: str, samples: Waveform) -> None:
    work.post(SampleMade(work, voice, text, samples, PeakFinder().push(samples, last=True)))


def _part(recording: Recording, window: ClipWindow) -> Part:
    from gpa_mlx.types import SAMPLE_RATE_HZ

    start, stop = (round(time_s * SAMPLE_RATE_HZ) for time_s in (window.start_s, window.end_s))
    samples = recording.first_channel[start:stop].astype("float32")
    return Part(window, samples, PeakFinder().push(samples, last=True))
