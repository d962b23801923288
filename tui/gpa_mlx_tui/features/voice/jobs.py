"""Enrollment as the Voice mode shows it: judging recordings, making a voice, hearing it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from gpa_mlx.voices.coaching import advise, likeness
from gpa_mlx_tui.features.voice.clips import Clip, Part
from gpa_mlx_tui.features.voice.messages import ClipAdvised, ClipJudged, SampleMade, StepTaken, VoiceMade
from gpa_mlx_tui.services.sound import PeakFinder, SoundGrew, sounding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gpa_mlx.audio.devices.playback import OutputDevice
    from gpa_mlx.audio.recording import Recording
    from gpa_mlx.jobs.enroll import Enrollment
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import AudioLike, Samples, Voice, Waveform
    from gpa_mlx.voices.quality import ClipWindow
    from gpa_mlx_tui.services.background import BackgroundTask

_JUDGE_EVERY_S = 0.5


class Coach:
    """Judges the end of a recording while it is made, as much of it as a model takes, every half second.

    Args:
        model: The model that is to make a voice of it.
    """

    def __init__(self, model: Path) -> None:
        self._model = model
        self._wanted_s = 0.0
        self._judged_at_s = 0.0

    def __call__(self, task: BackgroundTask, blocks: Sequence[Samples], elapsed_s: float) -> None:
        """Take all that was recorded so far.

        Raises:
            ModelFormatError: The model is not a converted one.
        """
        import numpy as np

        from gpa_mlx.audio.recording import Recording
        from gpa_mlx.jobs.voice_probe import reference_s
        from gpa_mlx.types import SAMPLE_RATE_HZ
        from gpa_mlx.voices.quality import score_clip

        self._wanted_s = self._wanted_s or reference_s(self._model)
        if not blocks or elapsed_s < self._judged_at_s + _JUDGE_EVERY_S:
            return
        self._judged_at_s = elapsed_s
        samples = np.concatenate(blocks)[-round(self._wanted_s * SAMPLE_RATE_HZ) :].astype(np.float64)
        advice = advise(score_clip(Recording(samples, samples)), elapsed_s, self._wanted_s)
        task.post(ClipAdvised(task, advice))


def judge_clips(task: BackgroundTask, recordings: Sequence[tuple[AudioLike, str]], model: Path) -> None:
    """Judge recordings, each with its name, and find the part of each that suits a voice best.

    Raises:
        GPAError: Some cannot be used; the others are posted.
        ModelFormatError: The model is not a converted one.
    """
    from gpa_mlx.errors import AudioFileError, GPAError, InputTooLongError

    problems: list[GPAError] = []
    for audio, name in recordings:
        try:
            _judge(task, audio, name, model)
        except (AudioFileError, InputTooLongError) as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise GPAError(" ".join(problem.message for problem in problems), hint=problems[0].hint)


def _judge(task: BackgroundTask, audio: AudioLike, name: str, model: Path) -> None:
    from gpa_mlx.jobs.reference_clip import choose_window, load_clip
    from gpa_mlx.jobs.voice_probe import reference_s

    wanted_s = reference_s(model)
    recording = load_clip(audio)
    task.check()
    clip = Clip(
        name=name,
        audio=audio,
        duration_s=recording.duration_s,
        best=_part(recording, choose_window(recording, wanted_s, whole=False)),
        first=_part(recording, choose_window(recording, wanted_s, whole=True)),
        wanted_s=wanted_s,
    )
    task.post(ClipJudged(task, clip))


def make_voice(task: BackgroundTask, engine: SpeechEngine, clips: Sequence[Clip], *, whole: bool) -> None:
    """Make a voice of the best recording, and find out how well the model speaks with it.

    Raises:
        GPAError: No voice can be made.
        CancelledError: The task was cancelled.
    """
    from gpa_mlx.jobs.enroll import EnrollJob, EnrollRequest
    from gpa_mlx.jobs.events import StepStarted

    job = EnrollJob(engine, EnrollRequest(recordings=[clip.audio for clip in clips], name="new", whole=whole))
    with closing(job.run()) as events:
        for event in events:
            if isinstance(event, StepStarted):
                task.post(StepTaken(task, event.step))
    made = job.result
    assert made is not None
    clip = next(clip for clip in clips if clip.audio is made.source)
    task.post(VoiceMade(task, made, clip, clip.part(whole=whole)))
    if made.probe is not None and made.probe.speech is not None:
        _post_sample(task, made.voice, made.probe.text, made.probe.speech.audio)


def describe_made(made: Enrollment, source: str) -> str:
    """Return what people want to know about a new voice, in a sentence or two."""
    part = "all" if made.is_whole else f"{made.window.start_s:.1f} to {made.window.end_s:.1f} s"
    words = f"Made from {part} of {source}."
    if made.probe is None:
        return words
    alike = made.probe.similarity
    if alike is None:
        return f"{words} How like it sounds is not known: {made.probe.problem}"
    judged = likeness(alike.levels)
    return f"{words} Similarity {alike.levels:.2f} of 1, chance is 0.58: its own speech sounds {judged}."


def say_sample(task: BackgroundTask, engine: SpeechEngine, voice: Voice, output: OutputDevice | None) -> None:
    """Say the probe's text with a voice, and play it while it is made; without a sound output it is only drawn.

    Raises:
        GPAError: The voice cannot be used, or there is no sound output (raised at the end).
        CancelledError: The task was cancelled.
    """
    from gpa_mlx.jobs.events import AudioChunk
    from gpa_mlx.jobs.voice_probe import SampleJob

    job = SampleJob(engine, voice)
    finder = PeakFinder()
    with sounding(task, output, text=job.text) as playback:
        with closing(job.run()) as events:
            for event in events:
                if isinstance(event, AudioChunk):
                    playback.feed(event.audio)
                    task.post(SoundGrew(task, finder.push(event.audio)))
        task.check()
        _post_sample(task, voice, job.text, job.audio)
        playback.finish()
    task.check()
    if playback.problem is not None:
        raise playback.problem


def _post_sample(task: BackgroundTask, voice: Voice, text: str, samples: Waveform) -> None:
    task.post(SampleMade(task, voice, text, samples, PeakFinder().push(samples, last=True)))


def _part(recording: Recording, window: ClipWindow) -> Part:
    from gpa_mlx.types import SAMPLE_RATE_HZ

    start, stop = (round(time_s * SAMPLE_RATE_HZ) for time_s in (window.start_s, window.end_s))
    samples = recording.first_channel[start:stop].astype("float32")
    return Part(window, samples, PeakFinder().push(samples, last=True))
