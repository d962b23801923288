"""A demo model of random weights, packed in a second, and words made of tones instead of speech."""

from __future__ import annotations

import zlib

import numpy as np

from gpa_mlx.nn.bicodec.autoencoder import BiCodec
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.nn.wav2vec2 import Wav2Vec2, Wav2Vec2Args
from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.recipes.demo.data.dataset import DemoData
from gpa_mlx.recipes.demo.data.non_speech import non_speech
from gpa_mlx.recipes.demo.data.plan import DemoDataConfig
from gpa_mlx.recipes.demo.data.utterances import LabelledUtterance, as_int16
from gpa_mlx.recipes.demo.training import recipe
from gpa_mlx.recipes.demo.training.pack import PackedPart, pack
from gpa_mlx.recipes.demo.training.tokenizer_file import write_tokenizer
from gpa_mlx.runtime.backend import mx
from gpa_mlx.tokenizers.text import TextTokenizer

TINY = recipe.Sizes(
    glm_dims=32,
    glm_layers=1,
    glm_codes=32,
    feature_dims=32,
    feature_layers=2,
    codec_dims=16,
    latent_dims=16,
    semantic_codes=32,
    generator_channels=16,
    lm_dims=32,
    lm_layers=1,
)

PITCH_HZ = {"slt": 180.0, "rms": 85.0, "awb": 130.0, "slt-small": 210.0, "f2": 200.0}
"""Voices of the tones."""


def pack_random(directory, sizes: recipe.Sizes = TINY):
    """Write a model with random weights and return its directory."""
    directory.mkdir(parents=True, exist_ok=True)
    mx.random.seed(0)
    codec_args = BiCodecArgs.from_dict(recipe.bicodec_config(sizes), "bicodec/config.json")
    tokenizer = directory / "tokenizer.json"
    write_tokenizer(
        tokenizer,
        glm_codes=sizes.glm_codes,
        global_codes=codec_args.speaker_encoder.codebook_size,
        semantic_codes=sizes.semantic_codes,
    )
    added = TextTokenizer.from_file(tokenizer).added_tokens()
    lm = recipe.lm_config(sizes, max(added.values()) + 1, added["<|endoftext|>"])
    glm, log_mel, features = recipe.glm_config(sizes), recipe.log_mel_config(sizes), recipe.wav2vec2_config(sizes)
    parts = (
        PackedPart("lm", "", Qwen3(Qwen3Args.from_dict(lm, "")), {"config.json": lm}),
        PackedPart(
            "glm_tokenizer",
            "glm_tokenizer",
            WhisperVQ(WhisperVQArgs.from_dict(glm, "")),
            {"config.json": glm, "preprocessor_config.json": log_mel},
        ),
        PackedPart("wav2vec2", "wav2vec2", Wav2Vec2(Wav2Vec2Args.from_dict(features, "")), {"config.json": features}),
        PackedPart("bicodec", "bicodec", BiCodec(codec_args), {"config.json": recipe.bicodec_config(sizes)}),
    )
    pack(directory, parts, name="toy", origin="random weights")
    return directory


def tones(text: str, voice: str) -> np.ndarray:
    """Say words as buzzing of the voice's pitch and timbre; every word has its own rhythm, so no two sound the same."""
    pieces = []
    for word in text.split():
        time_s = np.arange(8800) / 16_000
        harmonics = np.arange(1, 20)[:, None]
        formant_hz = 500 * (1 + list(PITCH_HZ).index(voice))
        gains = 0.1 + np.exp(-(((PITCH_HZ[voice] * harmonics - formant_hz) / 300) ** 2))
        buzz = (gains * np.sin(2 * np.pi * PITCH_HZ[voice] * harmonics * time_s)).sum(0)
        swell = 1 + 0.3 * np.sin(2 * np.pi * (2 + zlib.crc32(word.encode()) % 997 / 100) * time_s)
        pieces += [0.1 * buzz * swell, np.zeros(960)]
    return np.concatenate(pieces[:-1]).astype(np.float32)


def utterance(text: str, voice: str) -> LabelledUtterance:
    """Record tones."""
    return LabelledUtterance(
        samples=as_int16(tones(text, voice)),
        words=tuple(text.split()),
        voice=voice,
        phrasing="steady",
        word_spans=(),
        phone_spans=(),
    )


def toy_data() -> DemoData:
    """Tones to train on and to judge by."""
    return DemoData(
        config=DemoDataConfig(evaluation_non_speech=5),
        training=(
            *(utterance(text, voice) for voice in PITCH_HZ for text in ("yes no", "stop go one", "two")),
            *non_speech(2, seed=0),
        ),
        synthetic_speech=(),
        trained_voices=tuple(
            utterance(text, voice) for voice in PITCH_HZ for text in ("zero one", "two three four", "left")
        ),
        held_out_voices=tuple(utterance(text, "f2") for text in ("up down", "right")),
    )
