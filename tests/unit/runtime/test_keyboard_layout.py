"""Which key has "v", asked of a stand-in for the keyboard layouts of macOS."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gpa_mlx.runtime.macos.keyboard_layout import ANSI_V, asked_key_code, paste_key_code
from tests.support.apple_frameworks import Library

QWERTY = {0: "a", 9: "v", 47: "."}
DVORAK = {0: "a", 9: "k", 47: "v"}


def frameworks(layout, living, *, table=7):
    """A layout: what a key types by its code, with Command held."""

    def copy():
        living.add(1)
        return 1

    def read(source, name):
        assert (source, name) == (1, "layout data")
        return table

    def translate(data, code, action, modifiers, keyboard, options, dead, most, length, units):
        assert (data, action, modifiers, keyboard, options, most) == (8, 3, 1, 40, 1, 4)
        typed = layout.get(code, "")
        for index, character in enumerate(typed):
            units[index] = ord(character)
        length._obj.value = len(typed)
        return 0

    carbon = Library(
        {"kTISPropertyUnicodeKeyLayoutData": "layout data"},
        TISCopyCurrentASCIICapableKeyboardLayoutInputSource=copy,
        TISGetInputSourceProperty=read,
        LMGetKbdType=lambda: 40,
        UCKeyTranslate=translate,
    )
    core = Library(CFRelease=living.remove, CFDataGetBytePtr={7: 8}.__getitem__)
    return {"Carbon": carbon, "CoreFoundation": core}.__getitem__


@pytest.mark.parametrize(("layout", "code"), [(QWERTY, 9), (DVORAK, 47), ({5: "V"}, 5), ({}, ANSI_V)])
def test_the_key_of_the_layout(layout, code):
    living = set()
    assert paste_key_code(frameworks(layout, living)) == code
    assert living == set()


def test_a_layout_without_a_table():
    living = set()
    assert paste_key_code(frameworks(DVORAK, living, table=None)) == ANSI_V
    assert living == set()


@pytest.mark.parametrize("error", [OSError, AttributeError, ValueError])
def test_a_system_that_does_not_say(error):
    def load(name):
        raise error("no")

    assert paste_key_code(load) == ANSI_V


def test_the_question_is_a_program_of_its_own():
    command = [sys.executable, "-m", "gpa_mlx.runtime.macos.keyboard_layout"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert 0 <= int(answer.stdout) < 128
    assert asked_key_code() == int(answer.stdout)


@pytest.mark.parametrize("script", ["print(47)", "print('x')", "import os; os.abort()", "print(500)"])
def test_a_program_that_fails_gives_the_usual_key(script):
    assert asked_key_code((sys.executable, "-c", script)) == (47 if script == "print(47)" else ANSI_V)
