"""`gpa-mlx doctor --first-run`, with steps that a test makes up."""

from __future__ import annotations

import json

import pytest

from gpa_mlx.cli.first_run import _TerminalPerson
from gpa_mlx.doctor.first_run import session
from gpa_mlx.doctor.first_run.step import Step, StepSkippedError


@pytest.fixture
def steps(monkeypatch):
    """Put steps in the place of the real ones."""

    def put(**performs):
        made = tuple(Step(name, f"doing {name}", perform, asks=name == "asking") for name, perform in performs.items())
        monkeypatch.setattr(session, "STEPS", made)

    return put


def good(surroundings, notes):
    notes.facts["number"] = 7
    notes.summary = "seven"


def bad(surroundings, notes):
    notes.problems.append("It is wrong.")


def asking(surroundings, notes):
    if surroundings.person is None:
        raise StepSkippedError("nobody is asked")


def interrupted(surroundings, notes):
    raise KeyboardInterrupt


def test_every_step_is_shown_and_reported(gpa_mlx, steps, tmp_path):
    steps(good=good, asking=asking)
    result = gpa_mlx("doctor", "--first-run", tmp_path / "report.json")
    assert result.code == 0
    assert result.out.splitlines() == [
        "passed   good    seven [0:00]",
        "skipped  asking  nobody is asked",
        "1 passed, 0 failed, 1 skipped",
    ]
    assert f"{tmp_path / 'report.json'}: the report" in result.err
    report = json.loads((tmp_path / "report.json").read_text())
    assert [step["name"] for step in report["steps"]] == ["good", "asking"]
    assert report["ok"] is True


def test_a_failure_does_not_stop_the_rest_and_gives_exit_code_1(gpa_mlx, steps, tmp_path):
    steps(bad=bad, good=good)
    result = gpa_mlx("doctor", "--first-run", tmp_path / "report.json", "--json")
    assert result.code == 1
    report = json.loads(result.out)
    assert report == json.loads((tmp_path / "report.json").read_text())
    assert [step["status"] for step in report["steps"]] == ["failed", "passed"]


def test_the_report_has_a_name_by_itself(gpa_mlx, steps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps(good=good)
    assert gpa_mlx("doctor", "--first-run").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["gpa-mlx-first-run.json"]


def test_an_interrupt_writes_what_there_is(gpa_mlx, steps, tmp_path):
    steps(good=good, interrupted=interrupted, bad=bad)
    result = gpa_mlx("doctor", "--first-run", tmp_path / "report.json")
    assert result.code == 130
    assert result.out == "passed   good         seven [0:00]\n"
    assert f"{tmp_path / 'report.json'}: the report" in result.err
    assert json.loads((tmp_path / "report.json").read_text())["counts"] == {"passed": 1, "failed": 0, "skipped": 2}


def test_steps_can_be_chosen(gpa_mlx, steps, tmp_path):
    steps(good=good, bad=bad)
    assert gpa_mlx("doctor", "--first-run", tmp_path / "report.json", "--step", "good").code == 0
    result = gpa_mlx("doctor", "--first-run", tmp_path / "other.json", "--step", "best")
    assert (result.code, result.out) == (2, "")
    assert "There is no step 'best'" in result.err
    assert not (tmp_path / "other.json").exists()


@pytest.mark.parametrize("option", [("--step", "speed"), ("--no-person",)])
def test_its_options_belong_to_it(gpa_mlx, option):
    result = gpa_mlx("doctor", *option)
    assert (result.code, result.out) == (2, "")
    assert "belong to --first-run" in result.err


def test_a_report_that_cannot_be_written_is_told_first(gpa_mlx, steps, tmp_path):
    steps(bad=bad)
    result = gpa_mlx("doctor", "--first-run", tmp_path / "nowhere" / "report.json")
    assert (result.code, result.out) == (1, "")
    assert "cannot be written" in result.err


@pytest.mark.parametrize(("typed", "answer"), [("y", True), ("n", False)])
def test_a_person_answers_yes_or_no(monkeypatch, typed, answer):
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: typed)
    assert _TerminalPerson().agrees("Go on?") is answer


def test_ctrl_c_at_a_question_ends_the_run(monkeypatch):
    def interrupt(prompt):
        raise KeyboardInterrupt

    monkeypatch.setattr("click.termui.visible_prompt_func", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _TerminalPerson().agrees("Go on?")
