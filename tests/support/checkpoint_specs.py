"""What a random checkpoint is made of: the published configuration, a tiny one, and variants of either.

Key names and fixed values are those of the public configuration files of GPA, GLM-4-Voice, wav2vec2-large-xlsr-53 and
Spark-TTS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Config = dict[str, Any]

CHAT_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MARKERS = tuple(
    f"<|{edge}_{kind}|>"
    for kind in ("content", "glm_token", "semantic_token", "global_token")
    for edge in ("start", "end")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One checkpoint: its configuration files and how its tensors are stored.

    Attributes:
        lm, glm, wav2vec2, bicodec: The upstream configuration files as dictionaries.
        base_tokens: Size of the BPE vocabulary, at least 256 bytes + `MERGES`; the rest is filler.
        reserved_tokens: Unused added tokens between the markers and the GLM codes.
        glm_spelling: How the GLM code tokens are spelled (not established by the sources).
        audio_tokens_special: Whether markers and audio codes carry the tokenizer's `special` flag.
        vocabulary_padding: `vocab_size` is rounded up to a multiple of this.
        lm_dtype, glm_dtype, wav2vec2_dtype, bicodec_dtype: Stored type of the part's float tensors.
        lm_shards: Files the language model is spread over.
        wav2vec2_file: Which format and name its weights have.
        wav2vec2_prefix: What its key names start with.
        pretraining_heads: Whether its file also has the heads that only pre-training uses.
        parametrized_weight_norm: `parametrizations.weight.original0/1` instead of `weight_g` and `weight_v`.
        mel_buffers: Whether the BiCodec file has the mel transform's window and filter bank.
    """

    lm: Config
    glm: Config
    wav2vec2: Config
    bicodec: Config
    base_tokens: int
    reserved_tokens: int = 0
    glm_spelling: str = "<|glm_semantic_{}|>"
    audio_tokens_special: bool = False
    vocabulary_padding: int = 1
    lm_dtype: str = "F32"
    lm_shards: int = 1
    glm_dtype: str = "F32"
    wav2vec2_dtype: str = "F32"
    bicodec_dtype: str = "F32"
    wav2vec2_file: Literal["pytorch_model.bin", "model.safetensors"] = "pytorch_model.bin"
    wav2vec2_prefix: str = "wav2vec2."
    pretraining_heads: bool = True
    parametrized_weight_norm: bool = False
    mel_buffers: bool = False

    @property
    def codec(self) -> Config:
        """The `audio_tokenizer` section of BiCodec's configuration."""
        return self.bicodec["audio_tokenizer"]

    def added_tokens(self) -> list[str]:
        """All tokens after the base vocabulary, in id order."""
        return [
            *CHAT_TOKENS,
            *MARKERS,
            *(f"<|reserved_{i}|>" for i in range(self.reserved_tokens)),
            *(self.glm_spelling.format(i) for i in range(self.glm["quantize_vocab_size"])),
            *(f"<|bicodec_global_{i}|>" for i in range(math.prod(self.codec["speaker_encoder"]["fsq_levels"]))),
            *(f"<|bicodec_semantic_{i}|>" for i in range(self.codec["quantizer"]["codebook_size"])),
        ]

    @property
    def vocab_size(self) -> int:
        """Rows of the embedding, padding included."""
        tokens = self.base_tokens + len(self.added_tokens())
        return -(-tokens // self.vocabulary_padding) * self.vocabulary_padding


def _lm_config(hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int, head_dim: int) -> Config:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "head_dim": head_dim,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": intermediate,
        "max_position_embeddings": 32768,
        "max_window_layers": 28,
        "model_type": "qwen3",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": kv_heads,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000000.0,
        "sliding_window": None,
        "tie_word_embeddings": True,
        "use_cache": True,
        "use_sliding_window": False,
    }


def _glm_config(width: int, heads: int, ffn: int, layers: int, position: int, codes: int) -> Config:
    return {
        "activation_function": "gelu",
        "architectures": ["WhisperVQEncoder"],
        "d_model": width,
        "decoder_attention_heads": heads,
        "decoder_ffn_dim": ffn,
        "decoder_layers": layers,
        "encoder_attention_heads": heads,
        "encoder_causal_attention": False,
        "encoder_causal_convolution": True,
        "encoder_ffn_dim": ffn,
        "encoder_layers": layers,
        "is_encoder_decoder": True,
        "max_source_positions": 1500,
        "max_target_positions": 448,
        "model_type": "whisper",
        "num_hidden_layers": layers,
        "num_mel_bins": 128,
        "pooling_kernel_size": 4,
        "pooling_position": position,
        "pooling_type": "avg",
        "quantize_causal_block_size": 200,
        "quantize_causal_encoder": False,
        "quantize_encoder_only": True,
        "quantize_position": position,
        "quantize_vocab_size": codes,
        "scale_embedding": False,
        "vocab_size": 51866,
    }


def _wav2vec2_config(
    width: int, ffn: int, layers: int, heads: int, conv: int, codevector: int, codevectors: int
) -> Config:
    return {
        "architectures": ["Wav2Vec2ForPreTraining"],
        "codevector_dim": codevector,
        "conv_bias": True,
        "conv_dim": [conv] * 7,
        "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
        "conv_stride": [5, 2, 2, 2, 2, 2, 2],
        "do_stable_layer_norm": True,
        "feat_extract_activation": "gelu",
        "feat_extract_norm": "layer",
        "hidden_act": "gelu",
        "hidden_size": width,
        "intermediate_size": ffn,
        "layer_norm_eps": 1e-05,
        "model_type": "wav2vec2",
        "num_attention_heads": heads,
        "num_codevector_groups": 2,
        "num_codevectors_per_group": codevectors,
        "num_conv_pos_embedding_groups": 16,
        "num_conv_pos_embeddings": 128,
        "num_feat_extract_layers": 7,
        "num_hidden_layers": layers,
        "proj_codevector_dim": codevector,
        "vocab_size": 32,
    }


def _bicodec_config(
    *,
    semantic_width: int,
    vocos: tuple[int, int, int],
    postnet_layers: int,
    codes: int,
    speaker_width: int,
    latent: int,
    tokens: int,
    levels: list[int],
    channels: int,
    reference_s: int = 6,
) -> Config:
    width, intermediate, layers = vocos
    stack = {"vocos_dim": width, "vocos_intermediate_dim": intermediate}
    return {
        "highpass_cutoff_freq": 40,
        "sample_rate": 16000,
        "segment_duration": 2.4,
        "max_val_duration": 12,
        "latent_hop_length": 320,
        "ref_segment_duration": reference_s,
        "volume_normalize": True,
        "audio_tokenizer": {
            "mel_params": {
                "sample_rate": 16000,
                "n_fft": 1024,
                "win_length": 640,
                "hop_length": 320,
                "mel_fmin": 10,
                "mel_fmax": None,
                "num_mels": 128,
            },
            "encoder": {
                "input_channels": semantic_width,
                **stack,
                "vocos_num_layers": layers,
                "out_channels": semantic_width,
                "sample_ratios": [1, 1],
            },
            "decoder": {
                "input_channel": speaker_width,
                "channels": channels,
                "rates": [8, 5, 4, 2],
                "kernel_sizes": [16, 11, 8, 4],
            },
            "quantizer": {
                "input_dim": semantic_width,
                "codebook_size": codes,
                "codebook_dim": 8,
                "commitment": 0.25,
                "codebook_loss_weight": 2.0,
                "use_l2_normlize": True,
                "threshold_ema_dead_code": 0.2,
            },
            "speaker_encoder": {
                "input_dim": 128,
                "out_dim": speaker_width,
                "latent_dim": latent,
                "token_num": tokens,
                "fsq_levels": levels,
                "fsq_num_quantizers": 1,
            },
            "prenet": {
                "input_channels": semantic_width,
                **stack,
                "vocos_num_layers": layers,
                "out_channels": speaker_width,
                "condition_dim": speaker_width,
                "sample_ratios": [1, 1],
                "use_tanh_at_final": False,
            },
            "postnet": {
                "input_channels": speaker_width,
                **stack,
                "vocos_num_layers": postnet_layers,
                "out_channels": semantic_width,
                "use_tanh_at_final": False,
            },
        },
    }


FULL = Spec(
    lm=_lm_config(hidden=512, intermediate=3072, layers=28, heads=16, kv_heads=8, head_dim=128),
    glm=_glm_config(width=1280, heads=20, ffn=5120, layers=32, position=16, codes=16384),
    wav2vec2=_wav2vec2_config(width=1024, ffn=4096, layers=24, heads=16, conv=512, codevector=768, codevectors=320),
    bicodec=_bicodec_config(
        semantic_width=1024,
        vocos=(384, 2048, 12),
        postnet_layers=6,
        codes=8192,
        speaker_width=1024,
        latent=128,
        tokens=32,
        levels=[4] * 6,
        channels=1536,
    ),
    base_tokens=151643,
    reserved_tokens=73,  # puts the GLM codes at 151727, the global ones at 168111, the semantic ones at 172207
    vocabulary_padding=128,
    lm_dtype="BF16",
    wav2vec2_file="model.safetensors",
)

TINY = Spec(
    lm=_lm_config(hidden=32, intermediate=48, layers=2, heads=4, kv_heads=2, head_dim=16),
    glm=_glm_config(width=32, heads=4, ffn=48, layers=4, position=2, codes=160),
    wav2vec2=_wav2vec2_config(width=32, ffn=48, layers=17, heads=4, conv=16, codevector=16, codevectors=8),
    bicodec=_bicodec_config(
        semantic_width=32,
        vocos=(16, 32, 2),
        postnet_layers=1,
        codes=48,
        speaker_width=24,
        latent=16,
        tokens=32,
        levels=[4] * 3,
        channels=32,
        reference_s=1,
    ),
    base_tokens=280,
    bicodec_dtype="F16",
)


def _with_codec(spec: Spec, **parts: Config) -> Spec:
    """Change keys of BiCodec sections: `_with_codec(spec, decoder={"rates": ...})`."""
    codec = {name: {**section, **parts.get(name, {})} for name, section in spec.codec.items()}
    return replace(spec, bicodec={**spec.bicodec, "audio_tokenizer": codec})


def _other_speaker(spec: Spec) -> Spec:
    changed = _with_codec(
        spec,
        mel_params={"num_mels": 80, "mel_fmin": 0, "mel_fmax": 7600},
        speaker_encoder={"input_dim": 80, "token_num": 12, "fsq_levels": [8, 5, 3]},
        quantizer={"codebook_dim": 6},
    )
    return replace(changed, bicodec={**changed.bicodec, "ref_segment_duration": 2})


VARIANTS: dict[str, tuple[str, Callable[[Spec], Spec]]] = {
    "untied-head": (
        "an lm_head of its own, vocabulary padded beyond the tokenizer",
        lambda s: replace(s, lm={**s.lm, "tie_word_embeddings": False}, vocabulary_padding=128),
    ),
    "bf16-lm": ("language model tensors in bfloat16", lambda s: replace(s, lm_dtype="BF16")),
    "half-encoders": (
        "GLM tokenizer in bfloat16, wav2vec2 in float16",
        lambda s: replace(s, glm_dtype="BF16", wav2vec2_dtype="F16"),
    ),
    "sharded-lm": ("language model in three files with an index", lambda s: replace(s, lm_shards=3)),
    "wav2vec2-safetensors": (
        "wav2vec2 in safetensors, no key prefix, no pre-training heads",
        lambda s: replace(s, wav2vec2_file="model.safetensors", wav2vec2_prefix="", pretraining_heads=False),
    ),
    "parametrized-weight-norm": (
        "weight norm spelled parametrizations.weight.original0/1 everywhere",
        lambda s: replace(s, parametrized_weight_norm=True),
    ),
    "other-wav2vec2": (
        "odd positional kernel, other groups, convolutions without bias",
        lambda s: replace(
            s,
            wav2vec2={
                **s.wav2vec2,
                "num_conv_pos_embeddings": 15,
                "num_conv_pos_embedding_groups": 4,
                "conv_bias": False,
            },
        ),
    ),
    "other-glm": (
        "GLM block of 25 positions, max pooling by 2 one layer before the codebook, 80 mel bands",
        lambda s: replace(
            s,
            glm={
                **s.glm,
                "quantize_causal_block_size": 25,
                "pooling_kernel_size": 2,
                "pooling_type": "max",
                "pooling_position": s.glm["quantize_position"] - 1,
                "num_mel_bins": 80,
            },
        ),
    ),
    "centred-glm": (
        "GLM tokenizer without attention blocks and without causal convolutions",
        lambda s: replace(s, glm={**s.glm, "quantize_causal_block_size": None, "encoder_causal_convolution": False}),
    ),
    "whole-glm": (
        "GLM file with every encoder layer and the final norm, not only those up to the codebook",
        lambda s: replace(s, glm={**s.glm, "quantize_encoder_only": False}),
    ),
    "other-speaker": ("FSQ levels 8,5,3; 12 global tokens; 2 s reference; 80 mel bands to 7.6 kHz", _other_speaker),
    "other-decoder": (
        "wave generator with rates 5,4,4,4",
        lambda s: _with_codec(s, decoder={"rates": [5, 4, 4, 4], "kernel_sizes": [11, 8, 8, 6]}),
    ),
    "other-frame-rate": (
        "semantic codes at a sixth of the rate: encoder down by 3 and 2, prenet up by 2 and 3",
        lambda s: _with_codec(s, encoder={"sample_ratios": [3, 2]}, prenet={"sample_ratios": [2, 3]}),
    ),
    "other-vocabulary": (
        "other base size, gap before the GLM codes, GLM tokens spelled <|audio_N|>, audio tokens special",
        lambda s: replace(
            s,
            base_tokens=s.base_tokens + 77,
            reserved_tokens=5,
            glm_spelling="<|audio_{}|>",
            audio_tokens_special=True,
            vocabulary_padding=64,
        ),
    ),
    "mel-buffers": ("BiCodec file with the mel transform's buffers", lambda s: replace(s, mel_buffers=True)),
}


def varied(spec: Spec, variants: Iterable[str]) -> Spec:
    """Return `spec` changed by some of `VARIANTS`, in the given order."""
    for name in variants:
        spec = VARIANTS[name][1](spec)
    return spec
