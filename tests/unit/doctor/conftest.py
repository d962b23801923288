"""A computer made of what a test says about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gpa_mlx.doctor.host import Host
from gpa_mlx.doctor.sound_devices import SoundDevice
from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def make_host() -> Callable[..., Host]:
    """Build a computer: a Mac with Apple silicon unless a field says otherwise."""

    def make(programs: tuple[str, ...] = (), answers: dict[str, str] | None = None, **fields: Any) -> Host:
        known = {"machdep.cpu.brand_string": "Apple M3", "sysctl.proc_translated": "0", **(answers or {})}
        plain = {
            "platform": "darwin",
            "architecture": "arm64",
            "system_version": "15.1",
            "python_version": "3.12.4",
            "cores": 8,
            "memory_bytes": 18 * 2**30,
            "environ": {},
            "which": lambda name: f"/bin/{name}" if name in programs else None,
            "output": lambda command: known.get(command[-1], ""),
        }
        return Host(**{**plain, **fields})

    return make


@dataclass
class ScriptedDevices:
    """Sound devices that give what a test wants.

    Attributes:
        found: Name and rate of the microphone; None for no microphone.
        output: Name and rate of the loudspeaker; None for no loudspeaker.
        sound: What the microphone gives.
        refusal: Why recording is refused; empty if it is not.
        asked: Names that were asked for.
    """

    found: SoundDevice | None = field(default_factory=lambda: SoundDevice("MacBook Pro Microphone", 48_000))
    output: SoundDevice | None = field(default_factory=lambda: SoundDevice("MacBook Pro Speakers", 44_100))
    sound: np.ndarray = field(default_factory=lambda: np.full(48_000, 0.1, np.float32))
    refusal: str = ""
    asked: list[str | None] = field(default_factory=list)
    recorded: int = 0

    def microphone(self, name: str | None) -> SoundDevice:
        self.asked.append(name)
        if self.found is None:
            raise AudioDeviceError("This computer has no microphone.")
        return self.found

    def loudspeaker(self, name: str | None) -> SoundDevice:
        self.asked.append(name)
        if self.output is None:
            raise AudioDeviceError("This computer has no sound output.")
        return self.output

    def record(self, name: str | None, seconds: float, *, zeros_s: float = 0.0) -> np.ndarray:
        self.recorded += 1
        if self.refusal:
            raise AudioDeviceError(self.refusal)
        return self.sound


@pytest.fixture
def make_devices() -> type[ScriptedDevices]:
    return ScriptedDevices
