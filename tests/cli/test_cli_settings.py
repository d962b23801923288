"""`gpa-mlx settings` and the option `--max-memory`."""

from __future__ import annotations

import json

import pytest

from gpa_mlx import settings
from gpa_mlx.settings import KEYS
from gpa_mlx.store import paths


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    """The settings file, which does not exist yet."""
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path))
    return paths.settings_file()


def row(out: str, name: str) -> list[str]:
    (line,) = [line for line in out.splitlines() if line.split()[0] == name]
    return line.split(maxsplit=2)


def test_every_value_and_its_origin(gpa_mlx, file, monkeypatch):
    file.write_text('max_memory = "4GB"\n')
    monkeypatch.setenv("GPA_MLX_VOICE", "anna")
    result = gpa_mlx("settings")
    assert (result.code, result.err) == (0, "")
    assert [line.split()[0] for line in result.out.splitlines()] == list(KEYS)
    assert row(result.out, "max_memory") == ["max_memory", "4GB", str(file)]
    assert row(result.out, "voice") == ["voice", "anna", "GPA_MLX_VOICE"]
    assert row(result.out, "model") == ["model", "-", "default"]
    assert row(result.out, "ascii") == ["ascii", "false", "default"]


def test_json(gpa_mlx, file):
    file.write_text('max_memory = "4GB"\nwords_file = "~/w"\n[keys]\n"app.quit" = "q"\n')
    document = json.loads(gpa_mlx("settings", "--json").out)
    assert list(document) == list(KEYS)
    assert document["max_memory"]["value"] == 4 * 10**9
    assert document["keys"]["value"] == {"app.quit": "q"}
    assert document["words_file"]["value"].endswith("/w")
    assert document["theme"] == {"value": None, "origin": "default", "help": KEYS["theme"].help}


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_option_goes_before_all(gpa_mlx, file, place):
    file.write_text('max_memory = "4GB"\n')
    option = ("--max-memory", "2GB")
    result = gpa_mlx(*option, "settings") if place == "before" else gpa_mlx("settings", *option)
    assert row(result.out, "max_memory") == ["max_memory", "2GB", "--max-memory"]
    assert settings.load_settings({}).settings.max_memory == 4 * 10**9  # it held for that run only


def test_an_unusable_option(gpa_mlx):
    result = gpa_mlx("settings", "--max-memory", "12")
    assert (result.code, result.out) == (2, "")
    assert "--max-memory is '12'" in result.err
    assert "4GB" in result.err


def test_the_file_is_named(gpa_mlx, file):
    assert gpa_mlx("settings", "path") == (0, f"{file}\n", "")


def test_set_and_unset(gpa_mlx, file):
    result = gpa_mlx("settings", "set", "idle_unload_s", "60")
    assert (result.code, result.out, result.err) == (0, "", f"idle_unload_s is set in {file}\n")
    assert row(gpa_mlx("settings").out, "idle_unload_s")[1:] == ["60", str(file)]
    assert gpa_mlx("settings", "set", "keys.app.quit", "ctrl+q").code == 0
    assert row(gpa_mlx("settings").out, "keys")[1] == "app.quit=ctrl+q"
    assert "is taken out" in gpa_mlx("settings", "unset", "idle_unload_s").err
    again = gpa_mlx("settings", "unset", "idle_unload_s")
    assert (again.code, "is not set" in again.err) == (0, True)
    assert row(gpa_mlx("settings").out, "idle_unload_s")[1:] == ["600", "default"]
    assert gpa_mlx("settings", "unset", "keys.app.quit").code == 0
    assert gpa_mlx("settings", "unset", "keys.app.quit").code == 0


def test_a_variable_that_hides_the_file_is_mentioned(gpa_mlx, monkeypatch):
    monkeypatch.setenv("GPA_MLX_THEME", "dark")
    assert "GPA_MLX_THEME" in gpa_mlx("settings", "set", "theme", "light").err
    assert "GPA_MLX_THEME" in gpa_mlx("settings", "unset", "theme").err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("set", "modle", "x"), "'model'"),
        (("set", "max_memory", "much"), "4GB"),
        (("set", "model"), "VALUE"),
        (("unset", "modle"), "'model'"),
        (("--json", "set", "model", "x"), "--json"),
    ],
)
def test_wrong_usage(gpa_mlx, file, arguments, word):
    result = gpa_mlx("settings", *arguments)
    assert (result.code, result.out) == (2, "")
    assert word in result.err
    assert not file.exists()


def test_a_broken_file_can_be_repaired(gpa_mlx, file):
    file.write_text('modle = "x"\nmodel = "demo"\n')
    result = gpa_mlx("settings")
    assert result.code == 2
    assert row(result.out, "model")[1] == "demo", "what can be used is listed all the same"
    assert "'modle'" in result.err
    assert "Did you mean 'model'?" in result.err
    assert gpa_mlx("settings", "unset", "modle").code == 0
    result = gpa_mlx("settings")
    assert (result.code, result.err) == (0, "")
    assert row(result.out, "model")[1] == "demo"


def test_every_value_that_cannot_be_used_is_named_with_its_way_out(gpa_mlx, file):
    file.write_text('history_days = -1\npreroll = "maybe"\n')
    for options in ((), ("--json",)):
        result = gpa_mlx("settings", *options)
        assert result.code == 2
        assert "`gpa-mlx settings unset history_days`" in result.err
        assert "`gpa-mlx settings unset preroll`" in result.err
    assert json.loads(result.out)["history_days"]["value"] == 90


def test_help_explains_every_key(gpa_mlx):
    lines = [" ".join(line.split()) for line in gpa_mlx("settings", "--help").out.splitlines()]
    for key in KEYS.values():
        assert f"{key.name} {key.help}" in lines
