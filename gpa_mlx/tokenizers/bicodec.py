"""Audio to BiCodec codes: semantic (what is said, 50 per second) and global (who says it)."""

from __future__ import annotations

import numpy as np

from gpa_mlx.audio.dsp.loudness import normalize_loudness
from gpa_mlx.audio.dsp.mel import linear_mel, reference_clip, zero_mean_unit_variance
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.bicodec.encoder import SemanticEncoder
from gpa_mlx.nn.bicodec.speaker import SpeakerEncoder
from gpa_mlx.nn.wav2vec2 import Wav2Vec2
from gpa_mlx.runtime.backend import mx
from gpa_mlx.types import Codes, Waveform


def bicodec_waveform(first_channel: np.ndarray, args: BiCodecArgs) -> Waveform:
    """Apply BiCodec's loudness rule to channel 0 of a recording.

    Args:
        first_channel: `(samples,)` float64 at 16 kHz.
        args: Says whether to normalise.

    Returns:
        `(samples,)` float32, what both BiCodec tokenizers take.
    """
    samples = normalize_loudness(first_channel) if args.volume_normalize else first_channel
    return samples.astype(np.float32)


def speaker_mel(wave: Waveform, args: BiCodecArgs, *, seconds: float) -> np.ndarray:
    """Return the speaker encoder's features of a recording's reference clip.

    Args:
        wave: `(samples,)` float32 at 16 kHz, repeated when it is shorter than `seconds`.
        args: The mel settings.
        seconds: Length of the clip taken from the start.

    Returns:
        `(frames, num_mels)` float32, linear magnitudes.
    """
    mel = args.mel
    clip = reference_clip(wave, rate_hz=args.sample_rate, seconds=seconds, hop_length=args.latent_hop_length)
    return linear_mel(
        clip,
        rate_hz=mel.sample_rate,
        n_fft=mel.n_fft,
        win_length=mel.win_length,
        hop_length=mel.hop_length,
        f_min_hz=mel.mel_fmin,
        f_max_hz=mel.mel_fmax,
        n_mels=mel.num_mels,
    )


class SemanticTokenizer:
    """Waveform to semantic codes.

    Args:
        features: The loaded wav2vec2 network.
        encoder: The loaded BiCodec encoder with its quantiser.
    """

    def __init__(self, features: Wav2Vec2, encoder: SemanticEncoder) -> None:
        self._features = features
        self._encoder = encoder

    def encode(self, wave: Waveform) -> Codes:
        """Tokenise mono audio from `bicodec_waveform`, `(samples,)`, at least 400 samples; returns int32 codes."""
        samples = mx.array(zero_mean_unit_variance(wave)[None])
        return np.array(self._encoder(self._features(samples))[0])


class SpeakerTokenizer:
    """Waveform to global (speaker) codes; needs neither wav2vec2 nor the semantic encoder.

    Args:
        encoder: The loaded speaker encoder.
        args: The mel settings and the length of the reference clip.
    """

    def __init__(self, encoder: SpeakerEncoder, args: BiCodecArgs) -> None:
        self._encoder = encoder
        self._args = args

    def encode(self, wave: Waveform) -> Codes:
        """Enrol the first seconds of `wave` (repeated when shorter), `(samples,)`; returns int32 codes."""
        frames = speaker_mel(wave, self._args, seconds=self._args.ref_segment_duration)
        return np.array(self._encoder(mx.array(frames[None]))[0])
