"""What the tasks of the Voice mode report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from gpa_mlx.jobs.enroll import Enrollment
    from gpa_mlx.types import Voice, Waveform
    from gpa_mlx.voices.coaching import Advice
    from gpa_mlx_tui.features.voice.clips import Clip, Part
    from gpa_mlx_tui.features.voice.listed_voice import ListedVoice
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.sound import Peaks


class ClipAdvised(TaskMessage):
    """The last seconds of a recording that is being made were judged.

    Args:
        task: The task.
        advice: What to do better.
    """

    def __init__(self, task: BackgroundTask, advice: tuple[Advice, ...]) -> None:
        super().__init__(task)
        self.advice = advice


class ClipJudged(TaskMessage):
    """A recording was judged.

    Args:
        task: The task.
        clip: What it is like.
    """

    def __init__(self, task: BackgroundTask, clip: Clip) -> None:
        super().__init__(task)
        self.clip = clip


class StepTaken(TaskMessage):
    """The next step of something longer begins.

    Args:
        task: The task.
        words: What is being done.
    """

    def __init__(self, task: BackgroundTask, words: str) -> None:
        super().__init__(task)
        self.words = words


class VoiceMade(TaskMessage):
    """There is a new voice; it is not kept yet.

    Args:
        task: The task.
        enrollment: The voice and how it came about.
        clip: The recording it was made from.
        part: The part of it.
    """

    def __init__(self, task: BackgroundTask, enrollment: Enrollment, clip: Clip, part: Part) -> None:
        super().__init__(task)
        self.enrollment = enrollment
        self.clip = clip
        self.part = part


class SampleMade(TaskMessage):
    """A voice said all it should; what is playing goes on.

    Args:
        task: The task.
        voice: Who.
        text: What.
        samples: `(samples,)` float32 at 16 kHz.
        peaks: Of all of it.
    """

    def __init__(self, task: BackgroundTask, voice: Voice, text: str, samples: Waveform, peaks: Peaks) -> None:
        super().__init__(task)
        self.voice = voice
        self.text = text
        self.samples = samples
        self.peaks = peaks


class VoicesListed(TaskMessage):
    """These voices there are.

    Args:
        task: The task.
        voices: The user's own first.
    """

    def __init__(self, task: BackgroundTask, voices: tuple[ListedVoice, ...]) -> None:
        super().__init__(task)
        self.voices = voices


class LibraryChanged(TaskMessage):
    """The library was changed.

    Args:
        task: The task.
        words: How, in one sentence.
        name: Of the voice to look at now; empty: none.
    """

    def __init__(self, task: BackgroundTask, words: str, name: str) -> None:
        super().__init__(task)
        self.words = words
        self.name = name


class CardRead(TaskMessage):
    """A card holds this voice.

    Args:
        task: The task.
        voice: The voice.
    """

    def __init__(self, task: BackgroundTask, voice: Voice) -> None:
        super().__init__(task)
        self.voice = voice
