"""Training BiCodec from scratch in four stages, each on what the one before it has learned.

1. `train_speaker`: the speaker encoder, as a classifier of voices.
2. `train_tokens`: everything up to the wave generator's input predicts the log-mel spectrogram, without samples.
3. `train_prenet`: the tokens are final; what decodes them goes on learning the log-mel spectrogram.
4. `train_generator`: samples, by multi-resolution STFT losses and, if wanted, L1 on the samples, on short crops.

Stages 3 and 4 take batches that are codes already (`CodecTrainingModel.code`): final tokens are computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.runtime.backend import mx
from gpa_mlx.train.audio_tokenizers.codec_training_model import CodecTrainingModel, calibrate_norms
from gpa_mlx.train.audio_tokenizers.labelled_audio import (
    SAMPLES_PER_LABEL,
    AudioBatch,
    BatchSource,
    CodedBatch,
    fit_labels,
)
from gpa_mlx.train.audio_tokenizers.losses import accuracy, cross_entropy, masked_l1
from gpa_mlx.train.audio_tokenizers.quantizers import quantize_semantic
from gpa_mlx.train.audio_tokenizers.spectral_losses import log_mel, stft_loss
from gpa_mlx.train.audio_tokenizers.training_stage import StageSettings, StepOutcome, TrainingStage, run_stage

if TYPE_CHECKING:
    from pathlib import Path

_QUIET = 1e-4
"""Mean magnitude below which a crop counts less: nothing is learnt from silence."""

_CONTEXT_CODES = 12
"""Codes around a crop that the prenet sees too: most of its reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerConfig:
    """The first stage.

    Attributes:
        stage: Length and rate.
        reference_s: Seconds of reference audio for the speaker encoder.
    """

    stage: StageSettings
    reference_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensConfig:
    """The second stage; the weights stand next to 1 for the log-mel distance.

    Attributes:
        stage: Length and rate.
        reference_s: Seconds of reference audio for the speaker encoder.
        label_weight: Of the frame labels predicted from the quantised latents.
        voice_weight: Of the voices told apart by the speaker vector.
        commitment_weight: Of the distance between latents and their codes.
    """

    stage: StageSettings
    reference_s: float = 2.0
    label_weight: float = 0.5
    voice_weight: float = 0.1
    commitment_weight: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorConfig:
    """The last stage.

    Attributes:
        stage: Length and rate.
        crop_codes: Length of a crop in semantic codes.
        mel_weight: Of the log-mel distance, next to 1 for the multi-resolution STFT loss.
        wave_weight: Of the distance between the samples themselves, which alone sees the phase: where the codes tell
            when a voice's pulses come, as in speech that is always said in the same way, it makes low voices periodic.
            0 leaves it out, as everything else needs.
    """

    stage: StageSettings
    crop_codes: int = 25
    mel_weight: float = 1.0
    wave_weight: float = 0.0


def train_speaker(
    model: CodecTrainingModel, config: SpeakerConfig, batches: BatchSource[AudioBatch], directory: Path
) -> None:
    """Train the speaker encoder and its projection as a classifier of voices, through the quantiser.

    Args:
        model: Trained in place.
        config: How.
        batches: Recordings from any step on; the first one also balances the encoder's norms.
        directory: Of checkpoints and log, this stage's own; the stage is resumed from it.

    Raises:
        GPAError: See `run_stage`.
    """
    codec = model.codec
    calibrate_norms(codec.ecapa, model.reference_mel(next(batches(0)), config.reference_s, _rng(config.stage, 0)))
    model.train_only(codec.ecapa, codec.perceiver, codec.fsq, codec.speaker_project, model.voice_head)

    def compute(batch: AudioBatch, step: int) -> StepOutcome:
        mel = model.reference_mel(batch, config.reference_s, _rng(config.stage, step))
        logits, voices = model.voice_head(model.speaker_vector(mel)), mx.array(batch.voices)
        return StepOutcome(cross_entropy(logits, voices), {"voice_accuracy": accuracy(logits, voices)})

    run_stage(TrainingStage(model, compute), config.stage, batches, directory)


def train_tokens(
    model: CodecTrainingModel, config: TokensConfig, batches: BatchSource[AudioBatch], directory: Path
) -> None:
    """Train everything up to the wave generator's input; arguments as of `train_speaker`, the stage before."""
    codec = model.codec
    labels_per_code = model.codec_args.samples_per_code // SAMPLES_PER_LABEL
    model.train_only(
        model.wav2vec2,
        codec.encoder,
        codec.quantizer,
        codec.ecapa,
        codec.perceiver,
        codec.fsq,
        *model.decoder_parts(),
        model.voice_head,
        model.label_head,
        model.postnet,
    )

    def compute(batch: AudioBatch, step: int) -> StepOutcome:
        latents = model.latents(batch)
        valid = model.valid_codes(batch, latents.shape[1])
        quantized = quantize_semantic(codec.quantizer, latents, valid, bypass=model.codebook_ema.bypassed(step))
        mel = model.reference_mel(batch, config.reference_s, _rng(config.stage, step))
        speaker = model.speaker_vector(mel)
        frames = codec.prenet(quantized.latents, speaker) + speaker[:, None]
        mel_loss = _mel_loss(model, frames, batch.waveforms, batch.lengths)

        central = batch.masked_labels[:, labels_per_code // 2 :: labels_per_code]
        labels = mx.array(fit_labels(central, latents.shape[1]))
        label_logits, voice_logits = model.label_head(quantized.latents), model.voice_head(speaker)
        label_loss = cross_entropy(label_logits, labels)
        voice_loss = cross_entropy(voice_logits, mx.array(batch.voices))
        loss = (
            mel_loss
            + config.label_weight * label_loss
            + config.voice_weight * voice_loss
            + config.commitment_weight * quantized.commitment
        )
        metrics = {
            "mel_loss": mel_loss,
            "label_loss": label_loss,
            "voice_loss": voice_loss,
            "commitment_loss": quantized.commitment,
            "label_accuracy": accuracy(label_logits, labels),
            "code_perplexity": model.codebook_ema.perplexity(),
        }
        return StepOutcome(loss, metrics, quantized)

    def update_codebook(outcome: StepOutcome, step: int) -> None:
        assert outcome.quantized is not None
        rng = _rng(config.stage, step)
        codebook = codec.quantizer.codebook
        codec.quantizer.codebook = model.codebook_ema.next_codebook(codebook, outcome.quantized, step, rng)

    run_stage(TrainingStage(model, compute, update_codebook), config.stage, batches, directory)


def train_prenet(
    model: CodecTrainingModel, config: StageSettings, batches: BatchSource[CodedBatch], directory: Path
) -> None:
    """Train what decodes the tokens to predict the log-mel spectrogram; the tokens stay as they are.

    Args:
        model: Trained in place.
        config: Length and rate.
        batches: Coded recordings from any step on.
        directory: Of checkpoints and log, this stage's own; the stage is resumed from it.

    Raises:
        GPAError: See `run_stage`.
    """
    model.train_only(*model.decoder_parts(), model.postnet)

    def compute(batch: CodedBatch, _: int) -> StepOutcome:
        decoder = model.codec.wave_decoder
        frames = decoder.frames(mx.array(batch.codes), decoder.speaker_vector(mx.array(batch.global_codes)))
        return StepOutcome(_mel_loss(model, frames, batch.waveforms, batch.lengths), {})

    run_stage(TrainingStage(model, compute), config, batches, directory)


def train_generator(
    model: CodecTrainingModel, config: GeneratorConfig, batches: BatchSource[CodedBatch], directory: Path
) -> None:
    """Train the wave generator, and further what feeds it, on samples; arguments as of `train_prenet`."""
    model.train_only(*model.decoder_parts(), model.codec.wave_generator)
    args = model.codec_args
    code_frames = args.samples_per_code // args.latent_hop_length

    def compute(batch: CodedBatch, step: int) -> StepOutcome:
        decoder = model.codec.wave_decoder
        codes, first, target = crop(batch, config.crop_codes, args.samples_per_code, _rng(config.stage, step))
        frames = decoder.frames(mx.array(codes), decoder.speaker_vector(mx.array(batch.global_codes)))
        count = target.shape[1] // args.latent_hop_length
        # (B, count): every crop lies elsewhere among the codes around it.
        indices = mx.array(first * code_frames)[:, None] + mx.arange(count)
        frames = mx.take_along_axis(frames, indices[..., None], axis=1)
        samples, wanted = model.codec.wave_generator(frames), mx.array(target)
        hop = args.latent_hop_length
        mel_loss = mx.abs(log_mel(samples, args.mel, hop) - log_mel(wanted, args.mel, hop)).mean()
        spectral_loss = stft_loss(samples, wanted)
        wave_loss = _relative_l1(samples, wanted)
        metrics = {"stft_loss": spectral_loss, "mel_loss": mel_loss, "wave_loss": wave_loss}
        loss = spectral_loss + config.mel_weight * mel_loss + config.wave_weight * wave_loss
        return StepOutcome(loss, metrics)

    run_stage(TrainingStage(model, compute), config.stage, batches, directory)


def crop(
    batch: CodedBatch, crop_codes: int, samples_per_code: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut a random crop out of every recording, with the codes around it as context as far as there are some.

    Args:
        batch: The recordings.
        crop_codes: Length of a crop in codes; all there are if that is less.
        samples_per_code: Samples of a code.
        rng: Chooses where.

    Returns:
        Codes `(B, T)`, T at most `crop_codes` and the context on both sides; the context codes before each crop `(B,)`;
        samples `(B, codes of a crop * samples_per_code)`.
    """
    total = batch.codes.shape[1]
    length = min(crop_codes, total)
    width = min(length + 2 * _CONTEXT_CODES, total)
    room = np.minimum(batch.lengths // samples_per_code, total) - length
    starts = rng.integers(0, np.maximum(room, 0) + 1)
    origins = np.clip(starts - _CONTEXT_CODES, 0, total - width)
    rows = np.arange(len(starts))[:, None]
    codes = batch.codes[rows, origins[:, None] + np.arange(width)]
    first_samples = starts[:, None] * samples_per_code
    samples = batch.waveforms[rows, first_samples + np.arange(length * samples_per_code)]
    return codes, starts - origins, samples


def _mel_loss(model: CodecTrainingModel, frames: mx.array, waveforms: np.ndarray, lengths: np.ndarray) -> mx.array:
    """Return the log-mel distance between what `frames` predict and the recordings."""
    args, count = model.codec_args, frames.shape[1]
    target = log_mel(mx.array(waveforms), args.mel, args.latent_hop_length)[:, :count]
    valid = mx.arange(count) * args.latent_hop_length < mx.array(lengths)[:, None]
    return masked_l1(model.postnet(frames), target, valid)


def _relative_l1(predicted: mx.array, target: mx.array) -> mx.array:
    """Return the mean absolute difference as a share of the target's mean magnitude: 1 for silence, 0 when equal."""
    return mx.abs(predicted - target).mean() / (mx.abs(target).mean() + _QUIET)


def _rng(settings: StageSettings, step: int) -> np.random.Generator:
    return np.random.default_rng((settings.seed, step))
