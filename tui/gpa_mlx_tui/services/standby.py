"""The microphone of Dictate, open while the mode is shown: what is said while the key goes down is heard.

The device keeps half a second in its ring (`gpa_mlx.audio.devices.microphone.PREROLL_S`), as it does for the command
while that waits for its key.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError
from gpa_mlx_tui.services.microphone import MicrophoneChecked

if TYPE_CHECKING:
    from gpa_mlx.audio.devices.microphone import AudioInput
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.microphone import DictationDependencies


class Standby:
    """At most one open microphone, until a recording takes it. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._microphone: AudioInput | None = None
        self._is_wanted = False

    def open(self, task: BackgroundTask, dictation: DictationDependencies) -> None:
        """Open the microphone, and report it with `MicrophoneChecked`; on a task's thread."""
        with self._turn:
            if self._microphone is not None:
                self._microphone.close()  # there may be another one by now
                self._microphone = None
            self._is_wanted = True
        microphone = dictation.microphone()
        try:
            microphone.open()
        except GPAError as error:
            task.post(MicrophoneChecked(task, "", error))
            return
        with self._turn:
            keeps = self._is_wanted and not task.is_cancelled and self._microphone is None
            if keeps:
                self._microphone = microphone
        if not keeps:
            microphone.close()
        task.post(MicrophoneChecked(task, microphone.name, None))

    def take(self, dictation: DictationDependencies) -> AudioInput:
        """Return the open microphone, for a recording that closes it; a new one where none is open."""
        with self._turn:
            self._is_wanted = False
            microphone, self._microphone = self._microphone, None
        return microphone or dictation.microphone()

    def release(self) -> None:
        """Close the microphone without waiting for its device."""
        with self._turn:
            self._is_wanted = False
            microphone, self._microphone = self._microphone, None
        if microphone is not None:
            threading.Thread(target=microphone.close, name="gpa-mlx microphone", daemon=True).start()
