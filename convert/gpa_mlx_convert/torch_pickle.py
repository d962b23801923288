"""A reader of the pickle inside a torch file that executes nothing.

A pickle is a program for a stack machine. This one knows only the two dozen instructions that a saved state dict
consists of; calling a global is possible for three names, each of which merely records what it was given. There is no
`import`, no attribute access and no call into objects that the file chooses, so there is nothing to escape from.

Reference: the instruction set is documented in the standard library's `pickletools`.
"""

from __future__ import annotations

import io
import math
import pickletools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gpa_mlx.errors import ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Callable

STORAGE_DTYPES: Final = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
"""Dtype (safetensors spelling) of each typed storage class of torch."""

_MAX_ARRAY_RANK = 8
_MAX_COUNT = 2**40
"""Most elements of a tensor or a storage, and largest stride."""
_MAX_INSTRUCTIONS = 400_000
"""A tensor takes some thirty, so this is far beyond any network; Python needs seconds for more."""
_MAX_NAME = 200
"""Characters of a hostile name that an error message repeats."""


@dataclass(frozen=True, slots=True)
class StorageRef:
    """A run of elements in the archive.

    Attributes:
        key: Name of the archive's record.
        dtype: Safetensors spelling.
        count: Number of elements.
    """

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, slots=True)
class TensorRef:
    """A strided view of a storage; offset and strides count elements."""

    storage: StorageRef
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Global:
    """The name of something the file wants to call or refer to."""

    name: str


class _Mark:
    """The stack marker that the pickle's MARK instruction pushes."""

    __slots__ = ()


_ORDERED_DICT = "collections.OrderedDict"
_TENSOR = "torch._utils._rebuild_tensor_v2"
_PARAMETER = "torch._utils._rebuild_parameter"
_ALLOWED_GLOBALS = {_ORDERED_DICT, _TENSOR, _PARAMETER, *(f"torch.{name}" for name in STORAGE_DTYPES)}

_PUSH_ARGUMENT = {
    *("BININT", "BININT1", "BININT2", "LONG1", "INT", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"),
}
_PUSH_CONSTANT: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLE_SIZES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MEMO_PUT = {"BINPUT", "LONG_BINPUT", "PUT"}
_MEMO_GET = {"BINGET", "LONG_BINGET", "GET"}
_NO_EFFECT = {"PROTO", "FRAME"}


def read_state_dict(data: bytes, where: str) -> dict[str, TensorRef]:
    """Interpret a pickled flat state dict.

    Args:
        data: The pickle.
        where: File name for error messages.

    Returns:
        Every tensor by name.

    Raises:
        ModelFormatError: The pickle asks for a global outside the allow-list (named in the message), uses an
            instruction a state dict does not need, is damaged, or holds something other than named tensors.
    """
    result = _Machine(where).run(data)
    if not isinstance(result, dict):
        raise ModelFormatError(f"{where}: its top level is not a dict of tensors.", hint="Save model.state_dict().")
    for name, value in result.items():
        if not isinstance(value, TensorRef):
            raise ModelFormatError(
                f"{where}: the entry {name[:_MAX_NAME]!r} is not a tensor.",
                hint="Save model.state_dict() alone, without nesting.",
            )
    return result


class _Machine:
    """Stack, memo and the instructions."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._calls: dict[str, Callable[[tuple[Any, ...]], Any]] = {
            _ORDERED_DICT: self._ordered_dict,
            _TENSOR: self._tensor,
            _PARAMETER: self._parameter,
        }
        self._instructions: dict[str, Callable[[Any], None]] = {
            "MEMOIZE": self._memoize,
            "TUPLE": self._tuple,
            "MARK": self._mark,
            "EMPTY_DICT": self._empty_dict,
            "SETITEM": self._set_item,
            "SETITEMS": self._set_items,
            "GLOBAL": self._global,
            "STACK_GLOBAL": self._stack_global,
            "INST": self._instance,
            "BINPERSID": self._persistent_id,
            "REDUCE": self._reduce,
            "BUILD": self._build,
        }

    def run(self, data: bytes) -> object:
        """Return the object the pickle describes."""
        try:
            for number, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
                if number >= _MAX_INSTRUCTIONS:
                    raise self._error(f"its pickle has more than {_MAX_INSTRUCTIONS} instructions")
                if opcode.name == "STOP":
                    break
                self._step(opcode.name, argument)
            return self._pop()
        except (ValueError, IndexError, KeyError, OverflowError, MemoryError) as error:
            # genops raises ValueError for unknown opcodes and truncated arguments; the others are a stack or memo
            # that does not hold what the next instruction needs.
            raise self._error("its pickle is damaged") from error

    def _step(self, name: str, argument: Any) -> None:  # noqa: ANN401
        if name in _PUSH_ARGUMENT:
            self._stack.append(argument)
        elif name in _PUSH_CONSTANT:
            self._stack.append(_PUSH_CONSTANT[name])
        elif name in _MEMO_GET:
            self._stack.append(self._memo[int(argument)])
        elif name in _MEMO_PUT:
            self._memo[int(argument)] = self._stack[-1]
        elif name in _TUPLE_SIZES:
            self._stack.append(tuple(reversed([self._pop() for _ in range(_TUPLE_SIZES[name])])))
        elif name in self._instructions:
            self._instructions[name](argument)
        elif name not in _NO_EFFECT:
            raise self._error(f"its pickle uses the instruction {name}, which no state dict needs")

    def _memoize(self, _: object) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _tuple(self, _: object) -> None:
        self._stack.append(tuple(self._pop_to_mark()))

    def _mark(self, _: object) -> None:
        self._stack.append(_Mark())

    def _empty_dict(self, _: object) -> None:
        self._stack.append({})

    def _set_item(self, _: object) -> None:
        value, key = self._pop(), self._pop()
        self._update([key, value])

    def _set_items(self, _: object) -> None:
        self._update(self._pop_to_mark())

    def _global(self, argument: object) -> None:
        self._push_global(str(argument).replace(" ", ".", 1))

    def _stack_global(self, _: object) -> None:
        attribute, module = self._pop(), self._pop()
        # Anything but strings could have a representation of any size.
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise self._error("its pickle names a global by something other than strings")
        self._push_global(f"{module}.{attribute}")

    def _instance(self, argument: object) -> None:
        raise self._forbidden(str(argument).replace(" ", ".", 1))

    def _persistent_id(self, _: object) -> None:
        self._stack.append(self._storage(self._pop()))

    def _reduce(self, _: object) -> None:
        arguments, target = self._pop(), self._pop()
        self._stack.append(self._call(target, arguments))

    def _build(self, _: object) -> None:
        # Attributes of the state dict (`_metadata`): not tensors, so they are dropped unseen.
        self._pop()
        if not isinstance(self._stack[-1], dict):
            raise self._error("its pickle sets attributes of something other than the state dict")

    def _pop(self) -> Any:  # noqa: ANN401
        value = self._stack.pop()
        if isinstance(value, _Mark):
            raise self._error("its pickle is damaged")
        return value

    def _pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while not isinstance(value := self._stack.pop(), _Mark):
            items.append(value)
        items.reverse()
        return items

    def _update(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise self._error("its pickle is damaged")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str):
                raise self._error("a key of its dict is not a string")
            if key in target:
                raise self._error(f"the key {key[:_MAX_NAME]!r} occurs twice in its pickle")
            target[key] = value

    def _push_global(self, name: str) -> None:
        if name not in _ALLOWED_GLOBALS:
            raise self._forbidden(name)
        self._stack.append(_Global(name))

    def _call(self, target: object, arguments: object) -> object:
        if not isinstance(target, _Global) or target.name not in self._calls or not isinstance(arguments, tuple):
            name = target.name if isinstance(target, _Global) else type(target).__name__
            raise self._error(f"its pickle calls {name}, which is not a function of a state dict")
        return self._calls[target.name](arguments)

    def _ordered_dict(self, arguments: tuple[Any, ...]) -> object:
        if arguments:
            raise self._error("its pickle passes arguments to OrderedDict")
        return {}

    def _tensor(self, arguments: tuple[Any, ...]) -> TensorRef:
        # (storage, storage_offset, size, stride, requires_grad, backward_hooks[, metadata])
        if len(arguments) < 4:
            raise self._error("a tensor of its pickle lacks fields")
        storage, offset, shape, stride = arguments[:4]
        ok = isinstance(storage, StorageRef) and _is_count(offset) and _are_counts(shape) and _are_counts(stride)
        if not ok or len(shape) != len(stride) or len(shape) > _MAX_ARRAY_RANK:
            raise self._error("a tensor of its pickle has illegal fields")
        if math.prod(size or 1 for size in shape) > _MAX_COUNT:
            raise self._error("a tensor of its pickle has an illegal shape")
        return TensorRef(storage, offset, shape, stride)

    def _parameter(self, arguments: tuple[Any, ...]) -> TensorRef:
        # (data, requires_grad, backward_hooks)
        if not arguments or not isinstance(arguments[0], TensorRef):
            raise self._error("a parameter of its pickle is not a tensor")
        return arguments[0]

    def _storage(self, identity: object) -> StorageRef:
        # ('storage', storage class, key, device, number of elements)
        if not isinstance(identity, tuple) or len(identity) != 5 or identity[0] != "storage":
            raise self._error("its pickle refers to something other than a storage")
        _, kind, key, _, count = identity
        dtype = STORAGE_DTYPES.get(kind.name.removeprefix("torch.")) if isinstance(kind, _Global) else None
        if dtype is None or not isinstance(key, str) or not _is_count(count):
            raise self._error("a storage of its pickle has illegal fields")
        return StorageRef(key, dtype, count)

    def _forbidden(self, name: str) -> ModelFormatError:
        return ModelFormatError(
            f"{self._where}: its pickle asks for the global {name[:_MAX_NAME]!r}, which no tensor file needs; "
            "nothing was executed.",
            hint="Do not use this file; get the weights as .safetensors from a source you trust.",
        )

    def _error(self, problem: str) -> ModelFormatError:
        return ModelFormatError(f"{self._where}: {problem}.", hint="Use the .safetensors form of these weights.")


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_COUNT


def _are_counts(value: object) -> bool:
    return isinstance(value, tuple) and all(_is_count(item) for item in value)
