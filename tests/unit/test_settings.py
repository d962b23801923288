"""Settings: what wins, what is refused, and how the file is changed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from gpa_mlx import settings
from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.jobs import models as jobs_models
from gpa_mlx.settings import KEYS, Settings, SettingsSource, check_flag, load_settings, parse_size, remove, store
from gpa_mlx.store import models, paths


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    """The settings file, which does not exist yet."""
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path))
    return paths.settings_file()


def test_nothing_set(file):
    loaded = load_settings({})
    assert loaded.settings == Settings()
    assert set(loaded.origins) == {each.name for each in fields(Settings)} == set(KEYS)
    assert set(loaded.origins.values()) == {"default"}
    with pytest.raises(FrozenInstanceError):
        loaded.settings.model = "demo"


def test_every_key_explains_itself():
    for key in KEYS.values():
        assert key.help.endswith(".")
        assert key.kind.form


def test_option_before_variable_before_file_before_default(file):
    file.write_text('max_memory = "1GB"\nmodel = "a"\nvoice = "v"\n')
    environ = {"GPA_MLX_MODEL": "b", "GPA_MLX_MAX_MEMORY": "2GB", "GPA_MLX_VOICE": "", "PATH": "x"}
    loaded = load_settings(environ, {"max_memory": "3GB"})
    assert (loaded.settings.max_memory, loaded.settings.model, loaded.settings.voice) == (3 * 10**9, "b", "v")
    assert loaded.origins["max_memory"] == "--max-memory"
    assert loaded.origins["model"] == "GPA_MLX_MODEL"
    assert loaded.origins["voice"] == str(file)
    assert loaded.origins["theme"] == "default"


def test_every_kind_from_the_file(file):
    file.write_text(
        'model = "~/m"\ncache_limit = "1.5 GiB"\nidle_unload_s = 0\nhistory_days = 7\nascii = true\n'
        'words_file = "~/words.txt"\n[keys]\n"app.quit" = "ctrl+q"\n'
    )
    found = load_settings({}).settings
    assert found.model == str(Path("~/m").expanduser())
    assert found.cache_limit == 3 * 2**29
    assert (found.idle_unload_s, found.history_days, found.ascii) == (0.0, 7.0, True)
    assert found.words_file == Path("~/words.txt").expanduser()
    assert found.keys == {"app.quit": "ctrl+q"}


def test_every_kind_from_variables(file):
    environ = {"GPA_MLX_IDLE_UNLOAD_S": "2.5", "GPA_MLX_ASCII": "Yes", "GPA_MLX_HISTORY_SIZE": "500MB"}
    found = load_settings(environ).settings
    assert (found.idle_unload_s, found.ascii, found.history_size) == (2.5, True, 500 * 10**6)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("modle = 'x'", ("'modle'", "'model'")),
        ("[terminal]\ntheme = 'x'", ("'terminal'", "Known are: model")),
        ("model = 3", ("'model'", "3", "a text")),
        ("model = ' '", ("'model'", "a text")),
        ("max_memory = 4", ("'max_memory'", "4GB")),
        ("max_memory = '4'", ("'max_memory'", "4GB")),
        ("max_memory = '4 parsecs'", ("'max_memory'", "4GB")),
        ("max_memory = '0GB'", ("'max_memory'", "4GB")),
        ("idle_unload_s = -1", ("'idle_unload_s'", "-1", "0 or more")),
        ("idle_unload_s = nan", ("'idle_unload_s'", "nan")),
        ("idle_unload_s = true", ("'idle_unload_s'", "True")),
        ("history_days = 0", ("'history_days'", "1 or more")),
        ("ascii = 1", ("'ascii'", "true or false")),
        ("words_file = 'words.txt'", ("'words_file'", "~/")),
        ("[keys]\napp.quit = 'q'", ("'keys'", "quoted")),
        ("keys = 'q'", ("'keys'", "quoted")),
        ("model =", ("not valid TOML", "end of document")),
    ],
)
def test_what_the_file_must_not_hold(file, content, words):
    file.write_text(content)
    with pytest.raises(SettingsError) as caught:
        load_settings({})
    assert str(file) in caught.value.message
    for word in words:
        assert word in str(caught.value)


def test_a_file_that_cannot_be_read(file):
    file.mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings({})
    file.rmdir()
    file.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_settings({})


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("GPA_MLX_MODLE", "x", "'GPA_MLX_MODEL'"),
        ("GPA_MLX_HOMES", "x", "'GPA_MLX_HOME'"),
        ("GPA_MLX_KEYS", "x", "GPA_MLX"),
        ("GPA_MLX_ASCII", "maybe", "true or false"),
        ("GPA_MLX_IDLE_UNLOAD_S", "soon", "seconds"),
    ],
)
def test_what_variables_must_not_hold(file, name, value, word):
    with pytest.raises(SettingsError) as caught:
        load_settings({name: value})
    assert name in caught.value.message
    assert word in str(caught.value)


def test_the_folder_and_the_key_are_no_settings(file):
    assert load_settings({paths.HOME_VARIABLE: "x", settings.API_KEY_VARIABLE: "y"}).settings == Settings()


@pytest.mark.parametrize(
    ("text", "size"), [("4GB", 4 * 10**9), ("500 mb", 5 * 10**8), ("1GiB", 2**30), (" 0.5 MiB ", 2**19)]
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "4", "GB", "-4GB", "4GB5", "4KB", "1e3GB", "0GB", "0.0000001MB"])
def test_no_sizes(text):
    with pytest.raises(ValueError, match=r"^"):
        parse_size(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [("max_memory", "4GB"), ("max_memory", "1.5MB"), ("ascii", "true"), ("idle_unload_s", "2.5"), ("model", "demo")],
)
def test_shown_values_can_be_given_back(name, text):
    key = KEYS[name]
    assert key.shown(key.kind.read(key.kind.parse(text))) == text
    assert key.shown(None) == "-"


def test_a_source_has_flags_and_reads_afresh(file):
    source = SettingsSource({"max_memory": "1GB"}, {})
    assert source.load().settings == Settings(max_memory=10**9)
    store("model", "demo")
    assert source.load().settings == Settings(max_memory=10**9, model="demo")
    assert SettingsSource(environ={}).load().settings.max_memory is None


def test_flags_are_checked_when_they_are_given():
    assert check_flag("max_memory", "1GB") == "1GB"
    with pytest.raises(SettingsError, match="--max-memory"):
        check_flag("max_memory", "much")


def test_comments_and_order_survive_changes(file):
    file.write_text('# mine\nmodel = "demo"  # for now\n\n[keys]\n# leave\n"app.quit" = "q"\n')
    store("ascii", "yes")
    store("keys.speak.play", "f5")
    store("model", "other")
    assert file.read_text() == (
        '# mine\nmodel = "other"  # for now\nascii = true\n\n[keys]\n# leave\n"app.quit" = "q"\n"speak.play" = "f5"\n'
    )
    assert remove("ascii")
    assert remove("keys.app.quit")
    assert not remove("keys.app.quit")
    assert not remove("theme")
    assert load_settings({}).settings == Settings(model="other", keys={"speak.play": "f5"})
    assert "# mine" in file.read_text()


def test_a_missing_file_and_folder_are_made(tmp_path, monkeypatch):
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "new"))
    store("idle_unload_s", "30")
    assert paths.settings_file().read_text() == "idle_unload_s = 30\n"


def test_an_unknown_key_can_be_removed(file):
    file.write_text('modle = "x"\nmodel = "demo"\n')
    assert remove("modle")
    assert file.read_text() == 'model = "demo"\n'


def test_a_link_stays_a_link(file, tmp_path):
    target = tmp_path / "dotfiles" / "gpa.toml"
    target.parent.mkdir()
    target.write_text('model = "demo"\n')
    file.symlink_to(target)
    store("theme", "dark")
    assert file.is_symlink()
    assert 'theme = "dark"' in target.read_text()


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("modle", "x", "'model'"),
        ("max_memory", "lots", "4GB"),
        ("ascii", "perhaps", "true or false"),
        ("keys", "x", "quoted"),
        ("keys.app.quit", " ", "quoted"),
        ("model.name", "x", "'model'"),
    ],
)
def test_what_is_not_stored(file, name, text, word):
    with pytest.raises(SettingsError) as caught:
        store(name, text)
    assert word in str(caught.value)
    assert not file.exists()


def test_a_broken_file_is_not_touched(file):
    file.write_text("model = \n")
    with pytest.raises(SettingsError, match="line 1"):
        store("theme", "dark")
    assert file.read_text() == "model = \n"


def test_a_file_that_cannot_be_written_is_named(file):
    settings.store("voice", "anna")
    (file.parent / ".lock").unlink()
    (file.parent / ".lock").mkdir()
    for change in (lambda: settings.store("voice", "ben"), lambda: settings.remove("voice")):
        with pytest.raises(GPAError, match=r"settings\.toml cannot be written: ") as caught:
            change()
        assert paths.HOME_VARIABLE in caught.value.hint
    assert load_settings({}).settings.voice == "anna"


def test_a_model_stays_when_the_settings_must_go_on_naming_it(file):
    (paths.models_dir() / "mine").mkdir(parents=True)
    settings.store("model", "mine")
    (file.parent / ".lock").unlink()
    (file.parent / ".lock").mkdir()
    with pytest.raises(GPAError, match=r"settings\.toml cannot be written"):
        jobs_models.remove_model("mine")
    assert models.require_installed("mine").is_dir()
    (file.parent / ".lock").rmdir()
    jobs_models.remove_model("mine")
    assert load_settings({}).settings.model is None
    assert not (paths.models_dir() / "mine").exists()
