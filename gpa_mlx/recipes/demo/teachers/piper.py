"""Piper (Hansen 2023, MIT), a VITS synthesiser, run by onnxruntime; its voice joe was trained on CC0 recordings.

The folder holds one `NAME.onnx` and its `NAME.onnx.json`. It tells no times, and is used to judge only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import soxr

from gpa_mlx.errors import SettingsError
from gpa_mlx.recipes.demo.data.tts_engines import run_engine
from gpa_mlx.recipes.demo.domain.lexicon import spelling
from gpa_mlx.recipes.demo.teachers.onnx import HINT, open_network, read_part
from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.recipes.demo.domain.phrases import Phrase

_PAD, _START, _END = "_", "^", "$"
_JOINER = "\u200d"


class Piper:
    """The synthesiser, without its noise: the same phrase gives the same samples.

    Args:
        folder: With its two files.
        threads: Of onnxruntime.

    Raises:
        SettingsError: onnxruntime is not installed, or a file is missing or damaged.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        network = next(iter(sorted(folder.glob("*.onnx"))), folder / "piper.onnx")
        settings = network.with_suffix(".onnx.json")
        try:
            config = json.loads(read_part(settings))
            self._ids: dict[str, list[int]] = config["phoneme_id_map"]
            self._rate_hz = int(config["audio"]["sample_rate"])
            self._accent = str(config["espeak"]["voice"])
        except (ValueError, LookupError, TypeError) as error:
            raise SettingsError(f"{settings} is no list of settings of a Piper voice.", hint=HINT) from error
        self.name = network.stem
        self._session = open_network(read_part(network), threads=threads)

    def say(self, phrase: Phrase, *, speed: float = 1.0) -> Waveform:
        """Say a phrase, with a comma's pause between its groups.

        Args:
            phrase: What.
            speed: Factor on the usual rate.

        Returns:
            `(samples,)` float32 at 16 kHz.

        Raises:
            GPAError: espeak-ng, which tells the phonemes, is missing or fails.
        """
        groups = [" ".join(map(spelling, group)) for group in phrase.groups]
        said = [
            " ".join(run_engine(["espeak-ng", "-q", "--ipa=3", "-v", self._accent, "--", text]).split())
            for text in groups
        ]
        letters = ", ".join(said).replace(_JOINER, "") + "."
        ids = [*self._ids[_START], *self._ids[_PAD]]
        for letter in letters:
            ids += [*self._ids.get(letter, ()), *self._ids[_PAD]]
        ids += self._ids[_END]
        inputs = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array([0.0, 1 / speed, 0.0], np.float32),
        }
        (audio,) = self._session.run(None, inputs)
        return soxr.resample(np.ravel(audio).astype(np.float64), self._rate_hz, SAMPLE_RATE_HZ).astype(np.float32)
