"""Sound as the app makes, shows and plays it: peaks for waveforms, and playback that needs no loudspeaker."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from gpa_mlx.audio.files.output_endings import OUTPUT_ENDINGS
from gpa_mlx.errors import AudioDeviceError
from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from gpa_mlx.audio.devices.playback import OutputDevice, Player
    from gpa_mlx.provenance.metadata import ModelIdentity
    from gpa_mlx.types import GenerationOptions, Voice, Waveform
    from gpa_mlx_tui.services.background import BackgroundTask

Peaks: TypeAlias = tuple[float, ...]
"""Largest magnitudes, 0 to 1, of one window of `PEAK_S` after the other."""

PEAK_S = 0.02
_POLL_S = 0.05


@dataclass(slots=True, eq=False, kw_only=True)
class GeneratedAudio:
    """What a model has said so far; grows on the task's thread, and stays when it is cancelled.

    Attributes:
        pieces: The sound, `(samples,)` float32 at 16 kHz each.
        options: Sampling, with the seed; None until the model was asked.
        voice: Who speaks; None until the model was asked.
        weights: Of the model; None until it was asked.
    """

    pieces: list[Waveform] = field(default_factory=list)
    options: GenerationOptions | None = None
    voice: Voice | None = None
    weights: ModelIdentity | None = None

    @property
    def has_sound(self) -> bool:
        """Whether there is something to hear and to save."""
        return any(map(len, list(self.pieces)))

    @property
    def seed(self) -> int | None:
        """What repeats the sound; None when nothing was drawn."""
        return None if self.options is None or self.options.temperature == 0 else self.options.seed

    @property
    def duration_s(self) -> float:
        """Seconds of sound."""
        from gpa_mlx.types import SAMPLE_RATE_HZ

        return sum(map(len, list(self.pieces))) / SAMPLE_RATE_HZ

    def pieces_from(self, start_s: float) -> Iterator[Waveform]:
        """Yield the sound from a moment on."""
        from gpa_mlx.types import SAMPLE_RATE_HZ

        skip = round(start_s * SAMPLE_RATE_HZ)
        for piece in list(self.pieces):
            yield piece[min(skip, len(piece)) :]
            skip = max(skip - len(piece), 0)


class PeakFinder:
    """Turns 16 kHz samples that come in pieces into peaks; to be used on a task's thread (it needs NumPy)."""

    def __init__(self) -> None:
        from gpa_mlx.types import SAMPLE_RATE_HZ

        self._window = round(SAMPLE_RATE_HZ * PEAK_S)
        self._rest: npt.NDArray[np.floating] | None = None

    def push(self, samples: npt.NDArray[np.floating], *, last: bool = False) -> Peaks:
        """Return the peaks that are complete now.

        Args:
            samples: `(samples,)`.
            last: Nothing more comes: the last window may be short.
        """
        import numpy as np

        heard = samples if self._rest is None else np.concatenate([self._rest, samples])
        whole = len(heard) // self._window * self._window
        self._rest = None if last else heard[whole:]
        peaks = np.abs(heard[:whole]).reshape(-1, self._window).max(axis=1) if whole else np.zeros(0)
        found = [float(peak) for peak in peaks]
        if last and whole < len(heard):
            found.append(float(np.abs(heard[whole:]).max()))
        return tuple(found)


class Playback:
    """Plays samples as they come; without a sound output it stays silent, and says why.

    Made, fed and finished on a task's thread; everything else may be called from any thread, and never waits.

    Args:
        device: Where to play; None means the system's default output.
        expected_s: Length of the whole, as far as it is known.

    Attributes:
        problem: Why there is no sound; None when there is.
    """

    def __init__(self, device: OutputDevice | None = None, *, expected_s: float | None = None) -> None:
        from gpa_mlx.audio.devices.playback import Player
        from gpa_mlx.types import SAMPLE_RATE_HZ

        self.problem: AudioDeviceError | None = None
        self._is_lost = False
        self._player: Player | None = None
        try:
            self._player = Player(SAMPLE_RATE_HZ, expected_s=expected_s, device=device)
        except AudioDeviceError as error:
            self.problem = error

    @property
    def position_s(self) -> float:
        """Seconds that were played."""
        return self._player.position_s if self._player else 0.0

    @property
    def is_paused(self) -> bool:
        """Whether `toggle` holds it."""
        return self._player is not None and self._player.paused

    def feed(self, samples: Waveform) -> None:
        """Add samples at 16 kHz; a device that disappears becomes the `problem`."""
        if self._player is None:
            return
        try:
            self._player.feed(samples)
        except AudioDeviceError as error:
            self._lose(error)

    def finish(self) -> None:
        """Wait until all has been heard, or `stop` is called.

        Raises:
            AudioDeviceError: The device disappeared meanwhile.
        """
        if self._player is not None:
            try:
                self._player.finish()
            except AudioDeviceError as error:
                self._lose(error)
        if self._is_lost and self.problem is not None:
            raise self.problem

    def toggle(self) -> None:
        """Pause, or go on."""
        if self._player is not None:
            (self._player.resume if self._player.paused else self._player.pause)()

    def stop(self) -> None:
        """Fall silent for good, within 0.1 s."""
        if self._player is not None:
            # Releasing a device takes time that the user interface does not have.
            threading.Thread(target=self._player.stop, name="gpa-mlx silence", daemon=True).start()

    def _lose(self, error: AudioDeviceError) -> None:
        self.problem, self._is_lost = error, True
        if self._player is not None:
            self._player.stop()
            self._player = None


class PlaybackOpened(TaskMessage):
    """Sound can come now, or cannot.

    Args:
        task: The task.
        playback: Plays; its `problem` says why it does not.
        text: What is said; empty where nobody needs to know.
    """

    def __init__(self, task: BackgroundTask, playback: Playback, text: str) -> None:
        super().__init__(task)
        self.playback = playback
        self.text = text


class SoundGrew(TaskMessage):
    """There is more sound to draw.

    Args:
        task: The task.
        peaks: Of the new sound.
    """

    def __init__(self, task: BackgroundTask, peaks: Peaks) -> None:
        super().__init__(task)
        self.peaks = peaks


@contextmanager
def sounding(
    task: BackgroundTask, output: OutputDevice | None, *, expected_s: float | None = None, text: str = ""
) -> Iterator[Playback]:
    """Lend a playback that the screen knows of; cancelling the work, or an error in the block, ends the sound.

    Args:
        task: The task.
        output: Where to play; None means the system's default output.
        expected_s: Length of the whole, as far as it is known.
        text: What is said; empty where nobody needs to know.
    """
    playback = _opened(task, output, expected_s, text)
    with _silenced(task, playback):
        yield playback


def play(
    task: BackgroundTask,
    pieces: Iterable[Waveform],
    output: OutputDevice | None,
    *,
    expected_s: float | None = None,
    text: str = "",
) -> None:
    """Play samples to their end on a task's thread; arguments as for `sounding`.

    Raises:
        AudioDeviceError: There is no sound output, or it disappeared meanwhile.
        CancelledError: The task was cancelled.
    """
    playback = _opened(task, output, expected_s, text)
    if playback.problem is not None:
        raise playback.problem
    play_pieces(task, playback, pieces)


def play_pieces(task: BackgroundTask, playback: Playback, pieces: Iterable[Waveform]) -> None:
    """Play samples to their end on a task's thread; cancelling the task stops the sound.

    Raises:
        AudioDeviceError: The device disappeared meanwhile.
        CancelledError: The task was cancelled.
    """
    with _silenced(task, playback):
        for piece in pieces:
            task.check()
            playback.feed(piece)
        playback.finish()
        task.check()


def pieces_while_made(
    pieces: Sequence[Waveform], start_s: float, is_made: Callable[[], bool], check: Callable[[], None]
) -> Iterator[Waveform]:
    """Yield sound from a moment on, and wait for what is still being made.

    Args:
        pieces: Grows on another thread, `(samples,)` float32 at 16 kHz each.
        start_s: The moment.
        is_made: Whether no more comes.
        check: Raises when the sound is wanted no more; called while nothing comes.
    """
    from gpa_mlx.types import SAMPLE_RATE_HZ

    skip, number = round(start_s * SAMPLE_RATE_HZ), 0
    while True:
        is_all = is_made()  # asked first: what comes in between is yielded then
        while number < len(pieces):
            piece = pieces[number]
            yield piece[min(skip, len(piece)) :]
            skip, number = max(skip - len(piece), 0), number + 1
        if is_all:
            return
        check()
        time.sleep(_POLL_S)


def read_samples(path: Path) -> Waveform:
    """Return a recording as the app plays and draws it, 16 kHz mono float32; on a task's thread.

    Raises:
        AudioFileError: It cannot be read.
    """
    from gpa_mlx.audio.files.reader import load_recording

    return load_recording(path, channels="speech").channel_mean.astype("float32")


def output_path(path: Path) -> Path:
    """Return a path that the user chose for sound: WAV where its ending is none of a format that is written."""
    endings = [ending for several in OUTPUT_ENDINGS.values() for ending in several]
    return path if path.suffix.lower() in endings else path.with_name(f"{path.name}.wav")


def _opened(task: BackgroundTask, output: OutputDevice | None, expected_s: float | None, text: str) -> Playback:
    playback = Playback(output, expected_s=expected_s)
    task.post(PlaybackOpened(task, playback, text))
    return playback


@contextmanager
def _silenced(task: BackgroundTask, playback: Playback) -> Iterator[None]:
    task.on_cancel(playback.stop)
    try:
        yield
    except BaseException:
        playback.stop()
        raise
