"""The microphone, and all that dictation needs besides the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError
from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpa_mlx.audio.devices.microphone import AudioInput
    from gpa_mlx.dictation import DictationOptions
    from gpa_mlx.history import History
    from gpa_mlx_tui.services.background import BackgroundTask


@dataclass(frozen=True, slots=True, kw_only=True)
class DictationDependencies:
    """What dictation needs besides the model; the functions are called on tasks' threads.

    Attributes:
        microphone: Makes the sound input.
        history: Opens the history.
        options: Reads how to dictate: the user's words, digits.
    """

    microphone: Callable[[], AudioInput]
    history: Callable[[], History]
    options: Callable[[], DictationOptions]


class MicrophoneChecked(TaskMessage):
    """Whether there is something to dictate into.

    Args:
        task: The task.
        name: Of the microphone; empty when there is none.
        problem: Why there is none.
    """

    def __init__(self, task: BackgroundTask, name: str, problem: GPAError | None) -> None:
        super().__init__(task)
        self.name = name
        self.problem = problem


def default_dependencies(
    device: str | None = None,
    *,
    words_file: Path | None = None,
    history_bytes: int | None = None,
    history_days: float | None = None,
) -> DictationDependencies:
    """Return the dictation of this computer.

    Args:
        device: A part of the microphone's name; None means the system's choice.
        words_file: The user's words.
        history_bytes: Size of the history; None takes its own.
        history_days: Age of the history; None takes its own.
    """

    def microphone() -> AudioInput:
        from gpa_mlx.audio.devices.microphone import Microphone

        return Microphone(device)

    def history() -> History:
        from gpa_mlx.history import MAX_AGE_DAYS, MAX_BYTES, History

        return History(max_bytes=history_bytes or MAX_BYTES, max_age_days=history_days or MAX_AGE_DAYS)

    def options() -> DictationOptions:
        from gpa_mlx.dictation import DictationOptions
        from gpa_mlx.text.custom_vocabulary import read_custom_vocabulary

        return DictationOptions(words=None if words_file is None else read_custom_vocabulary(words_file))

    return DictationDependencies(microphone=microphone, history=history, options=options)


def check_microphone(task: BackgroundTask, dictation: DictationDependencies) -> None:
    """Find out whether there is a microphone, without listening to it."""
    from gpa_mlx.audio.devices.microphone import Microphone
    from gpa_mlx.audio.devices.port_audio import find_device, port_audio

    microphone = dictation.microphone()
    if not isinstance(microphone, Microphone):
        task.post(MicrophoneChecked(task, microphone.name, None))
        return
    try:
        name = None if microphone.name == "default" else microphone.name
        with port_audio("input") as library:
            found = find_device(library, name, "input")["name"]
        task.post(MicrophoneChecked(task, found, None))
    except GPAError as error:
        task.post(MicrophoneChecked(task, "", error))
