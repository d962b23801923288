"""A clip from the microphone, watched while it comes; for the modes Voice and Convert."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from gpa_mlx.errors import AudioDeviceError
from gpa_mlx_tui.services.messages import TaskMessage
from gpa_mlx_tui.services.sound import PeakFinder

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.audio.devices.microphone import AudioInput
    from gpa_mlx.types import Waveform
    from gpa_mlx_tui.features.voice.coaching import Advice
    from gpa_mlx_tui.services.hearing import DictationDependencies
    from gpa_mlx_tui.services.service import BackgroundTask
    from gpa_mlx_tui.services.sound import Peaks

_JUDGE_EVERY_S = 0.5
_ZEROS_S = 2.0
"""A microphone that has given nothing but exact zeros for so long will go on so; some need a second to wake up."""


class ClipGrew(TaskMessage):
    """The microphone heard something.

    Args:
        work: The work.
        peaks: Of the new sound.
        elapsed_s: Length of the recording.
        advice: What to do better, whenever its last seconds were judged again.
    """

    def __init__(self, work: BackgroundTask, peaks: Peaks, elapsed_s: float, advice: tuple[Advice, ...]) -> None:
        super().__init__(work)
        self.peaks = peaks
        self.elapsed_s = elapsed_s
        self.advice = advice


class ClipRecorded(TaskMessage):
    """The recording is complete.

    Args:
        work: The work.
        samples: `(samples,)` float32 at 16 kHz.
    """

    def __init__(self, work: BackgroundTask, samples: Waveform) -> None:
        super().__init__(work)
        self.samples = samples


class ClipRecorder:
    """One recording; `stop` returns at once. A cancelled one is dropped.

    Args:
        ears: Has the microphone.
        most_s: It ends by itself then.
        voice_for: The model that is to make a voice of it: every half second as much of its end is judged as that
            takes. None judges nothing.
    """

    def __init__(self, ears: DictationDependencies, *, most_s: float, voice_for: Path | None = None) -> None:
        self._ears, self._most_s, self._model = ears, most_s, voice_for
        self._stops = threading.Event()
        self._microphone: AudioInput | None = None

    def stop(self) -> None:
        """End the recording; what was heard follows."""
        self._stops.set()
        if self._microphone is not None:
            self._microphone.stop()

    def run(self, work: BackgroundTask) -> None:
        """Record until `stop`.

        Raises:
            AudioDeviceError: There is no microphone, it gives only zeros, or it is gone; what it heard is posted.
            ModelFormatError: The model is not a converted one.
            CancelledError: The work was cancelled.
        """
        import numpy as np

        from gpa_mlx.dictation.options import NO_INPUT_ADVICE
        from gpa_mlx.jobs.voice_probe import reference_s

        wanted_s = None if self._model is None else reference_s(self._model)
        microphone = self._ears.microphone()
        microphone.open()
        try:
            microphone.start()
            self._microphone = microphone
            work.on_cancel(microphone.stop)
            if self._stops.is_set():
                microphone.stop()
            heard: list[Waveform] = []
            problem: AudioDeviceError | None = None
            try:
                self._listen(work, microphone, heard, wanted_s)
            except AudioDeviceError as error:
                problem = error
        finally:
            self._microphone = None
            microphone.close()
        work.check()
        samples = np.concatenate([np.zeros(0, dtype=np.float32), *heard])
        if not samples.any():
            sentence, _, advice = NO_INPUT_ADVICE.partition(": ")
            raise problem or AudioDeviceError(f"{sentence}.", hint=advice[:1].upper() + advice[1:])
        work.post(ClipRecorded(work, samples))
        if problem is not None:
            raise problem

    def _listen(
        self, work: BackgroundTask, microphone: AudioInput, heard: list[Waveform], wanted_s: float | None
    ) -> None:
        from gpa_mlx.types import SAMPLE_RATE_HZ

        finder, count, judged_at, is_silent = PeakFinder(), 0, 0.0, True
        for block in microphone:
            work.check()
            heard.append(block)
            is_silent = is_silent and not block.any()
            count += len(block)
            elapsed_s = count / SAMPLE_RATE_HZ
            advice: tuple[Advice, ...] = ()
            if wanted_s is not None and elapsed_s >= judged_at + _JUDGE_EVERY_S:
                judged_at = elapsed_s
                advice = _judge_end(heard, elapsed_s, wanted_s)
            work.post(ClipGrew(work, finder.push(block), elapsed_s, advice))
            if elapsed_s >= self._most_s or (is_silent and elapsed_s >= _ZEROS_S):
                return


def _judge_end(heard: list[Waveform], elapsed_s: float, wanted_s: float) -> tuple[Advice, ...]:
    import numpy as np

    from gpa_mlx.audio.recording import Recording
    from gpa_mlx.types import SAMPLE_RATE_HZ
    from gpa_mlx.voices.quality import score_clip
    from gpa_mlx_tui.features.voice.coaching import advise

    samples = np.concatenate(heard)[-round(wanted_s * SAMPLE_RATE_HZ) :].astype(np.float64)
    return advise(score_clip(Recording(samples, samples)), elapsed_s, wanted_s)
