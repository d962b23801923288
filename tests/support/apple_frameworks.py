"""Stand-ins for Apple's frameworks: a `gpa_mlx.runtime.macos.frameworks.Framework` of Python functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Library:
    """A loaded framework.

    Args:
        constants: Its global variables by name.
        calls: Its functions by name.
    """

    def __init__(self, constants: dict[str, Any] | None = None, **calls: Callable[..., Any]):
        self._constants, self._calls = constants or {}, calls

    def function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        if name not in self._calls:
            raise AttributeError(name)

        def call(*given: Any) -> Any:
            assert len(given) == len(arguments), name
            return self._calls[name](*given)

        return call

    def constant(self, name: str) -> Any:
        if name not in self._constants:
            raise ValueError(name)
        return self._constants[name]


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
