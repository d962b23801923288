"""BiCodec and wav2vec2 with their training heads, and the passes that the stages of training share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from mlx.utils import tree_map_with_path

from gpa_mlx.audio.dsp.mel import zero_mean_unit_variance
from gpa_mlx.nn.bicodec.autoencoder import BiCodec
from gpa_mlx.nn.bicodec.ecapa import ECAPAFeatures, ReluNorm
from gpa_mlx.nn.bicodec.vocos import VocosBackbone
from gpa_mlx.nn.wav2vec2 import Wav2Vec2
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.tokenizers.bicodec import speaker_mel
from gpa_mlx.train.audio_tokenizers.labelled_audio import CodedBatch, same_voice
from gpa_mlx.train.audio_tokenizers.quantizers import CodebookEMA, CodebookSettings, quantize_scalar

if TYPE_CHECKING:
    from gpa_mlx.nn.bicodec.config import BiCodecArgs
    from gpa_mlx.train.audio_tokenizers.labelled_audio import AudioBatch

_POSTNET_LAYERS = 2
_NORM_EPS = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSizes:
    """Classes of the training heads.

    Attributes:
        voice_count: Voices.
        label_count: Classes of the frame labels, silence included.
    """

    voice_count: int
    label_count: int


class Postnet(nn.Module):
    """Predicts log-mel frames from the wave generator's input, so that this input can be trained without samples."""

    def __init__(self, dims: int, n_mels: int) -> None:
        super().__init__()
        self.backbone = VocosBackbone(dims, dims, 2 * dims, _POSTNET_LAYERS)
        self.linear = nn.Linear(dims, n_mels)

    def __call__(self, frames: mx.array) -> mx.array:
        """Map `(B, T, dims)` to `(B, T, n_mels)`."""
        return self.linear(self.backbone(frames))


class CodecTrainingModel(nn.Module):
    """The networks that the stages of codec training read and change.

    What is exported are the parameters of `wav2vec2` and of `codec`; both are trained in place.

    Args:
        wav2vec2: Waveform to features.
        codec: Features and mel to codes and back to samples.
        args: Sizes of the codec.
        heads: Classes of the heads.
        codebook: How the semantic codebook is trained.
    """

    def __init__(
        self, wav2vec2: Wav2Vec2, codec: BiCodec, args: BiCodecArgs, heads: HeadSizes, codebook: CodebookSettings
    ) -> None:
        super().__init__()
        self._codec_args = args
        self.wav2vec2 = wav2vec2
        self.codec = codec
        self.voice_head = nn.Linear(args.speaker_encoder.out_dim, heads.voice_count)
        self.label_head = nn.Linear(args.quantizer.input_dim, heads.label_count)
        self.postnet = Postnet(args.decoder.input_channel, args.mel.num_mels)
        self.codebook_ema = CodebookEMA(codebook, args.quantizer.codebook_size, args.quantizer.codebook_dim)

    @property
    def codec_args(self) -> BiCodecArgs:
        """Sizes of the codec."""
        return self._codec_args

    def train_only(self, *modules: nn.Module) -> None:
        """Freeze all parameters but those of `modules`; the codebook is always frozen: it follows moving averages."""
        self.freeze()
        for module in modules:
            module.unfreeze()
        self.codec.quantizer.freeze(recurse=False, keys="codebook")

    def speaker_vector(self, mel: mx.array) -> mx.array:
        """Map the mel of voices `(B, T, num_mels)` to speaker vectors `(B, out_dim)` through the quantiser."""
        codec, levels = self.codec, self._codec_args.speaker_encoder.fsq_levels
        latents = quantize_scalar(codec.fsq, codec.perceiver(codec.ecapa(mel)), levels)
        return codec.speaker_project(latents.transpose(0, 2, 1).reshape(latents.shape[0], -1))

    def latents(self, batch: AudioBatch) -> mx.array:
        """Encode the input of the encoders to semantic latents before quantisation, `(B, T, input_dim)`."""
        normalised = np.zeros_like(batch.encoder_input)
        for row, wave, length in zip(normalised, batch.encoder_input, batch.lengths, strict=True):
            row[:length] = zero_mean_unit_variance(wave[:length])
        return self.codec.encoder(self.wav2vec2(mx.array(normalised)))

    def valid_codes(self, batch: AudioBatch, codes: int) -> mx.array:
        """Return which of a batch's codes lie wholly inside their recording, `(B, codes)` bool."""
        return mx.arange(1, codes + 1) * self._codec_args.samples_per_code <= mx.array(batch.lengths)[:, None]

    def reference_mel(self, batch: AudioBatch, reference_s: float, rng: np.random.Generator) -> mx.array:
        """Return the mel of reference audio for the speaker encoder, `(B, T, num_mels)`.

        The reference is a random segment of another recording of the voice if the batch has one: its words are then
        no help in decoding.

        Args:
            batch: The recordings.
            reference_s: Length of the segment, shorter recordings being repeated.
            rng: Chooses recordings and segments.
        """
        mels = []
        for partner in same_voice(batch.voices, rng):
            length = int(batch.lengths[partner])
            wave = np.roll(batch.encoder_input[partner, :length], -int(rng.integers(length)))
            mels.append(speaker_mel(wave, self._codec_args, seconds=reference_s))
        return mx.array(np.stack(mels))

    def decoder_parts(self) -> list[nn.Module]:
        """Return the modules between codes and the wave generator: what may train while the tokens stay."""
        codec = self.codec
        parts: list[nn.Module] = [codec.prenet, codec.speaker_project]
        if codec.quantizer.has_projections:
            parts.append(codec.quantizer.out_project)
        if codec.fsq.has_projections:
            parts.append(codec.fsq.project_out)
        return parts

    def code(self, batch: AudioBatch, reference_s: float, rng: np.random.Generator) -> CodedBatch:
        """Tokenise a batch for the stages that train on frozen tokens; arguments as of `reference_mel`."""
        codes = self.codec.quantizer.encode(self.latents(batch))
        global_codes = self.codec.speaker_encoder(self.reference_mel(batch, reference_s, rng))
        return CodedBatch(batch.waveforms, np.array(codes), np.array(global_codes), batch.lengths)


def calibrate_norms(ecapa: ECAPAFeatures, mel: mx.array) -> None:
    """Set the scales and shifts of a new network so that every norm's output has mean 0 and variance 1 on `mel`.

    The network has batch norms in their folded form only, which training could not keep in balance from random
    weights: one pass over data takes their place (Salimans and Kingma, arXiv 1602.07868).

    Args:
        ecapa: Changed in place.
        mel: `(B, T, num_mels)`.
    """

    def measuring(_: str, module: nn.Module) -> nn.Module:
        return _MeasuringNorm(module) if isinstance(module, ReluNorm) else module

    norms = ecapa.leaf_modules()
    ecapa.update_modules(tree_map_with_path(measuring, norms, is_leaf=nn.Module.is_module))
    mx.eval(ecapa(mel))
    ecapa.update_modules(norms)


class _MeasuringNorm(nn.Module):
    """Stands in for a norm during one pass: sets it by what it sees, then applies it."""

    def __init__(self, norm: ReluNorm) -> None:
        super().__init__()
        self._norm = norm

    def __call__(self, x: mx.array) -> mx.array:
        active = nn.relu(x)
        norm = self._norm
        norm.scale = mx.rsqrt(active.var(axis=(0, 1)) + _NORM_EPS)
        norm.shift = -active.mean(axis=(0, 1)) * norm.scale
        return norm(x)
