"""The suite gives the same result however it is started: in the background, without a terminal, in another language."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.support.scheduling import RoomScheduling

CODE = """
import json, os, signal, sys
from tests.support.surroundings import make_uniform
make_uniform()
names = ("TERM", "NO_COLOR", "COLUMNS", "LC_TIME", "LANGUAGE", "SSH_TTY", "GPA_MLX_MODEL")
print(json.dumps({name: os.environ.get(name) for name in names}))
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


def test_what_the_starter_left_is_put_right():
    strange = {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "43", "LC_TIME": "de_DE", "LANGUAGE": "de"}
    strange |= {"SSH_TTY": "/dev/pts/9", "GPA_MLX_MODEL": "mine", "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, **strange},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = result.stdout.splitlines()
    assert first.startswith('{"TERM": "xterm-256color", ')
    assert first.count("null") == 6
    assert second == "True"


def test_ctrl_c_reaches_these_tests():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_file_stays_in_one_process_and_so_do_all_devices():
    scope_of = RoomScheduling._split_scope
    assert scope_of(None, "tests/unit/a.py::test_one[x::y@z]") == scope_of(None, "tests/unit/a.py::Two::test_three")
    assert scope_of(None, "tests/unit/a.py::test_one") != scope_of(None, "tests/unit/b.py::test_one")
    assert scope_of(None, "tests/devices/a.py::test_one") == scope_of(None, "tests/devices/b.py::test_one")
