"""A clip from the microphone, watched while it comes; for the modes Voice and Convert."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from gpa_mlx.errors import AudioDeviceError
from gpa_mlx_tui.services.messages import TaskAdvice, TaskMessage
from gpa_mlx_tui.services.sound import PeakFinder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpa_mlx.audio.devices.microphone import AudioInput
    from gpa_mlx.audio.devices.silence import Silence
    from gpa_mlx.types import Samples, Waveform
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.microphone import DictationDependencies
    from gpa_mlx_tui.services.sound import Peaks


class ClipGrew(TaskMessage):
    """The microphone gave another block.

    Args:
        task: The task.
        peaks: Of the new sound.
        elapsed_s: Length of the recording.
    """

    def __init__(self, task: BackgroundTask, peaks: Peaks, elapsed_s: float) -> None:
        super().__init__(task)
        self.peaks = peaks
        self.elapsed_s = elapsed_s


class ClipRecorded(TaskMessage):
    """The recording is complete.

    Args:
        task: The task.
        samples: `(samples,)` float32 at 16 kHz.
    """

    def __init__(self, task: BackgroundTask, samples: Waveform) -> None:
        super().__init__(task)
        self.samples = samples


class ClipRecorder:
    """One recording; `stop` returns at once. A cancelled one is dropped.

    Args:
        dictation: Has the microphone.
        most_s: It ends by itself then.
        watch: Called on the task's thread with the task, all blocks so far and their length in seconds: before the
            microphone is opened, and after each block.
    """

    def __init__(
        self,
        dictation: DictationDependencies,
        *,
        most_s: float,
        watch: Callable[[BackgroundTask, Sequence[Samples], float], None] = lambda task, blocks, elapsed_s: None,
    ) -> None:
        self._dictation, self._most_s, self._watch = dictation, most_s, watch
        self._stops = threading.Event()
        self._microphone: AudioInput | None = None

    def stop(self) -> None:
        """End the recording; its samples follow."""
        self._stops.set()
        if self._microphone is not None:
            self._microphone.stop()

    def run(self, task: BackgroundTask) -> None:
        """Record until `stop`.

        Raises:
            AudioDeviceError: There is no microphone, it gives only zeros, or it is gone; what it gave is posted.
            GPAError: Whatever `watch` raises.
            CancelledError: The task was cancelled.
        """
        import numpy as np

        from gpa_mlx.audio.devices.silence import Silence

        blocks: list[Samples] = []
        silence = Silence(self._dictation.options().silence)
        self._watch(task, blocks, 0.0)
        microphone = self._dictation.microphone()
        microphone.open()
        try:
            microphone.start()
            self._microphone = microphone
            task.on_cancel(microphone.stop)
            if self._stops.is_set():
                microphone.stop()
            problem: AudioDeviceError | None = None
            try:
                self._record(task, microphone, blocks, silence)
            except AudioDeviceError as error:
                problem = error
        finally:
            self._microphone = None
            microphone.close()
        task.check()
        # A clip is played and drawn as generated speech is.
        samples = np.concatenate([np.zeros(0), *blocks]).astype(np.float32)
        if not samples.any():
            raise problem or silence.error()
        task.post(ClipRecorded(task, samples))
        if problem is not None:
            raise problem

    def _record(self, task: BackgroundTask, microphone: AudioInput, blocks: list[Samples], silence: Silence) -> None:
        from gpa_mlx.types import SAMPLE_RATE_HZ

        finder, count, is_silent = PeakFinder(), 0, True
        for block in microphone:
            task.check()
            blocks.append(block)
            is_silent = is_silent and not block.any()
            if is_silent and (advice := silence.note(len(block) / SAMPLE_RATE_HZ)):
                task.post(TaskAdvice(task, str(advice)))
            count += len(block)
            elapsed_s = count / SAMPLE_RATE_HZ
            task.post(ClipGrew(task, finder.push(block), elapsed_s))
            self._watch(task, blocks, elapsed_s)
            if elapsed_s >= self._most_s or (is_silent and silence.is_final):
                return
