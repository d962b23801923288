#!/usr/bin/env python3
"""Write an upstream-layout GPA checkpoint with seeded random weights, of any size, without torch.

    python tests/support/random_checkpoint.py --size full --out /path/to/gpa-random       # 3.9 GB, the GPA-0.3B sizes
    python tests/support/random_checkpoint.py --size tiny --variant untied-head other-glm --out DIR

The directory is what `gpa-mlx convert` takes: language model and tokenizer at the root, `BiCodec/` (with wav2vec2
inside) and `glm-4-voice-tokenizer/`. `full` has the published architecture (LM in bfloat16, all else float32, as
published); `tiny` has the same parts in sizes that convert and run in a fraction of a second. Variants change how the
same architecture is stored or configured (`--help` lists them): what other checkpoints of the family may look like.

Every tensor is drawn from its own generator, seeded by (seed, name), at a scale that keeps activations of order one and
written as soon as it is drawn: memory stays within a few times the largest tensor. The weights mean nothing: the
output is noise of the right shape, good for speed, memory and parity, never for quality.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from checkpoint_files import write_safetensors, write_sharded, write_torch_zip
from checkpoint_specs import CHAT_TOKENS, FULL, TINY, VARIANTS, Spec, varied
from checkpoint_tensors import Tensor, bicodec_tensors, glm_tensors, lm_tensors, wav2vec2_tensors
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

MERGES = (("h", "e"), ("Ġ", "t"), ("Ġt", "he"), ("Ġ", "a"), ("i", "n"), ("e", "r"), ("o", "n"), ("l", "l"))
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _stored_as(tensors: Iterable[Tensor], dtype: str) -> list[Tensor]:
    return [replace(t, dtype=dtype) if t.dtype == "F32" else t for t in tensors]


def build_tokenizer(spec: Spec) -> Tokenizer:
    """A Qwen2-style byte-level BPE: 256 bytes, a few merges, filler up to `base_tokens`, then the added tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    learned = ["".join(pair) for pair in MERGES]
    filler = [f"Ġfiller{i}" for i in range(spec.base_tokens - len(alphabet) - len(learned))]
    vocabulary = {token: index for index, token in enumerate([*alphabet, *learned, *filler])}
    if len(vocabulary) != spec.base_tokens:
        raise ValueError(f"base_tokens must be at least {len(alphabet) + len(learned)}, got {spec.base_tokens}")
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=list(MERGES)))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(_added_tokens(spec))
    return tokenizer


def _added_tokens(spec: Spec) -> list[AddedToken]:
    return [
        AddedToken(token, normalized=False, special=token in CHAT_TOKENS or spec.audio_tokens_special)
        for token in spec.added_tokens()
    ]


def _write_tokenizer(directory: Path, spec: Spec) -> None:
    tokenizer = build_tokenizer(spec)
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    base = tokenizer.get_vocab(with_added_tokens=False)
    _write_json(directory / "vocab.json", base)
    merges = "".join(f"{left} {right}\n" for left, right in MERGES)
    (directory / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8")
    ids = {token: spec.base_tokens + index for index, token in enumerate(spec.added_tokens())}
    _write_json(directory / "added_tokens.json", ids)
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    end = {"content": CHAT_TOKENS[0], **flags}
    _write_json(
        directory / "special_tokens_map.json",
        {"additional_special_tokens": list(CHAT_TOKENS[1:]), "eos_token": end, "pad_token": end},
    )
    decoder = {
        str(index): {"content": token.content, **flags, "special": token.special}
        for index, token in enumerate(_added_tokens(spec), start=spec.base_tokens)
    }
    _write_json(
        directory / "tokenizer_config.json",
        {
            "add_bos_token": False,
            "add_prefix_space": False,
            "added_tokens_decoder": decoder,
            "additional_special_tokens": list(CHAT_TOKENS[1:]),
            "bos_token": None,
            "clean_up_tokenization_spaces": False,
            "eos_token": CHAT_TOKENS[0],
            "errors": "replace",
            "model_max_length": 32768,
            "pad_token": CHAT_TOKENS[0],
            "split_special_tokens": False,
            "tokenizer_class": "Qwen2Tokenizer",
            "unk_token": None,
        },
    )


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def _yaml(value: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Block-style YAML of nested mappings, flat lists and scalars."""
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield f"{indent}{key}:"
            yield from _yaml(item, indent + "  ")
        else:
            yield f"{indent}{key}: {json.dumps(item)}"


def write_checkpoint(
    directory: Path, spec: Spec, *, seed: int = 0, report: Callable[[str], None] = lambda _: None
) -> Path:
    """Write the whole upstream directory and return it.

    Args:
        directory: Created with its parents; files in it are overwritten.
        spec: What to write: `TINY`, `FULL`, or one of them `varied`.
        seed: Seed of all weights.
        report: Called with the name of each weight file before it is written.
    """
    glm, codec = directory / "glm-4-voice-tokenizer", directory / "BiCodec"
    wav2vec2 = codec / "wav2vec2-large-xlsr-53"
    for folder in (glm, wav2vec2):
        folder.mkdir(parents=True, exist_ok=True)

    ends = {"eos_token_id": spec.base_tokens, "pad_token_id": spec.base_tokens}
    torch_name = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}[spec.lm_dtype]
    _write_json(directory / "config.json", {**spec.lm, **ends, "dtype": torch_name, "vocab_size": spec.vocab_size})
    _write_json(directory / "generation_config.json", ends)
    _write_tokenizer(directory, spec)
    _write_json(glm / "config.json", spec.glm)
    _write_json(
        glm / "preprocessor_config.json",
        {
            "chunk_length": 30,
            "feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": spec.glm["num_mel_bins"],
            "hop_length": 160,
            "n_fft": 400,
            "n_samples": 480000,
            "nb_max_frames": 3000,
            "padding_side": "right",
            "padding_value": 0.0,
            "return_attention_mask": False,
            "sampling_rate": 16000,
        },
    )
    (codec / "config.yaml").write_text("\n".join(_yaml(spec.bicodec)) + "\n", encoding="utf-8")
    _write_json(wav2vec2 / "config.json", spec.wav2vec2)
    _write_json(
        wav2vec2 / "preprocessor_config.json",
        {
            "do_normalize": True,
            "feature_extractor_type": "Wav2Vec2FeatureExtractor",
            "feature_size": 1,
            "padding_side": "right",
            "padding_value": 0,
            "return_attention_mask": True,
            "sampling_rate": 16000,
        },
    )

    report("model.safetensors")
    language = _stored_as(lm_tensors(spec), spec.lm_dtype)
    if spec.lm_shards == 1:
        write_safetensors(directory / "model.safetensors", language, seed)
    else:
        write_sharded(directory, language, seed, spec.lm_shards)
    report("glm-4-voice-tokenizer/model.safetensors")
    write_safetensors(glm / "model.safetensors", _stored_as(glm_tensors(spec), spec.glm_dtype), seed)
    report(f"BiCodec/wav2vec2-large-xlsr-53/{spec.wav2vec2_file}")
    write = write_torch_zip if spec.wav2vec2_file.endswith(".bin") else write_safetensors
    write(wav2vec2 / spec.wav2vec2_file, _stored_as(wav2vec2_tensors(spec), spec.wav2vec2_dtype), seed)
    report("BiCodec/model.safetensors")
    write_safetensors(codec / "model.safetensors", _stored_as(bicodec_tensors(spec), spec.bicodec_dtype), seed)
    return directory


def main() -> None:
    """Command line."""
    listing = "\n".join(f"  {name:<26}{text}" for name, (text, _) in VARIANTS.items())
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"variants:\n{listing}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to write")
    parser.add_argument("--size", choices=("tiny", "full"), default="tiny")
    parser.add_argument("--variant", choices=tuple(VARIANTS), nargs="+", default=(), help="applied in order")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    spec = varied(FULL if arguments.size == "full" else TINY, arguments.variant)
    write_checkpoint(arguments.out, spec, seed=arguments.seed, report=lambda name: print(name, file=sys.stderr))


if __name__ == "__main__":
    main()
