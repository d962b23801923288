"""Settings that name something: checked before they are written, and in nobody's way when it is gone."""

from __future__ import annotations

import pytest

from gpa_mlx.errors import ModelNotFoundError, SettingsError
from gpa_mlx.jobs.settings import check_setting, choices_of, usable_model
from gpa_mlx.model import demo
from gpa_mlx.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GPA_MLX_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "gone"),
        ("voice", "nobody"),
        ("words_file", "/nowhere/words.txt"),
    ],
)
def test_what_is_not_there_is_refused(name, value):
    with pytest.raises(SettingsError) as caught:
        check_setting(Settings(), name, value)
    assert value in str(caught.value)


def test_what_is_there_is_taken_also_while_the_model_of_the_settings_is_gone():
    check_setting(Settings(model="gone"), "voice", demo.demo_voices()[0].name)
    check_setting(Settings(), "model", "demo")
    assert "demo" in [choice.value for choice in choices_of(Settings(), "model")]
    assert demo.demo_voices()[0].name in [choice.value for choice in choices_of(Settings(model="gone"), "voice")]


def test_a_model_of_the_settings_that_is_gone_gives_way_to_the_demo_model(home):
    (home / "settings.toml").write_text('model = "gone"\n')
    path, words = usable_model(load_settings({}), None)
    assert path == demo.demo_model()
    assert "gpa-mlx settings unset model" in words
    path, words = usable_model(load_settings({"GPA_MLX_MODEL": "gone"}), None)
    assert "`unset GPA_MLX_MODEL`" in words


def test_a_model_that_was_named_for_this_run_does_not():
    with pytest.raises(ModelNotFoundError):
        usable_model(load_settings({}), "gone")


def test_lenient_settings_leave_out_what_cannot_be_and_say_how_to_take_it_out(home):
    (home / "settings.toml").write_text('theme = "blue"\nmodle = "x"\nvoice = "slt"\n')
    loaded = load_settings({"GPA_MLX_HISTORY_DAYS": "0"}, lenient=True)
    assert (loaded.settings.theme, loaded.settings.voice, loaded.settings.history_days) == (None, "slt", 90)
    hints = " ".join(problem.hint for problem in loaded.problems)
    for command in ("settings unset theme", "settings unset modle", "unset GPA_MLX_HISTORY_DAYS"):
        assert command in hints
    with pytest.raises(SettingsError, match="settings unset theme"):
        load_settings({})
