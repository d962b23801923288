"""The system's answer about the microphone, asked of stand-ins for Apple's frameworks."""

from __future__ import annotations

import pytest

from gpa_mlx.runtime.macos.microphone_access import microphone_access
from tests.support.apple_frameworks import Library, Strings

CLASSES = {b"AVCaptureDevice": 11}
SELECTORS = {b"authorizationStatusForMediaType:": 22}


def frameworks(status, *, loaded, strings):
    def send(receiver, selector, media):
        assert (receiver, selector, strings.living[media]) == (11, 22, "soun")
        return status

    objc = Library(
        objc_getClass=lambda name: CLASSES[name] if "AVFoundation" in loaded else None,
        sel_registerName=SELECTORS.__getitem__,
        objc_msgSend=send,
    )
    libraries = {"objc": objc, "CoreFoundation": strings.library(), "AVFoundation": Library()}

    def load(name):
        loaded.append(name)
        return libraries[name]

    return load


@pytest.mark.parametrize(
    ("status", "answer"),
    [(0, "undecided"), (1, "restricted"), (2, "denied"), (3, "granted"), (4, "unknown"), (-1, "unknown")],
)
def test_answers(status, answer):
    strings = Strings()
    assert microphone_access("darwin", frameworks(status, loaded=[], strings=strings)) == answer
    assert strings.living == {}


def test_elsewhere_nothing_is_loaded():
    loaded = []
    assert microphone_access("linux", frameworks(3, loaded=loaded, strings=Strings())) == "unknown"
    assert loaded == []


@pytest.mark.parametrize("error", [OSError("image not found"), AttributeError("symbol not found")])
def test_a_system_without_it_is_unknown(error):
    def load(name):
        raise error

    assert microphone_access("darwin", load) == "unknown"


def test_this_computer_answers_whatever_it_is():
    assert microphone_access() in ("unknown", "undecided", "restricted", "denied", "granted")
