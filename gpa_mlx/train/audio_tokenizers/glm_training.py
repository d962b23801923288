"""Supervised training of the GLM speech tokenizer: frame classification and CTC through its codebook.

The real tokenizer was trained inside a large speech recogniser. Frame labels do the same for a small one: a head that
is thrown away later predicts from every code the labels of the positions it was pooled from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.dsp.mel import whisper_log_mel
from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.train.audio_tokenizers.labelled_audio import SAMPLES_PER_LABEL, fit_labels, label_sequences
from gpa_mlx.train.audio_tokenizers.losses import accuracy, cross_entropy, ctc_loss
from gpa_mlx.train.audio_tokenizers.quantizers import CodebookEMA, CodebookSettings, quantize_glm
from gpa_mlx.train.audio_tokenizers.training_stage import StageSettings, StepOutcome, TrainingStage, run_stage

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.tokenizers.glm import LogMelArgs
    from gpa_mlx.train.audio_tokenizers.labelled_audio import AudioBatch, BatchSource


@dataclass(frozen=True, slots=True, kw_only=True)
class GLMTrainingConfig:
    """What the tokenizer learns and how.

    Attributes:
        label_count: Classes of the frame labels, silence included.
        stage: Length and rate.
        codebook: How the codebook is trained.
        ctc_weight: Weight of the CTC loss next to the frame loss, which keeps it off the blank plateau.
        commitment_weight: Weight of the distance between states and their codes.
    """

    label_count: int
    stage: StageSettings
    codebook: CodebookSettings = field(default_factory=CodebookSettings)
    ctc_weight: float = 0.1
    commitment_weight: float = 0.25


class GLMTrainingModel(nn.Module):
    """The tokenizer with its training head and the averages that its codebook follows."""

    def __init__(self, network: WhisperVQ, args: WhisperVQArgs, config: GLMTrainingConfig) -> None:
        super().__init__()
        self._config = config
        self._labels_per_code = args.pooling_kernel_size
        self.network = network
        self.head = nn.Linear(args.d_model, args.pooling_kernel_size * config.label_count)
        self.codebook_ema = CodebookEMA(config.codebook, args.codebook_size, args.d_model)
        network.codebook.freeze()

    def outcome(self, log_mel: mx.array, valid_frames: mx.array, labels: np.ndarray, step: int) -> StepOutcome:
        """Run one step.

        Args:
            log_mel: `(B, frames, num_mel_bins)`.
            valid_frames: `(B, frames)` bool.
            labels: `(B, labels)`, 50 per second.
            step: From 0.
        """
        config, per_code = self._config, self._labels_per_code
        hidden = self.network.hidden(log_mel, valid_frames)
        batch, codes, _ = hidden.shape
        valid = valid_frames[:, :: 2 * per_code]
        quantized = quantize_glm(self.network.codebook, hidden, valid, bypass=self.codebook_ema.bypassed(step))
        logits = self.head(quantized.latents).reshape(batch, codes * per_code, -1)
        fitted = fit_labels(labels, codes * per_code)
        frame_loss = cross_entropy(logits, mx.array(fitted))
        log_probs = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        sequence_loss = ctc_loss(log_probs, valid.sum(axis=1) * per_code, label_sequences(fitted))
        commitment = quantized.commitment
        loss = frame_loss + config.ctc_weight * sequence_loss + config.commitment_weight * commitment
        metrics = {
            "frame_loss": frame_loss,
            "ctc_loss": sequence_loss,
            "commitment_loss": commitment,
            "frame_accuracy": accuracy(logits, mx.array(fitted)),
            "code_perplexity": self.codebook_ema.perplexity(),
        }
        return StepOutcome(loss, metrics, quantized)

    def read_labels(self, log_mel: mx.array, valid_frames: mx.array) -> mx.array:
        """Return the likeliest label of each position that codes were pooled from, `(B, labels)`."""
        hidden = self.network.hidden(log_mel, valid_frames)
        valid = valid_frames[:, :: 2 * self._labels_per_code]
        latents = quantize_glm(self.network.codebook, hidden, valid, bypass=False).latents
        return self.head(latents).reshape(len(log_mel), latents.shape[1] * self._labels_per_code, -1).argmax(axis=-1)

    def update_codebook(self, outcome: StepOutcome, step: int) -> None:
        """Set the codebook to its moving averages after a step."""
        assert outcome.quantized is not None
        rng = np.random.default_rng((self._config.stage.seed, step))
        weight = self.codebook_ema.next_codebook(self.network.codebook.weight, outcome.quantized, step, rng)
        self.network.codebook.weight = weight


def train_glm(
    network: WhisperVQ,
    args: WhisperVQArgs,
    features: LogMelArgs,
    config: GLMTrainingConfig,
    batches: BatchSource[AudioBatch],
    directory: Path,
) -> None:
    """Train the tokenizer in place.

    Args:
        network: A new or half-trained tokenizer; its parameters are what is exported.
        args: Its sizes.
        features: Its feature extractor, 50 positions per second.
        config: What it learns and how.
        batches: Labelled recordings from any step on.
        directory: Of checkpoints and log; a run is resumed from it.

    Raises:
        GPAError: See `run_stage`.
    """
    model = GLMTrainingModel(network, args, config)

    def compute(batch: AudioBatch, step: int) -> StepOutcome:
        return model.outcome(*glm_features(batch, features, args), batch.masked_labels, step)

    run_stage(TrainingStage(model, compute, model.update_codebook), config.stage, batches, directory)


def glm_features(batch: AudioBatch, features: LogMelArgs, args: WhisperVQArgs) -> tuple[mx.array, mx.array]:
    """Return the log-mel of the encoders' input, `(B, frames, n_mels)`, and which frames are valid, `(B, frames)`.

    Every recording is transformed alone, as at run time, since the features depend on its loudest moment.
    """
    pad_samples = SAMPLES_PER_LABEL * args.pooling_kernel_size
    clips = [
        whisper_log_mel(
            wave[:length],
            n_mels=features.n_mels,
            n_fft=features.n_fft,
            hop_length=features.hop_samples,
            pad_multiple_samples=pad_samples,
            max_samples=features.max_samples,
        )
        for wave, length in zip(batch.encoder_input, batch.lengths, strict=True)
    ]
    frames = max(len(clip.frames) for clip in clips)
    padded = np.stack([np.pad(clip.frames, ((0, frames - len(clip.frames)), (0, 0)), mode="edge") for clip in clips])
    valid = mx.arange(frames) < mx.array([clip.valid_frames for clip in clips])[:, None]
    return mx.array(padded), valid
