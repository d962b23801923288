"""Apple's frameworks as far as the program asks them, with the types that ctypes would be given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Function:
    """A function of a library: it demands its types before it is called, as arm64 does.

    Args:
        call: What it does.
    """

    def __init__(self, call: Callable[..., Any]):
        self._call = call
        self.argtypes: list[Any] | None = None
        self.restype: Any = "not set"

    def __call__(self, *arguments: Any) -> Any:
        assert self.argtypes is not None, "the types of the arguments are not set"
        assert len(self.argtypes) == len(arguments)
        assert self.restype != "not set"
        return self._call(*arguments)


class Library:
    """A loaded framework.

    Args:
        calls: Its functions by name.
    """

    def __init__(self, **calls: Callable[..., Any]):
        self._calls = calls

    def __getitem__(self, name: str) -> Function:
        if name not in self._calls:
            raise AttributeError(name)
        return Function(self._calls[name])


@dataclass
class Strings:
    """The `CFString`s that are there: numbers in the place of pointers.

    Attributes:
        living: By number; none may be left in the end.
    """

    living: dict[int, str] = field(default_factory=dict)
    made: int = 0

    def make(self, allocator: None, text: bytes, encoding: int) -> int:
        assert (allocator, encoding) == (None, 0x08000100)
        self.made += 1
        self.living[self.made] = text.decode()
        return self.made

    def release(self, pointer: int) -> None:
        del self.living[pointer]

    def library(self, **more: Callable[..., Any]) -> Library:
        """CoreFoundation."""
        return Library(CFStringCreateWithCString=self.make, CFRelease=self.release, **more)
