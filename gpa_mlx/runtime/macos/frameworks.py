"""Apple's frameworks as ctypes libraries.

Every function gets its types where it is used. `objc_msgSend` has those of the method it calls: `library["name"]` makes
a new function object each time, so that they do not mix.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UTF8 = 0x08000100
"""`kCFStringEncodingUTF8`."""

_OBJC = "/usr/lib/libobjc.A.dylib"
"""It has no file any more; the loader knows it, as it does the frameworks."""


def load_framework(name: str) -> ctypes.CDLL:
    """Load a framework by its name, or `objc`, Objective-C itself.

    Raises:
        OSError: There is none: this is no Mac.
    """
    return ctypes.CDLL(_OBJC if name == "objc" else f"/System/Library/Frameworks/{name}.framework/{name}")


def function(library: Any, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:  # noqa: ANN401
    """Return a function of a library with its types.

    Args:
        library: What `load_framework` returns.
        name: The function's name.
        result: ctypes type of what it returns; None: nothing.
        arguments: ctypes types of its arguments.

    Raises:
        AttributeError: The library has no such function.
    """
    found = library[name]
    found.restype, found.argtypes = result, list(arguments)
    return found


@contextmanager
def core_string(core: Any, text: str) -> Iterator[int]:  # noqa: ANN401
    """Lend a `CFString`, which is an `NSString` as well.

    Args:
        core: CoreFoundation.
        text: Its content.

    Raises:
        OSError: It cannot be made.
    """
    pointer = ctypes.c_void_p
    make = function(core, "CFStringCreateWithCString", pointer, pointer, ctypes.c_char_p, ctypes.c_uint32)
    string = make(None, text.encode(), UTF8)
    if not string:
        raise OSError("no CFString could be made")
    try:
        yield string
    finally:
        function(core, "CFRelease", None, pointer)(string)
