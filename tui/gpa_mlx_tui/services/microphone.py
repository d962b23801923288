"""The microphone, and all that dictation needs besides the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError
from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpa_mlx.audio.devices.microphone import AudioInput
    from gpa_mlx.dictation import DictationOptions
    from gpa_mlx.history import History
    from gpa_mlx.settings import Settings
    from gpa_mlx_tui.services.background import BackgroundTask


@dataclass(frozen=True, slots=True, kw_only=True)
class DictationDependencies:
    """What dictation needs besides the model; the functions are called on tasks' threads.

    Attributes:
        microphone: Makes the sound input.
        history: Opens the history.
        options: Reads how to dictate: the user's words, digits.
        words_file: Where the user's words are; None: nowhere yet.
        listens_ahead: Open the microphone before it is needed, so that a recording begins before its key.
    """

    microphone: Callable[[], AudioInput]
    history: Callable[[], History]
    options: Callable[[], DictationOptions]
    words_file: Path | None = None
    listens_ahead: bool = False


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


def default_dependencies(settings: Settings | None = None) -> DictationDependencies:
    """Return the dictation of this computer, as it is set; a setting that does not fit refuses no recording.

    Args:
        settings: Microphone, words, history; None takes the defaults.
    """

    def microphone() -> AudioInput:
        from gpa_mlx.audio.devices.fallback_microphone import FallbackMicrophone

        return FallbackMicrophone(None if settings is None else settings.microphone, is_setting=True)

    def history() -> History:
        from gpa_mlx.history import History

        if settings is None:
            return History()
        return History(max_bytes=settings.history_size, max_age_days=settings.history_days, keeps=settings.history_keep)

    words_file = None if settings is None else settings.words_file
    return DictationDependencies(
        microphone=microphone,
        history=history,
        options=lambda: _options(words_file),
        words_file=words_file,
        listens_ahead=settings is not None and settings.preroll,
    )


def with_words(dictation: DictationDependencies, words_file: Path) -> DictationDependencies:
    """Return the same dictation with other words."""
    return replace(dictation, words_file=words_file, options=lambda: _options(words_file))


def _options(words_file: Path | None) -> DictationOptions:
    from gpa_mlx.dictation import DictationOptions
    from gpa_mlx.dictation.options import without_words
    from gpa_mlx.text.custom_vocabulary import read_custom_vocabulary

    if words_file is None:
        return DictationOptions()
    try:
        return DictationOptions(words=read_custom_vocabulary(words_file))
    except GPAError as error:
        return DictationOptions(notices=(without_words(error),))


def check_microphone(task: BackgroundTask, dictation: DictationDependencies) -> None:
    """Find out whether there is a microphone, without listening to it."""
    from gpa_mlx.audio.devices.fallback_microphone import FallbackMicrophone

    microphone = dictation.microphone()
    if not isinstance(microphone, FallbackMicrophone):
        task.post(MicrophoneChecked(task, microphone.name, None))
        return
    try:
        task.post(MicrophoneChecked(task, microphone.look(), None))
    except GPAError as error:
        task.post(MicrophoneChecked(task, "", error))
