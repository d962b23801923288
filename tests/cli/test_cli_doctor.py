"""`gpa-mlx doctor` on this computer and on one that a test makes up."""

from __future__ import annotations

import json

import pytest

from gpa_mlx.cli.doctor import _lines
from gpa_mlx.doctor.finding import Finding
from gpa_mlx.store import paths


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def finds(monkeypatch):
    """Let the checkup find what is given."""

    def put(*findings: Finding) -> None:
        monkeypatch.setattr("gpa_mlx.doctor.checkup.examine", lambda source, *, probe_microphone: iter(findings))

    return put


def test_this_computer_is_well(gpa_mlx):
    result = gpa_mlx("doctor", "--no-microphone")
    assert (result.code, result.err) == (0, "")
    for area in ("machine", "backend", "models", "storage", "microphone", "loudspeaker", "clipboard", "tools"):
        assert f" {area} " in result.out
    assert not [line for line in result.out.splitlines() if line != line.rstrip()]


def test_json(gpa_mlx):
    result = gpa_mlx("doctor", "--no-microphone", "--json")
    assert (result.code, result.err) == (0, "")
    document = json.loads(result.out)
    assert document["ok"] is True
    for finding in document["findings"]:
        assert finding.keys() == {"area", "status", "what", "fix"}
        assert finding["status"] in ("ok", "note", "warning")
        assert finding["fix"] or finding["status"] == "ok"


def test_a_missing_essential_gives_exit_code_1(gpa_mlx, finds):
    finds(Finding("backend", "missing", "MLX does not work.", "`pip install mlx`"), Finding("tools", "ok", "Fine."))
    result = gpa_mlx("doctor")
    assert (result.code, result.err) == (1, "")
    assert result.out == (
        "missing  backend  MLX does not work.\n                  -> `pip install mlx`\nok       tools    Fine.\n"
    )
    assert json.loads(gpa_mlx("doctor", "--json").out)["ok"] is False
    assert gpa_mlx("doctor", "--json").code == 1


def test_a_warning_does_not(gpa_mlx, finds):
    finds(Finding("microphone", "warning", "There is none.", "Connect one"))
    assert gpa_mlx("doctor").code == 0


def test_a_damaged_default_model_does(gpa_mlx, monkeypatch, tmp_path):
    monkeypatch.setenv("GPA_MLX_MODEL", str(tmp_path / "nowhere"))
    result = gpa_mlx("doctor", "--no-microphone")
    assert result.code == 1
    assert "missing  models" in result.out


def test_broken_settings_do_not_stop_it(gpa_mlx):
    paths.settings_file().write_text("modle = 3\n")
    result = gpa_mlx("doctor", "--no-microphone")
    assert (result.code, result.err) == (1, "")
    assert "missing  settings" in result.out
    assert " tools " in result.out


def test_long_lines_are_wrapped_at_the_width_of_a_terminal(gpa_mlx, finds):
    found = Finding("machine", "ok", "word " * 50, "mend " * 50)
    finds(found)
    lines = list(_lines([found], 70))
    assert max(map(len, lines)) <= 70 + len("\x1b[32m\x1b[0m")
    assert len(gpa_mlx("doctor").out.splitlines()) == 2
