"""Apple's frameworks through ctypes."""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UTF8 = 0x08000100
"""`kCFStringEncodingUTF8`."""

_OBJC = "/usr/lib/libobjc.A.dylib"
"""It has no file any more; the loader knows it, as it does the frameworks."""


class Framework(Protocol):
    """A loaded library."""

    def function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:  # noqa: ANN401 - ctypes' types
        """Return a function with its types, each time a new one: `objc_msgSend` has those of the method it calls.

        Args:
            name: Its name.
            result: ctypes type of what it returns; None: nothing.
            arguments: ctypes types of its arguments.

        Raises:
            AttributeError: There is no such function.
        """
        ...

    def constant(self, name: str) -> int | None:
        """Return the pointer in a global variable, such as the name of a property.

        Raises:
            ValueError: There is no such variable.
        """
        ...


class _Library:
    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)

    def function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:  # noqa: ANN401
        found = self._library[name]
        found.restype, found.argtypes = result, list(arguments)
        return found

    def constant(self, name: str) -> int | None:
        return ctypes.c_void_p.in_dll(self._library, name).value


def load_framework(name: str) -> Framework:
    """Load a framework by its name, or `objc`, Objective-C itself.

    Raises:
        OSError: There is none: this is no Mac.
    """
    return _Library(_OBJC if name == "objc" else f"/System/Library/Frameworks/{name}.framework/{name}")


@contextmanager
def released(core: Framework, pointer: int) -> Iterator[int]:
    """Lend an object of CoreFoundation that belongs to us.

    Args:
        core: CoreFoundation.
        pointer: What a function with `Create` or `Copy` in its name returned.

    Raises:
        OSError: It is null: the function failed.
    """
    if not pointer:
        raise OSError("the system returned nothing")
    try:
        yield pointer
    finally:
        core.function("CFRelease", None, ctypes.c_void_p)(pointer)


def core_string(core: Framework, text: str) -> int:
    """Return a new `CFString`, which is an `NSString` as well, for `released`; 0 if it cannot be made."""
    pointer = ctypes.c_void_p
    make = core.function("CFStringCreateWithCString", pointer, pointer, ctypes.c_char_p, ctypes.c_uint32)
    return make(None, text.encode(), UTF8) or 0
