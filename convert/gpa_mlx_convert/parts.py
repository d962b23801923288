"""The four parts of a model: from which upstream files, by which table, into which network, in which folder."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlx.utils import tree_flatten

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.model.families.gpa.layout import TokenLayout
from gpa_mlx.nn.bicodec.autoencoder import BiCodec
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.nn.wav2vec2 import Wav2Vec2, Wav2Vec2Args
from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.store.files import read_limited
from gpa_mlx.store.manifest import PartInfo
from gpa_mlx.tokenizers.glm import LogMelArgs
from gpa_mlx.tokenizers.text import MAX_TOKENIZER_BYTES, TextTokenizer
from gpa_mlx_convert import sources
from gpa_mlx_convert.apply import apply_table, check_table
from gpa_mlx_convert.checkpoint import Checkpoint, open_checkpoint
from gpa_mlx_convert.quantize import Bits, Dtype, Storage, storage_for
from gpa_mlx_convert.remap import bicodec_table, glm_table, lm_table, wav2vec2_table
from gpa_mlx_convert.writer import Slot, safetensors_size, slots_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from gpa_mlx_convert.remap.table import Table

WEIGHTS = "model.safetensors"
_COPIED_CONFIGS = ("config.json", "preprocessor_config.json")


@dataclass(frozen=True, slots=True)
class Part:
    """One network, checked and ready to be converted; no tensor has been read.

    Attributes:
        name: As in the manifest.
        checkpoint: The upstream weights.
        table: How targets are made.
        shapes: Of every tensor of the network.
        storage: How tensors are stored.
        slots: The tensors of the file to write.
        texts: Content of each small file beside the weights, by the upstream file it comes from.
    """

    name: str
    checkpoint: Checkpoint
    table: Table
    shapes: Mapping[str, tuple[int, ...]]
    storage: Storage
    slots: list[Slot]
    texts: Mapping[Path, bytes]

    @property
    def folder(self) -> str:
        """Place in the model directory; the language model lies at its root, where mlx-lm looks for it."""
        return "" if self.name == "lm" else self.name

    @property
    def upstream_files(self) -> tuple[Path, ...]:
        """Everything this part is made of."""
        return (*self.texts, *self.checkpoint.files)

    @property
    def info(self) -> PartInfo:
        """What the manifest says about this part."""
        parameters = sum(math.prod(shape) for shape in self.shapes.values())
        return PartInfo(self.storage.dtype, self.storage.bits, len(self.shapes), parameters)

    @property
    def size(self) -> int:
        """Bytes of all files to write."""
        return safetensors_size(self.slots) + sum(len(text) for text in self.texts.values())

    def tensors(self) -> Iterator[tuple[str, mx.array]]:
        """Yield what goes into the slots, reading and building one tensor of the network at a time."""
        for name, array in apply_table(self.checkpoint, self.table, self.shapes, str(self.checkpoint.path)):
            yield from self.storage.encode(name, mx.array(array))


def open_parts(upstream: sources.Upstream, dtype: Dtype, lm_bits: Bits | None) -> list[Part]:
    """Open and check all parts.

    Args:
        upstream: The source.
        dtype: Of the language model; encoders and codec are always float32.
        lm_bits: Bits per weight of the language model, None for no quantisation.

    Raises:
        ModelFormatError: A config is illegal or contradicts another or the tokenizer, a tensor is missing or
            unexpected, or cannot be stored as wanted.
    """
    lm_config = upstream.root / "config.json"
    glm_config = upstream.root / sources.GLM_FOLDER / "config.json"
    wav2vec2_config = upstream.root / sources.WAV2VEC2_FOLDER / "config.json"
    bicodec_config = upstream.root / sources.BICODEC_FOLDER / sources.BICODEC_CONFIG
    lm_args = Qwen3Args.from_dict(sources.read_config(lm_config), str(lm_config))
    glm_args = WhisperVQArgs.from_dict(sources.read_config(glm_config), str(glm_config))
    wav2vec2_args = Wav2Vec2Args.from_dict(sources.read_config(wav2vec2_config), str(wav2vec2_config))
    bicodec_args = BiCodecArgs.from_dict(sources.read_config(bicodec_config), str(bicodec_config))
    log_mel_config = upstream.root / sources.GLM_FOLDER / "preprocessor_config.json"
    LogMelArgs.from_dict(sources.read_config(log_mel_config), str(log_mel_config))  # what will be read at each load
    _check_vocabulary(upstream.root / "tokenizer.json", lm_args, glm_args, bicodec_args)

    lm_network = Qwen3(lm_args)
    lm_shapes = _shapes(lm_network)
    storage = storage_for(lm_shapes, dtype, lm_bits, str(lm_config))
    lm_texts = _read_texts([lm_config, *upstream.present("", sources.TEXT_FILES)])
    if quantization := storage.config(lm_shapes):
        lm_texts[lm_config] = _json({**sources.read_config(lm_config), "quantization": quantization}, lm_config)
    glm_texts = _read_texts(upstream.present(sources.GLM_FOLDER, _COPIED_CONFIGS))
    wav2vec2_texts = _read_texts(upstream.present(sources.WAV2VEC2_FOLDER, _COPIED_CONFIGS))
    bicodec_texts = {bicodec_config: _bicodec_json(bicodec_config)}
    return [
        _part("lm", lm_network, lm_table.table(lm_args), lm_texts, storage),
        _part("glm_tokenizer", WhisperVQ(glm_args), glm_table.table(glm_args), glm_texts),
        _part("wav2vec2", Wav2Vec2(wav2vec2_args), wav2vec2_table.table(wav2vec2_args), wav2vec2_texts),
        _part("bicodec", BiCodec(bicodec_args), bicodec_table.table(bicodec_args), bicodec_texts),
    ]


def _check_vocabulary(tokenizer: Path, lm_args: Qwen3Args, glm_args: WhisperVQArgs, bicodec_args: BiCodecArgs) -> None:
    """Check that the tokenizer has a token for every code of every codebook, and the language model a row for each."""
    text = TextTokenizer.from_file(tokenizer)
    layout = TokenLayout.from_added_tokens(text.added_tokens(), text.base_vocab_size, str(tokenizer))
    layout.check_codebooks(
        glm=glm_args.codebook_size,
        semantic=bicodec_args.quantizer.codebook_size,
        global_=bicodec_args.speaker_encoder.codebook_size,
    )
    layout.check_vocab_size(lm_args.vocab_size)


def _part(
    name: str, network: nn.Module, table: Table, texts: Mapping[Path, bytes], storage: Storage | None = None
) -> Part:
    storage = storage or Storage()
    checkpoint = open_checkpoint(next(iter(texts)).parent)
    shapes = _shapes(network)
    check_table(checkpoint, table, shapes, str(checkpoint.path))
    # Zeros stand for the tensors: MLX knows the results' dtypes and shapes without computing them.
    stand_ins = ((rule.target, mx.zeros(shapes[rule.target])) for rule in table.rules)
    slots = slots_for(pair for target, zeros in stand_ins for pair in storage.encode(target, zeros))
    return Part(name, checkpoint, table, shapes, storage, slots, texts)


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter; the random initial values are never computed."""
    return {name: tensor.shape for name, tensor in dict(tree_flatten(network.parameters())).items()}


def _read_texts(paths: Iterable[Path]) -> dict[Path, bytes]:
    try:
        return {path: read_limited(path, MAX_TOKENIZER_BYTES) for path in paths}
    except OSError as error:
        raise ModelFormatError(f"{error.filename} cannot be read: {error.strerror}.") from error


def _bicodec_json(path: Path) -> bytes:
    """Return the codec's YAML config as JSON, without the half that only training needs."""
    config = sources.read_config(path)
    networks = {key: value for key, value in config["audio_tokenizer"].items() if key != "postnet"}
    return _json({**config, "audio_tokenizer": networks}, path)


def _json(config: Mapping[str, Any], path: Path) -> bytes:
    try:
        return json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise ModelFormatError(f"{path} holds a value that JSON cannot: {error}.") from error
