"""Nearly right inputs for every reader and writer, a few hundred each; `fuzz.py` does millions."""

from __future__ import annotations

from random import Random

import pytest

from gpa_mlx.errors import GPAError
from tests.robustness import target as target_module
from tests.robustness.fuzz import TARGETS, fuzz
from tests.robustness.target import Target, failure

SEED = 20261121
INPUTS, FEW_INPUTS = 300, 40


@pytest.mark.parametrize("name", TARGETS)
def test_every_input_is_taken_or_refused(name, tmp_path):
    target = TARGETS[name]
    outcome = fuzz(target, range(INPUTS if target.weight >= 10 else FEW_INPUTS), SEED, tmp_path)
    assert outcome.reports == []
    assert outcome.inputs > 0


@pytest.mark.parametrize("name", TARGETS)
def test_inputs_differ_and_come_again(name):
    target = TARGETS[name]
    inputs = [target.input(SEED, number) for number in range(20)]
    assert inputs == [target.input(SEED, number) for number in range(20)]
    assert len(set(inputs)) > 10
    assert inputs != [target.input(SEED + 1, number) for number in range(20)]


def refuse(content):
    raise GPAError("It is wrong.", hint="Give another.")


def crash(content):
    raise KeyError(content)


def loop(content):
    while True:
        pass


def test_bugs_are_told_from_errors_for_people(monkeypatch):
    monkeypatch.setattr(target_module, "HANG_S", 0.05)
    assert failure(lambda content: None, b"") == ""
    assert failure(refuse, b"") == ""
    assert failure(crash, b"").startswith("KeyError at")
    assert failure(loop, b"").startswith("HangError at")


def test_what_found_a_bug_is_saved_twice_and_counted(monkeypatch, tmp_path):
    target = Target("broken", lambda draw: draw.randbytes(4), lambda folder: crash, 1)
    monkeypatch.setitem(TARGETS, "broken", target)
    outcome = fuzz(target, range(5), SEED, tmp_path)
    assert (outcome.inputs, list(outcome.bugs.values())) == (5, [5])
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"broken-{SEED}-0", f"broken-{SEED}-1"]
    assert (tmp_path / f"broken-{SEED}-0").read_bytes() == Random(f"{SEED}:broken:0").randbytes(4)
