"""The parts of a converted model, each loaded on first use: what all families share.

Weights are loaded strictly: every tensor has its place and its shape, or an error names file and key.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, overload

from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx.lm.pool import DecodingPool
from gpa_mlx.nn.lora import ADAPTER_PARAMETERS, AdapterArgs, add_adapters
from gpa_mlx.nn.qwen3 import Qwen3
from gpa_mlx.runtime.backend import mx, nn, on_gpu
from gpa_mlx.runtime.memory import read_weights
from gpa_mlx.store.config_reader import ConfigReader
from gpa_mlx.store.files import read_limited
from gpa_mlx.store.manifest import require_converted
from gpa_mlx.store.safetensors_header import read_safetensors_header

if TYPE_CHECKING:
    from gpa_mlx.lm.language_model import LanguageModel
    from gpa_mlx.model.tasks import (
        CodecTask,
        ConversionTask,
        EnrollmentTask,
        SpeechTask,
        TranscriptionTask,
    )
    from gpa_mlx.types import Task

logger = logging.getLogger(__name__)

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapters.safetensors"
_WEIGHTS = "model.safetensors"
_BITS = (2, 3, 4, 5, 6, 8)
_GROUP_SIZES = (32, 64, 128)
"""What MLX has kernels for."""

M = TypeVar("M", bound=nn.Module)
P = TypeVar("P", bound="ModelParts")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Part(Generic[P, T_co]):
    """Decorator of a method that loads a part: a property that does so once, until the model is unloaded."""

    def __init__(self, load: Callable[[P], T_co]) -> None:
        self._load = load
        self.__doc__ = load.__doc__

    @overload
    def __get__(self, parts: None, owner: type[P]) -> Self: ...

    @overload
    def __get__(self, parts: P, owner: type[P]) -> T_co: ...

    def __get__(self, parts: P | None, owner: type[P]) -> T_co | Self:
        return self if parts is None else self.of(parts)

    def of(self, parts: P) -> T_co:
        """Return the part of a model."""
        return parts.cached(self, self._load)


class ModelParts:
    """One model: a base for families, whose models override the tasks they can do.

    Construction reads and checks the manifest, not weights.

    Args:
        path: A directory written by `gpa-mlx convert`.
        adapter: A directory written by `gpa-mlx train lm --lora`, to be added to the language model; None for none.

    Attributes:
        family: Name of the family.
        needs: What each task needs; its keys are the tasks the model can do.
        language_model: What generates.
        path: The directory.
        manifest: What `gpa_mlx.json` says.
        loaded: Names of the networks in memory, in the order they were loaded.

    Raises:
        ModelNotFoundError: Nothing at `path` or `adapter`.
        ModelFormatError: Not a converted model of this family.
    """

    family: ClassVar[str]
    needs: ClassVar[Mapping[Task, tuple[Part[Any, Any], ...]]]
    language_model: Part[Any, LanguageModel]

    def __init__(self, path: str | os.PathLike[str], adapter: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(path)
        self.manifest = require_converted(self.path)
        if self.manifest.architecture != self.family:
            raise ModelFormatError(
                f"{self.path} is a model of the family '{self.manifest.architecture}', not '{self.family}'.",
                hint=f"Give a model of the family '{self.family}'.",
            )
        self._adapter = None if adapter is None else Path(adapter)
        self._adapter_args = None if self._adapter is None else _read_adapter_config(self._adapter)
        self.loaded: list[str] = []
        self._cache: dict[object, Any] = {}

    @property
    def transcription(self) -> TranscriptionTask | None:
        """Recordings to text; None if the model cannot."""
        return None

    @property
    def speech(self) -> SpeechTask | None:
        """Text to speech; None if the model cannot."""
        return None

    @property
    def conversion(self) -> ConversionTask | None:
        """Speech to speech in another voice; None if the model cannot."""
        return None

    @property
    def enrollment(self) -> EnrollmentTask | None:
        """Recordings to voices; None if the model cannot."""
        return None

    @property
    def codec(self) -> CodecTask | None:
        """Recordings to codes and back; None if the model has none."""
        return None

    @Part
    def generator(self) -> LanguageModel:
        """The language model, ready to generate; on a GPU in fewer kernels, and no longer to be trained."""
        model = self.language_model
        if on_gpu() and isinstance(model, Qwen3):
            model.merge_projections()
            mx.eval(model.parameters())
        return model

    @Part
    def pool(self) -> DecodingPool:
        """Where everything is generated."""
        return DecodingPool(self.generator)

    def load(self, task: Task) -> None:
        """Load now what a task needs, one of `needs`; on a GPU its kernels too."""
        for part in self.needs[task]:
            part.of(self)
        if on_gpu():
            self.rehearse(task)

    def rehearse(self, task: Task) -> None:
        """Do a little of a task, for which everything is loaded: a GPU's kernels are built at their first use.

        By default nothing; a family says what.
        """

    def cached(self, key: object, load: Callable[[Self], T]) -> T:
        """Return what `load` returned for this key, loading it if there is none."""
        if key not in self._cache:
            self._cache[key] = load(self)
        return self._cache[key]

    def unload(self) -> None:
        """Drop every loaded part; it comes back when next needed."""
        self._cache.clear()
        self.loaded.clear()
        mx.clear_cache()

    def config(self, name: str) -> tuple[Mapping[str, Any], str]:
        """Return a JSON config of the model, and its path for messages; errors as for `read_json`."""
        return read_json(self.path / name), str(self.path / name)

    def load_network(
        self, title: str, network: M, folder: str, *, prefixes: tuple[str, ...] = ("",), keep_float16: bool = False
    ) -> M:
        """Read the weights of a network.

        Args:
            title: For people.
            network: Fresh.
            folder: Has the weights' file; relative to the model directory.
            prefixes: Which of its tensors the network takes: all of them by default.
            keep_float16: Whether float16 is precision enough where it is fast. What the audio networks compute exceeds
                its range, 65504.

        Returns:
            The network, in float32 on the CPU, where half precision is slow, otherwise as stored.

        Raises:
            ModelFormatError: A tensor is missing, unexpected or of another shape than the config asks for.
            GPAError: The memory that is allowed is used up.
        """
        file = self.path / folder / _WEIGHTS

        def load() -> M:
            _assign(network, {name: t for name, t in _read(file).items() if name.startswith(prefixes)}, file)
            _set_precision(network, keep_float16=keep_float16)
            return network

        return self._load_timed(title, load)

    def load_decoder(self, title: str, network: Qwen3) -> Qwen3:
        """Read the weights of the language model at the model directory's root: quantised as stored, with the adapter.

        Arguments, result and errors as for `load_network`.
        """

        def load() -> Qwen3:
            fields = ConfigReader(*self.config("config.json"))
            file = self.path / _WEIGHTS
            tensors = _read(file)
            if "quantization" in fields:
                _quantize_like(network, fields.section("quantization"), tensors)
            _assign(network, tensors, file)
            _set_precision(network, keep_float16=True)
            if self._adapter is not None and self._adapter_args is not None:
                add_adapters(network, self._adapter_args)
                _assign_adapter(network, self._adapter / ADAPTER_WEIGHTS)
            return network

        return self._load_timed(title, load)

    def _load_timed(self, title: str, load: Callable[[], M]) -> M:
        start = time.perf_counter()
        network = load()
        read_weights(network, title)
        self.loaded.append(title)
        logger.info("loaded %s in %.2f s", title, time.perf_counter() - start)
        return network


def read_json(path: Path) -> Mapping[str, Any]:
    """Read a JSON object.

    Raises:
        ModelFormatError: Missing, not JSON, or not an object.
    """
    try:
        content = json.loads(read_limited(path))
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


def _quantize_like(model: nn.Module, fields: ConfigReader, tensors: Mapping[str, mx.array]) -> None:
    """Give the layers that are stored quantised their quantised form, as mlx-lm does."""
    own = {path: _quantization(layer) for path, layer in fields.sections_in()}
    general = _quantization(fields)

    def how(path: str, module: nn.Module) -> bool | dict[str, Any]:
        if f"{path}.scales" not in tensors or not hasattr(module, "to_quantized"):
            return False
        return own.get(path, True)

    nn.quantize(model, general["group_size"], general["bits"], class_predicate=how)


def _quantization(fields: ConfigReader) -> dict[str, int]:
    """Read how one layer, or all without an entry of their own, are quantised."""
    fields.choice("mode", ["affine"], default="affine")
    return {
        "group_size": fields.choice("group_size", _GROUP_SIZES, default=64),
        "bits": fields.choice("bits", _BITS),
    }


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
    widened = [mx.float16, mx.bfloat16]
    if on_gpu():
        widened = [] if keep_float16 else [mx.float16]
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
