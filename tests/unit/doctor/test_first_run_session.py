"""The first run: steps that fail, crash or are interrupted, and the report."""

from __future__ import annotations

import json
import math

import pytest

from gpa_mlx.doctor.first_run.privacy import Scrubber
from gpa_mlx.doctor.first_run.session import STEPS, FirstRun, choose_steps
from gpa_mlx.doctor.first_run.step import Step, StepSkippedError
from gpa_mlx.errors import GPAError, SettingsError


@pytest.fixture
def make_run(make_host, tmp_path):
    """Build a first run of steps that are functions."""

    def make(*performs, **options):
        steps = [Step(perform.__name__, "working", perform) for perform in performs]
        plain = {"folder": tmp_path, "host": make_host(), "person": None, "scrubber": Scrubber({}, {})}
        return FirstRun(steps, tmp_path / "report.json", **{**plain, **options})

    return make


def reported(tmp_path):
    return json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))


def do_all(run):
    return [run.perform(step, lambda message: None) for step in run.steps]


def good(surroundings, notes):
    notes.facts["number"] = 7
    notes.summary = "seven"


def bad(surroundings, notes):
    notes.problems += ["One is wrong.", "Two as well."]


def crashing(surroundings, notes):
    notes.facts["before"] = True
    raise ZeroDivisionError("by zero")


def refused(surroundings, notes):
    raise GPAError("It cannot be read.", hint="Try again.")


def impossible(surroundings, notes):
    raise StepSkippedError("nobody is asked")


def interrupted(surroundings, notes):
    notes.facts["before"] = 1
    raise KeyboardInterrupt


def test_every_step_has_its_status_and_reason(make_run, tmp_path):
    run = make_run(good, bad, crashing, refused, impossible)
    results = do_all(run)
    assert [(result.status, result.reason) for result in results] == [
        ("passed", ""),
        ("failed", "One is wrong. Two as well."),
        ("failed", "Unexpected ZeroDivisionError: by zero"),
        ("failed", "It cannot be read. Try again."),
        ("skipped", "nobody is asked"),
    ]
    assert run.has_failed
    report = reported(tmp_path)
    assert report["counts"] == {"passed": 1, "failed": 3, "skipped": 1}
    assert report["ok"] is False
    assert [step["facts"] for step in report["steps"]] == [{"number": 7}, {}, {"before": True}, {}, {}]
    assert report["steps"][0]["summary"] == "seven"


def test_the_report_is_there_after_the_first_step(make_run, tmp_path):
    run = make_run(good, bad)
    run.perform(run.steps[0], lambda message: None)
    report = reported(tmp_path)
    assert (report["ok"], report["steps"][1]["status"], report["steps"][1]["reason"]) == (
        True,
        "skipped",
        "not reached",
    )


def test_an_interrupt_keeps_what_there_is(make_run, tmp_path):
    run = make_run(good, interrupted, bad)
    run.perform(run.steps[0], lambda message: None)
    with pytest.raises(KeyboardInterrupt):
        run.perform(run.steps[1], lambda message: None)
    report = reported(tmp_path)
    assert [(step["status"], step["reason"]) for step in report["steps"]] == [
        ("passed", ""),
        ("skipped", "interrupted"),
        ("skipped", "not reached"),
    ]
    assert report["steps"][1]["facts"] == {"before": 1}


def test_numbers_that_json_has_not_are_words(make_run, tmp_path):
    def infinite(surroundings, notes):
        notes.facts["values"] = [math.inf, math.nan]

    do_all(make_run(infinite))
    assert reported(tmp_path)["steps"][0]["facts"] == {"values": ["Infinity", "NaN"]}


def test_private_words_are_not_reported(make_run, tmp_path):
    def telling(surroundings, notes):
        notes.facts["rows"] = [{"file": "/people/anna/songs/x.wav", "code": 1}]
        notes.summary = "made by Anna on annas-mac, with Annabel"
        notes.problems.append("/people/anna/songs and /people/anna differ.")

    scrubber = Scrubber(
        {"/people/anna": "HOME", "/people/anna/songs": "SONGS"}, {"anna": "USER", "annas-mac": "HOST", "": "USER"}
    )
    (result,) = do_all(make_run(telling, scrubber=scrubber))
    assert result.facts == {"rows": [{"file": "SONGS/x.wav", "code": 1}]}
    assert result.summary == "made by USER on HOST, with Annabel"
    assert result.reason == "SONGS and HOME differ."
    assert "anna/" not in (tmp_path / "report.json").read_text()


def test_steps_are_chosen_by_name_with_what_they_need():
    assert choose_steps([]) == STEPS
    assert [step.name for step in choose_steps(["speed", "versions"])] == ["versions", "precisions", "speed"]
    with pytest.raises(SettingsError, match="There is no step 'sped'") as caught:
        choose_steps(["sped"])
    assert "versions, backend" in caught.value.hint
