"""Audio to GLM-4-voice codes, 12.5 per second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpa_mlx.audio.dsp.mel import LogMel, whisper_log_mel
from gpa_mlx.nn.bounds import MAX_CLIP_S, MAX_FFT, MAX_MELS
from gpa_mlx.nn.whisper_vq import FinishedBlocks, WhisperVQ, WhisperVQArgs
from gpa_mlx.runtime.backend import mx
from gpa_mlx.store.config_reader import ConfigReader
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
        fields = ConfigReader(config, source)
        fields.choice("sampling_rate", [SAMPLE_RATE_HZ], default=SAMPLE_RATE_HZ)
        return cls(
            n_mels=fields.integer("feature_size", maximum=MAX_MELS),
            n_fft=fields.integer("n_fft", maximum=MAX_FFT, default=400),
            hop_samples=fields.integer("hop_length", maximum=MAX_FFT, default=160),
            max_samples=fields.integer("chunk_length", maximum=MAX_CLIP_S, default=30) * SAMPLE_RATE_HZ,
        )


def max_glm_samples(args: WhisperVQArgs, features: LogMelArgs) -> int:
    """Return the longest input one pass of the tokenizer takes, in samples (30 s)."""
    return min(features.max_samples, args.max_source_positions * _CONV_STRIDE * features.hop_samples)


class GLMTokenizer:
    """Waveform to GLM codes.

    Args:
        network: The loaded tokenizer network.
        args: Its sizes.
        features: Its feature extractor.

    Attributes:
        max_samples: See `max_glm_samples`.
    """

    def __init__(self, network: WhisperVQ, args: WhisperVQArgs, features: LogMelArgs) -> None:
        self._network = network
        self._features = features
        self._samples_per_code = features.hop_samples * _CONV_STRIDE * args.pooling_kernel_size
        self.max_samples = max_glm_samples(args, features)

    def encode(self, wave: Waveform) -> Codes:
        """Tokenise mono audio.

        Args:
            wave: `(samples,)` float32 at 16 kHz, at most `max_samples`.

        Returns:
            `ceil(samples / 1280)` codes, int32.

        Raises:
            InputTooLongError: More than `max_samples`.
        """
        mel = self._log_mel(wave)
        return self._cut(self._network(*_batch(mel)), wave)

    def growing(self) -> IncrementalGLMTokenizer:
        """Return an encoder for audio that is encoded again and again while it grows."""
        return IncrementalGLMTokenizer(self)

    def _log_mel(self, wave: Waveform) -> LogMel:
        return whisper_log_mel(
            wave,
            n_mels=self._features.n_mels,
            n_fft=self._features.n_fft,
            hop_length=self._features.hop_samples,
            pad_multiple_samples=self._samples_per_code,
            max_samples=self.max_samples,
        )

    def _cut(self, codes: mx.array, wave: Waveform) -> Codes:
        """Drop what stands for padding."""
        return np.array(codes[0])[: -(-len(wave) // self._samples_per_code)]


class IncrementalGLMTokenizer:
    """Tokenises audio that grows, without doing finished blocks of the network again.

    Convolutions and attention do not look beyond a block, but the features do: their floor follows the loudest moment
    of the whole clip. So the features are computed anew each time, which costs little, and finished blocks count only
    as long as theirs have not changed by a bit.

    Args:
        tokenizer: Does one piece.
    """

    def __init__(self, tokenizer: GLMTokenizer) -> None:
        self._tokenizer = tokenizer
        self._finished: FinishedBlocks | None = None
        self._frames = np.empty((0, 0), dtype=np.float32)

    @property
    def finished_codes(self) -> int:
        """Codes that the next call can take over."""
        return 0 if self._finished is None else self._finished.codes.shape[1]

    def encode(self, wave: Waveform) -> Codes:
        """Tokenise all audio so far; arguments, result and errors as for `GLMTokenizer.encode`, up to rounding."""
        tokenizer, features = self._tokenizer, self._tokenizer._features
        mel = tokenizer._log_mel(wave)
        if not np.array_equal(mel.frames[: len(self._frames)], self._frames):
            self._finished = None
        # A later frame's window reaches beyond the audio, and is filled by reflection.
        certain_frames = max(0, (len(wave) - features.n_fft // 2) // features.hop_samples + 1)
        codes, self._finished = tokenizer._network.extend(
            *_batch(mel), self._finished, certain_frames=min(certain_frames, mel.valid_frames)
        )
        if self._finished is not None:
            mx.eval(self._finished.arrays())
        self._frames = mel.frames[: _CONV_STRIDE * self._finished.positions if self._finished else 0]
        return tokenizer._cut(codes, wave)


def _batch(mel: LogMel) -> tuple[mx.array, mx.array]:
    """Return the frames `(1, frames, n_mels)` and which of them are valid, `(1, frames)` bool."""
    return mx.array(mel.frames[None]), (mx.arange(len(mel.frames)) < mel.valid_frames)[None]
