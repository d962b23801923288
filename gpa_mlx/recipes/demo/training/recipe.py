"""Hyperparameters of the demo model: sizes of the networks, lengths and rates of the stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gpa_mlx.recipes.demo.data.synthetic_voices import RECOGNISED
from gpa_mlx.recipes.demo.data.vocabulary import MAX_WORDS, PHONES, WORDS
from gpa_mlx.train.audio_tokenizers.codec_stages import GeneratorConfig, SpeakerConfig, TokensConfig
from gpa_mlx.train.audio_tokenizers.glm_training import GLMTrainingConfig
from gpa_mlx.train.audio_tokenizers.quantizers import CodebookSettings
from gpa_mlx.train.audio_tokenizers.training_stage import StageSettings
from gpa_mlx.train.language_model.alignment_loss import AlignmentLossConfig
from gpa_mlx.train.language_model.training_run import FitConfig

LABEL_COUNT = len(PHONES) + 1
"""Phones, and silence."""

VOICE_COUNT = len(RECOGNISED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Widths that set the size of the model; everything else follows.

    Attributes:
        glm_dims: Width of the GLM tokenizer.
        glm_layers: Its layers.
        glm_codes: Its codebook.
        feature_dims: Width of wav2vec2.
        feature_layers: Its layers.
        codec_dims: Width of the codec's ConvNeXt stacks.
        latent_dims: Width of the codec's latents and of the speaker vector.
        semantic_codes: The semantic codebook.
        generator_channels: Width of the wave generator's first layer.
        lm_dims: Width of the language model.
        lm_layers: Its layers.
    """

    glm_dims: int = 128
    glm_layers: int = 4
    glm_codes: int = 256
    feature_dims: int = 128
    feature_layers: int = 4
    codec_dims: int = 128
    latent_dims: int = 96
    semantic_codes: int = 256
    generator_channels: int = 128
    lm_dims: int = 160
    lm_layers: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRecipe:
    """Everything that decides what the demo model becomes.

    Attributes:
        seed: Of weights and of the order of the data.
        sizes: How large the model is.
        batch_size: Recordings per step of the tokenizers and the codec.
        decoder_batch_size: Recordings per step of the codec's decoder.
        glm: The GLM tokenizer.
        speaker: The codec's first stage.
        tokens: Its second.
        prenet: Its third.
        generator: Its fourth.
        fine_tuning: Its fifth: the wave generator again, beside the language model's second.
        final_tuning: Its sixth: the same once more.
        hard_voices: Voices that the last four are given three times as often: a formant synthesiser's sharp pulses
            take the decoder longest.
        codebook: How the semantic codebook is trained.
        lm: The language model's first stage, on the training recordings.
        lm_synthetic: Its second stage, on these and the synthetic data for the language model alone.
        lm_final: Its third stage, as the second, but for the spoken texts of the training recordings.
        alignment: The auxiliary alignment loss in all three.
        stt_copies: Recognition examples per training recording, each augmented differently.
        tts_copies: Examples of speaking per training recording.
        vc_pairs: Pairs of training recordings for voice conversion.
        synthetic_vc_pairs: Pairs of the synthetic data for voice conversion.
    """

    seed: int = 0
    sizes: Sizes = field(default_factory=Sizes)
    batch_size: int = 16
    decoder_batch_size: int = 8
    glm: GLMTrainingConfig = field(
        default_factory=lambda: GLMTrainingConfig(
            label_count=LABEL_COUNT,
            stage=StageSettings(steps=3000),
            codebook=CodebookSettings(bypass_steps=400),
        )
    )
    speaker: SpeakerConfig = field(
        default_factory=lambda: SpeakerConfig(stage=StageSettings(steps=600, learning_rate=2e-3))
    )
    tokens: TokensConfig = field(default_factory=lambda: TokensConfig(stage=StageSettings(steps=1800)))
    prenet: StageSettings = field(default_factory=lambda: StageSettings(steps=3000))
    generator: GeneratorConfig = field(
        default_factory=lambda: GeneratorConfig(stage=StageSettings(steps=6500), wave_weight=1.5)
    )
    fine_tuning: GeneratorConfig = field(
        default_factory=lambda: GeneratorConfig(
            stage=StageSettings(steps=6000, learning_rate=5e-4, seed=1), wave_weight=1.5
        )
    )
    final_tuning: GeneratorConfig = field(
        default_factory=lambda: GeneratorConfig(
            stage=StageSettings(steps=4500, learning_rate=5e-4, seed=2), wave_weight=1.5
        )
    )
    hard_voices: tuple[str, ...] = ("f2", "benjamin")
    codebook: CodebookSettings = field(default_factory=lambda: CodebookSettings(bypass_steps=400))
    lm: FitConfig = field(
        default_factory=lambda: FitConfig(
            steps=2000, learning_rate=1.5e-3, warmup_steps=100, batch_tokens=2048, history_noise=0.3
        )
    )
    lm_synthetic: FitConfig = field(
        default_factory=lambda: FitConfig(
            steps=4000, learning_rate=1.2e-3, warmup_steps=200, batch_tokens=2048, history_noise=0.3
        )
    )
    lm_final: FitConfig = field(
        default_factory=lambda: FitConfig(
            steps=7000, learning_rate=1e-3, warmup_steps=200, batch_tokens=2048, history_noise=0.3, seed=1
        )
    )
    alignment: AlignmentLossConfig = field(
        default_factory=lambda: AlignmentLossConfig(
            vocabulary_size=len(WORDS), max_words=MAX_WORDS, index_layer=2, word_layer=3
        )
    )
    stt_copies: int = 2
    tts_copies: int = 2
    vc_pairs: int = 4000
    synthetic_vc_pairs: int = 6000


def lm_config(sizes: Sizes, vocab_size: int, stop_id: int) -> dict[str, Any]:
    """Return the language model's `config.json`, as mlx-lm and transformers read it."""
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "hidden_size": sizes.lm_dims,
        "intermediate_size": sizes.lm_dims * 8 // 3,
        "num_hidden_layers": sizes.lm_layers,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
        "max_position_embeddings": 4096,
        "vocab_size": vocab_size,
        "tie_word_embeddings": True,
        "attention_bias": False,
        "eos_token_id": stop_id,
    }


def glm_config(sizes: Sizes) -> dict[str, Any]:
    """Return the GLM tokenizer's `config.json`."""
    return {
        "model_type": "whisper",
        "d_model": sizes.glm_dims,
        "encoder_layers": sizes.glm_layers,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": 3 * sizes.glm_dims,
        "num_mel_bins": 64,
        "max_source_positions": 1500,
        "encoder_causal_convolution": True,
        "activation_function": "gelu",
        "pooling_kernel_size": 4,
        "pooling_type": "avg",
        "pooling_position": sizes.glm_layers,
        "quantize_position": sizes.glm_layers,
        "quantize_encoder_only": True,
        "quantize_causal_block_size": 200,
        "quantize_vocab_size": sizes.glm_codes,
    }


def log_mel_config(sizes: Sizes) -> dict[str, Any]:
    """Return the GLM tokenizer's `preprocessor_config.json`."""
    return {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "feature_size": glm_config(sizes)["num_mel_bins"],
        "n_fft": 400,
        "hop_length": 160,
        "chunk_length": 30,
        "sampling_rate": 16000,
    }


def wav2vec2_config(sizes: Sizes) -> dict[str, Any]:
    """Return wav2vec2's `config.json`; the features are the mean of the last three hidden states."""
    layers = sizes.feature_layers
    return {
        "model_type": "wav2vec2",
        "conv_dim": [16, 32, 32, 64, 64, 64, 64],
        "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
        "conv_stride": [5, 2, 2, 2, 2, 2, 2],
        "conv_bias": True,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "hidden_size": sizes.feature_dims,
        "num_attention_heads": 4,
        "intermediate_size": 3 * sizes.feature_dims,
        "num_hidden_layers": layers,
        "num_conv_pos_embeddings": 32,
        "num_conv_pos_embedding_groups": 8,
        "layer_norm_eps": 1e-5,
        "feature_layers": list(range(max(layers - 2, 0), layers + 1)),
    }


def bicodec_config(sizes: Sizes) -> dict[str, Any]:
    """Return the codec's `config.json`."""
    stack = {
        "vocos_dim": sizes.codec_dims,
        "vocos_intermediate_dim": 2 * sizes.codec_dims,
        "sample_ratios": [1, 1],
    }
    return {
        "sample_rate": 16000,
        "ref_segment_duration": 2,
        "latent_hop_length": 320,
        "volume_normalize": True,
        "audio_tokenizer": {
            "mel_params": {
                "sample_rate": 16000,
                "n_fft": 1024,
                "win_length": 640,
                "hop_length": 320,
                "mel_fmin": 10,
                "num_mels": 64,
            },
            "encoder": {
                **stack,
                "input_channels": sizes.feature_dims,
                "vocos_num_layers": 3,
                "out_channels": sizes.latent_dims,
            },
            "quantizer": {
                "input_dim": sizes.latent_dims,
                "codebook_size": sizes.semantic_codes,
                "codebook_dim": 8,
            },
            "speaker_encoder": {
                "input_dim": 64,
                "out_dim": sizes.latent_dims,
                "latent_dim": 48,
                "token_num": 32,
                "fsq_levels": [4, 4, 4, 4],
                "ecapa_channels": 64,
                "ecapa_out_channels": 192,
                "ecapa_se_channels": 32,
                "ecapa_scale": 4,
                "perceiver_heads": 4,
                "perceiver_head_dim": 32,
            },
            "prenet": {
                **stack,
                "input_channels": sizes.latent_dims,
                "vocos_num_layers": 4,
                "out_channels": sizes.latent_dims,
                "condition_dim": sizes.latent_dims,
            },
            "decoder": {
                "input_channel": sizes.latent_dims,
                "channels": sizes.generator_channels,
                "rates": [8, 5, 4, 2],
                "kernel_sizes": [16, 11, 8, 4],
            },
        },
    }
