"""Audio to GLM-4-voice codes, 12.5 per second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpa_mlx.audio.mel import whisper_log_mel
from gpa_mlx.backend import mx
from gpa_mlx.fields import Fields
from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.types import SAMPLE_RATE_HZ, Codes, Waveform

_CONV_STRIDE = 2


@dataclass(frozen=True, slots=True)
class LogMelArgs:
    """The Whisper feature extractor's settings (`preprocessor_config.json`).

    Attributes:
        n_mels: Mel bands.
        n_fft: Window and FFT length in samples.
        hop_samples: Hop.
        max_samples: Longest input the extractor takes (30 s).
    """

    n_mels: int
    n_fft: int
    hop_samples: int
    max_samples: int

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], source: str) -> LogMelArgs:
        """Read the upstream `preprocessor_config.json`.

        Raises:
            ModelFormatError: A value is missing or not supported.
        """
        fields = Fields(config, source)
        fields.choice("sampling_rate", [SAMPLE_RATE_HZ], default=SAMPLE_RATE_HZ)
        return cls(
            n_mels=fields.integer("feature_size"),
            n_fft=fields.integer("n_fft", default=400),
            hop_samples=fields.integer("hop_length", default=160),
            max_samples=fields.integer("chunk_length", default=30) * SAMPLE_RATE_HZ,
        )


class GLMTokenizer:
    """Waveform to GLM codes.

    Args:
        network: The loaded tokenizer network.
        args: Its sizes.
        features: Its feature extractor.
    """

    def __init__(self, network: WhisperVQ, args: WhisperVQArgs, features: LogMelArgs) -> None:
        self._network = network
        self._features = features
        self._samples_per_code = features.hop_samples * _CONV_STRIDE * args.pooling_kernel_size
        table_samples = args.max_source_positions * _CONV_STRIDE * features.hop_samples
        self.max_samples = min(features.max_samples, table_samples)
        """Longest input one pass takes, in samples (30 s)."""

    def encode(self, wave: Waveform) -> Codes:
        """Tokenise mono audio.

        Args:
            wave: `(samples,)` float32 at 16 kHz, at most `max_samples`.

        Returns:
            `ceil(samples / 1280)` codes, int32.

        Raises:
            InputTooLongError: More than `max_samples`.
        """
        mel = whisper_log_mel(
            wave,
            n_mels=self._features.n_mels,
            n_fft=self._features.n_fft,
            hop_length=self._features.hop_samples,
            pad_multiple_samples=self._samples_per_code,
            max_samples=self.max_samples,
        )
        valid = mx.arange(len(mel.frames)) < mel.valid_frames
        codes = self._network(mx.array(mel.frames[None]), valid[None])
        return np.array(codes[0])[: -(-len(wave) // self._samples_per_code)]
