"""A converted model directory, and the parts of it that a task needs, each loaded on first use.

Speaking needs the decoder and BiCodec's decoder half, enrolling a voice only the speaker encoder: nothing else is
read. Weights are loaded strictly: every tensor has its place and its shape, or an error names file and key.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from gpa_mlx.codec.decoder import Vocoder
from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.model.vocab import TokenLayout
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.bicodec.encoder import SemanticEncoder
from gpa_mlx.nn.bicodec.speaker import SpeakerEncoder
from gpa_mlx.nn.bicodec.wave_decoder import WaveDecoder
from gpa_mlx.nn.lora import ADAPTER_PARAMETERS, AdapterArgs, add_adapters
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.nn.wav2vec2 import Wav2Vec2, Wav2Vec2Args
from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.runtime.memory import read_weights
from gpa_mlx.store.manifest import require_converted
from gpa_mlx.store.safetensors_header import read_safetensors_header
from gpa_mlx.tokenizers.bicodec import SemanticTokenizer, SpeakerTokenizer
from gpa_mlx.tokenizers.glm import GLMTokenizer, LogMelArgs
from gpa_mlx.tokenizers.text import TextTokenizer

logger = logging.getLogger(__name__)

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapters.safetensors"

M = TypeVar("M", bound=nn.Module)
B = TypeVar("B", SemanticEncoder, SpeakerEncoder, WaveDecoder)


class ModelParts:
    """The parts of one model.

    Construction reads and checks configs and the tokenizer, not weights.

    Args:
        path: A directory written by `gpa-mlx convert`.
        adapter: A directory written by `gpa-mlx train lm --lora`, to be added to the language model; None for none.

    Raises:
        ModelNotFoundError: Nothing at `path` or `adapter`.
        ModelFormatError: Not a converted model, or its configs contradict each other.
    """

    def __init__(self, path: str | os.PathLike[str], adapter: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(path)
        self.manifest = require_converted(self.path)
        self.lm_args = Qwen3Args.from_dict(*self._config("config.json"))
        self.glm_args = WhisperVQArgs.from_dict(*self._config("glm_tokenizer/config.json"))
        self.log_mel_args = LogMelArgs.from_dict(*self._config("glm_tokenizer/preprocessor_config.json"))
        self.wav2vec2_args = Wav2Vec2Args.from_dict(*self._config("wav2vec2/config.json"))
        self.bicodec_args = BiCodecArgs.from_dict(*self._config("bicodec/config.json"))
        self.text = TextTokenizer.from_file(self.path / "tokenizer.json")
        self.layout = TokenLayout.from_added_tokens(
            self.text.added_tokens(), self.text.base_vocab_size, str(self.path / "tokenizer.json")
        )
        self.layout.check_codebooks(
            glm=self.glm_args.codebook_size,
            semantic=self.bicodec_args.quantizer.codebook_size,
            global_=self.bicodec_args.speaker_encoder.codebook_size,
        )
        self.layout.check_vocab_size(self.lm_args.vocab_size)
        self._adapter = None if adapter is None else Path(adapter)
        self._adapter_args = None if self._adapter is None else _read_adapter_config(self._adapter)
        self.loaded: list[str] = []

    @cached_property
    def language_model(self) -> Qwen3:
        """The Qwen3 decoder; float32 on the CPU, where half precision is slow, otherwise as stored."""
        return self._read_timed("language model", self._load_language_model)

    @cached_property
    def text_head(self) -> SlicedHead:
        """Output rows of a transcription: text and stop."""
        stops = [(i, i + 1) for i in (self.layout.im_end, self.layout.end_content)]
        return SlicedHead(self.language_model.output_layer, [*self.layout.text_ranges, *stops])

    @cached_property
    def speech_head(self) -> SlicedHead:
        """Output rows of speech: semantic codes and stop."""
        stops = [(i, i + 1) for i in (self.layout.im_end, self.layout.end_content)]
        return SlicedHead(self.language_model.output_layer, [self.layout.semantic.ids, *stops])

    @cached_property
    def full_head(self) -> SlicedHead:
        """All output rows, as the reference samples from."""
        return SlicedHead(self.language_model.output_layer, [(0, self.lm_args.vocab_size)])

    @cached_property
    def glm(self) -> GLMTokenizer:
        """Audio to GLM codes."""
        network = self._read_timed("GLM tokenizer", lambda: self._load(WhisperVQ(self.glm_args), "glm_tokenizer"))
        return GLMTokenizer(network, self.glm_args, self.log_mel_args)

    @cached_property
    def semantic(self) -> SemanticTokenizer:
        """Audio to semantic codes."""
        features = self._read_timed("wav2vec2", lambda: self._load(Wav2Vec2(self.wav2vec2_args), "wav2vec2"))
        encoder = self._read_timed("BiCodec encoder", lambda: self._load_bicodec(SemanticEncoder))
        return SemanticTokenizer(features, encoder)

    @cached_property
    def speaker(self) -> SpeakerTokenizer:
        """Audio to speaker codes."""
        encoder = self._read_timed("speaker encoder", lambda: self._load_bicodec(SpeakerEncoder))
        return SpeakerTokenizer(encoder, self.bicodec_args)

    @cached_property
    def vocoder(self) -> Vocoder:
        """Codes to sound."""
        network = self._read_timed("BiCodec decoder", lambda: self._load_bicodec(WaveDecoder))
        return Vocoder(network, self.bicodec_args)

    def unload(self) -> None:
        """Drop every loaded part; it comes back when next needed."""
        for name in (
            "text_head",
            "speech_head",
            "full_head",
            "language_model",
            "glm",
            "semantic",
            "speaker",
            "vocoder",
        ):
            self.__dict__.pop(name, None)
        self.loaded.clear()
        mx.clear_cache()

    def _config(self, name: str) -> tuple[Mapping[str, Any], str]:
        return read_json(self.path / name), str(self.path / name)

    def _read_timed(self, name: str, load: Callable[[], M]) -> M:
        start = time.perf_counter()
        part = load()
        read_weights(part, name)
        self.loaded.append(name)
        logger.info("loaded %s in %.2f s", name, time.perf_counter() - start)
        return part

    def _load_language_model(self) -> Qwen3:
        model = Qwen3(self.lm_args)
        file = self.path / "model.safetensors"
        tensors = _read(file)
        quantization = read_json(self.path / "config.json").get("quantization")
        if quantization is not None:
            _quantize_like(model, quantization, tensors, str(self.path / "config.json"))
        _assign(model, tensors, file)
        _set_precision(model, keep_float16=True)
        if self._adapter is not None and self._adapter_args is not None:
            add_adapters(model, self._adapter_args)
            _assign_adapter(model, self._adapter / ADAPTER_WEIGHTS)
        return model

    def _load(self, module: M, part: str) -> M:
        file = self.path / part / "model.safetensors"
        _assign(module, _read(file), file)
        _set_precision(module, keep_float16=False)
        return module

    def _load_bicodec(self, kind: type[B]) -> B:
        module = kind(self.bicodec_args)
        file = self.path / "bicodec" / "model.safetensors"
        _assign(module, {name: t for name, t in _read(file).items() if name.startswith(kind.PREFIXES)}, file)
        _set_precision(module, keep_float16=False)
        return module


def read_json(path: Path) -> Mapping[str, Any]:
    """Read a JSON object.

    Raises:
        ModelFormatError: Missing, not JSON, or not an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelFormatError(
            f"{path} cannot be read: {error.strerror}.", hint="Convert the model again with `gpa-mlx convert`."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{path} is not valid JSON: {error}.", hint="Convert the model again.") from error
    if not isinstance(content, dict):
        raise ModelFormatError(f"{path} must hold a JSON object.", hint="Convert the model again.")
    return content


def _read_adapter_config(directory: Path) -> AdapterArgs:
    path = directory / ADAPTER_CONFIG
    if not path.is_file():
        raise ModelNotFoundError(
            f"{directory} is not an adapter: it has no {ADAPTER_CONFIG}.",
            hint="Give the directory that `gpa-mlx train lm --lora` wrote.",
        )
    return AdapterArgs.from_dict(read_json(path), str(path))


def _read(file: Path) -> dict[str, mx.array]:
    read_safetensors_header(file)  # names what is wrong with a damaged file before MLX trips over it
    tensors = mx.load(str(file))
    assert isinstance(tensors, dict)
    return tensors


def _quantize_like(model: nn.Module, quantization: Any, tensors: Mapping[str, mx.array], source: str) -> None:  # noqa: ANN401
    """Give the layers that are stored quantised their quantised form, as mlx-lm does."""
    if not isinstance(quantization, dict) or not isinstance(quantization.get("bits"), int):
        raise ModelFormatError(
            f"{source}: 'quantization' must name group_size and bits.", hint="Convert the model again."
        )

    def how(path: str, module: nn.Module) -> bool | dict[str, Any]:
        if f"{path}.scales" not in tensors or not hasattr(module, "to_quantized"):
            return False
        return quantization.get(path, True)

    nn.quantize(model, quantization.get("group_size", 64), quantization["bits"], class_predicate=how)


def _assign(module: nn.Module, tensors: Mapping[str, mx.array], file: Path) -> None:
    """Put the tensors in their places; every place filled, nothing left over, every shape right."""
    from mlx.utils import tree_flatten

    _check_tensors(
        dict(tree_flatten(module.parameters())), tensors, file, "Convert the model again with `gpa-mlx convert`."
    )
    module.load_weights(list(tensors.items()), strict=True)


def _set_precision(module: nn.Module, *, keep_float16: bool) -> None:
    """Let a network compute in float32 on the CPU, where half precision is slow, and as stored elsewhere.

    Args:
        module: Its floating parameters are changed in place.
        keep_float16: Whether float16 is precision enough where it is fast. What the audio networks compute exceeds its
            range, 65504.
    """
    if mx.default_device() == mx.Device(mx.cpu):
        widened = (mx.float16, mx.bfloat16)
    else:
        widened = () if keep_float16 else (mx.float16,)
    module.set_dtype(mx.float32, lambda dtype: dtype in widened)


def _assign_adapter(model: Qwen3, file: Path) -> None:
    """Put trained factors into a model with new adapters, in the precision of the model."""
    from mlx.utils import tree_flatten

    tensors = _read(file)
    parameters = dict(tree_flatten(model.parameters()))
    expected = {name: p for name, p in parameters.items() if name.rpartition(".")[2] in ADAPTER_PARAMETERS}
    _check_tensors(expected, tensors, file, "Use the adapter with the model it was trained on.")
    dtype = model.model.norm.weight.dtype
    model.load_weights([(name, tensor.astype(dtype)) for name, tensor in tensors.items()], strict=False)


def _check_tensors(expected: Mapping[str, mx.array], tensors: Mapping[str, mx.array], file: Path, hint: str) -> None:
    if missing := sorted(expected.keys() - tensors.keys()):
        raise ModelFormatError(f"{file}: the tensor '{missing[0]}' is missing ({len(missing)} in all).", hint=hint)
    if extra := sorted(tensors.keys() - expected.keys()):
        raise ModelFormatError(f"{file}: the tensor '{extra[0]}' is not expected ({len(extra)} in all).", hint=hint)
    for name, wanted in expected.items():
        if tensors[name].shape != wanted.shape:
            raise ModelFormatError(
                f"{file}: the tensor '{name}' has shape {tensors[name].shape}, the config asks for {wanted.shape}.",
                hint=hint,
            )
