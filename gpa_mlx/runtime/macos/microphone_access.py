"""Whether macOS lets this process use the microphone: the answer that the user once gave about the app it runs in."""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING, Literal, TypeAlias

from gpa_mlx.runtime.macos.frameworks import Framework, core_string, load_framework, released

if TYPE_CHECKING:
    from collections.abc import Callable

MicrophoneAccess: TypeAlias = Literal["unknown", "undecided", "restricted", "denied", "granted"]
"""`undecided`: nobody was asked yet, or the question is open. `restricted`: a rule of this Mac forbids it."""

_ANSWERS: tuple[MicrophoneAccess, ...] = ("undecided", "restricted", "denied", "granted")
"""By the values of `AVAuthorizationStatus`."""

_AUDIO = "soun"
"""`AVMediaTypeAudio`."""


def microphone_access(
    platform: str = sys.platform, load: Callable[[str], Framework] = load_framework
) -> MicrophoneAccess:
    """Return what macOS says, `[AVCaptureDevice authorizationStatusForMediaType:]`, without making it ask the user.

    Args:
        platform: As `sys.platform`.
        load: Loads a framework.

    Returns:
        `unknown` where this is no Mac, or it does not say.
    """
    if platform != "darwin":
        return "unknown"
    try:
        status = _status(load)
    except (OSError, AttributeError):
        return "unknown"
    return _ANSWERS[status] if 0 <= status < len(_ANSWERS) else "unknown"


def _status(load: Callable[[str], Framework]) -> int:
    pointer = ctypes.c_void_p
    core, objc = load("CoreFoundation"), load("objc")
    load("AVFoundation")  # its classes are known from now on
    device = objc.function("objc_getClass", pointer, ctypes.c_char_p)(b"AVCaptureDevice")
    if not device:
        raise OSError("AVFoundation has no AVCaptureDevice")
    selector = objc.function("sel_registerName", pointer, ctypes.c_char_p)(b"authorizationStatusForMediaType:")
    send = objc.function("objc_msgSend", ctypes.c_long, pointer, pointer, pointer)
    with released(core, core_string(core, _AUDIO)) as media:
        return send(device, selector, media)
