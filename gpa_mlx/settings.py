"""What the user can set once: the keys, and where the value of each comes from.

A value is the first of: an option of this run (`--max-memory`), an environment variable (`GPA_MLX_<KEY>`), the settings
file (TOML), the default. A key or a value that cannot be used is an error, wherever it stands.
"""

from __future__ import annotations

import math
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.store import paths
from gpa_mlx.store.files import locked, write_atomically

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

PREFIX = "GPA_MLX_"
API_KEY_VARIABLE = "GPA_MLX_API_KEY"
"""What clients of a server send, and a server asks for. A secret: no setting, shown nowhere."""

SERVER_VARIABLE = "GPA_MLX_SERVER"
"""The server that commands use: an option of theirs, in the place of a model of their own."""

_NO_SETTINGS = (paths.HOME_VARIABLE, API_KEY_VARIABLE, SERVER_VARIABLE)
"""Variables of this program that are none."""

DEFAULT_ORIGIN = "default"

_UNITS = {"MB": 10**6, "GB": 10**9, "MIB": 2**20, "GIB": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_LARGEST = sys.float_info.max
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of value.

    Attributes:
        form: What a value must be, for messages.
        read: The value for the program from the value in the file; ValueError if it is not of this kind.
        parse: The value in the file from text, as in a variable or on the command line; ValueError as above.
        show: Text for people from the value for the program, such that `parse` and `read` take it back.
        choices: All values, where there are few; empty: any of the form.
    """

    form: str
    read: Callable[[Any], Any]
    parse: Callable[[str], Any] = str
    show: Callable[[Any], str] = str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be set.

    Attributes:
        name: Its name in the file, and as an attribute of `Settings`.
        kind: Its type.
        help: One line.
    """

    name: str
    kind: Kind
    help: str

    def shown(self, value: Any) -> str:  # noqa: ANN401
        """Return a value of this key as text, `-` for one that is not set."""
        return "-" if value is None else self.kind.show(value)

    @property
    def variable(self) -> str:
        """Name of its environment variable."""
        return PREFIX + self.name.upper()


def parse_size(text: str) -> int:
    """Return the bytes of a size such as `4GB`, `1.5 GiB` or `500MB`.

    Raises:
        ValueError: Not a size, no unit, or less than one byte.
    """
    match = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get(match[2].upper(), 0) if match else 0
    size_bytes = float(match[1]) * unit if match else 0.0
    if not 1 <= size_bytes < math.inf:
        raise ValueError(text)
    return int(size_bytes)


def _show_size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:g}GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:g}MB"


def _text(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str) or not value.strip():
        raise ValueError(value)
    # For the path of a model; no name of a voice or a device begins so.
    return str(Path(value).expanduser()) if value.startswith("~/") else value


def _file(value: Any) -> Path:  # noqa: ANN401
    # A relative path would mean another file in every folder the program is started in.
    path = Path(_text(value))
    if not path.is_absolute():
        raise ValueError(value)
    return path


def _switch(value: Any) -> bool:  # noqa: ANN401
    if not isinstance(value, bool):
        raise ValueError(value)  # noqa: TRY004 - one way to say no
    return value


def _parse_switch(text: str) -> bool:
    word = text.strip().lower()
    if word not in _WORDS:
        raise ValueError(text)
    return _WORDS[word]


def _one_of(*words: str) -> Kind:
    def read(value: Any) -> str:  # noqa: ANN401
        if value not in words:
            raise ValueError(value)
        return value

    return Kind(" or ".join(words), read, choices=words)


def _number(lowest: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:  # noqa: ANN401
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= _LARGEST:
            raise ValueError(value)
        return float(value)

    return read


def _parse_number(text: str) -> float:
    return int(text) if text.strip().isdecimal() else float(text)


def _key_table(value: Any) -> dict[str, str]:  # noqa: ANN401
    if not isinstance(value, dict):
        raise ValueError(value)  # noqa: TRY004
    return {name: _text(key) for name, key in value.items()}


def _no_table(text: str) -> Any:  # noqa: ANN401
    raise ValueError(text)


_TEXT = Kind("a text", _text)
_FILE = Kind("a path that begins with / or ~/", _file)
_SIZE_KIND = Kind('a size such as "4GB" or "500MB"', lambda value: parse_size(_text(value)), show=_show_size)
_SWITCH = Kind(
    "true or false", _switch, _parse_switch, show=lambda value: str(value).lower(), choices=("true", "false")
)
_THEME = _one_of("auto", "dark", "light")
_SECONDS = Kind("a number of seconds, 0 or more", _number(0), _parse_number, show="{:g}".format)
_DAYS = Kind("a number of days, 1 or more", _number(1), _parse_number, show="{:g}".format)
_TABLE = Kind(
    'a table of keys by quoted binding, as in "app.quit" = "ctrl+q"',
    _key_table,
    _no_table,
    lambda value: ", ".join(f"{binding}={key}" for binding, key in value.items()) or "-",
)


def _about(kind: Kind, text: str) -> dict[str, tuple[Kind, str]]:
    return {"key": (kind, text)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All values; `KEYS` says what each one means. None means that nothing is set. Sizes are in bytes."""

    model: str | None = field(
        default=None, metadata=_about(_TEXT, "Model for commands without --model: `demo`, a name or a directory.")
    )
    voice: str | None = field(
        default=None, metadata=_about(_TEXT, "Voice for commands without --voice: a name or a recording.")
    )
    microphone: str | None = field(
        default=None, metadata=_about(_TEXT, "A part of the microphone's name; the system's choice if not set.")
    )
    loudspeaker: str | None = field(
        default=None, metadata=_about(_TEXT, "A part of the sound output's name; the system's choice if not set.")
    )
    max_memory: int | None = field(
        default=None, metadata=_about(_SIZE_KIND, "What the model and its work may hold; more is an error.")
    )
    cache_limit: int | None = field(
        default=None,
        metadata=_about(_SIZE_KIND, "Freed memory that MLX keeps for its next use; at most 512 MB unless set."),
    )
    idle_unload_s: float = field(
        default=600.0, metadata=_about(_SECONDS, "Free the model after so many idle seconds; 0 keeps it.")
    )
    history_days: float = field(default=90.0, metadata=_about(_DAYS, "Dictations that are older are deleted."))
    history_size: int = field(
        default=2 * 10**9, metadata=_about(_SIZE_KIND, "The oldest dictations beyond this size are deleted.")
    )
    preroll: bool = field(
        default=True,
        metadata=_about(_SWITCH, "The app's Dictate listens before its key, so that no first word is cut."),
    )
    history_keep: bool = field(
        default=True, metadata=_about(_SWITCH, "Dictations stay in the history when they are written down.")
    )
    words_file: Path | None = field(default=None, metadata=_about(_FILE, "Your own words for dictation, one per line."))
    theme: str | None = field(
        default=None, metadata=_about(_THEME, "Colours of the terminal app; auto (default): as the terminal.")
    )
    ascii: bool = field(default=False, metadata=_about(_SWITCH, "Draw the terminal app with plain ASCII."))
    keys: Mapping[str, str] = field(
        default_factory=dict, metadata=_about(_TABLE, "Keys of the terminal app, by binding; has no variable.")
    )


KEYS: Mapping[str, Key] = {each.name: Key(each.name, *each.metadata["key"]) for each in fields(Settings)}
"""Every key by its name, in the order in which they are shown."""

_VARIABLES = {key.variable: key for key in KEYS.values() if key.kind is not _TABLE}


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings and where they came from.

    Attributes:
        settings: The values.
        origins: By key: `default`, the path of the file, the name of the variable, or the option.
        problems: What was left out because it cannot be used; always empty unless that was asked for.
    """

    settings: Settings
    origins: Mapping[str, str]
    problems: tuple[SettingsError, ...] = ()


def load_settings(
    environ: Mapping[str, str],
    flags: Mapping[str, str] | None = None,
    file: Path | None = None,
    *,
    lenient: bool = False,
) -> LoadedSettings:
    """Gather the settings.

    Args:
        environ: Environment variables; an empty one counts as not set.
        flags: Values given as options of this run, by key, as text.
        file: The settings file, which need not exist; None means the usual one.
        lenient: Leave out what cannot be used, and say so in `problems`, instead of an error. Options are not left out.

    Raises:
        SettingsError: The file is unreadable, or a key is unknown or its value unusable, wherever it was set.
    """
    file = file or paths.settings_file()
    values: dict[str, Any] = {}
    origins = dict.fromkeys(KEYS, DEFAULT_ORIGIN)
    problems: list[SettingsError] = []

    @contextmanager
    def noting(undo: str) -> Iterator[None]:
        try:
            yield
        except SettingsError as error:
            problem = SettingsError(error.message, hint=f"{error.hint} {undo}".strip())
            if not lenient:
                raise problem from error
            problems.append(problem)

    def take(key: Key, value: Any, origin: str, shown: str) -> None:  # noqa: ANN401
        values[key.name] = _checked(key, value, shown)
        origins[key.name] = origin

    content: dict[str, Any] = {}
    with noting(""):
        content = _read(file)
    for name, value in content.items():
        with noting(f"`gpa-mlx settings unset {name}` takes it out."):
            key = find_key(name, f"{file}: there is no key '{name}'.")
            take(key, value, str(file), f"{file}: '{name}'")
    for name, text in environ.items():
        if name.startswith(PREFIX) and name not in _NO_SETTINGS and text:
            with noting(f"`unset {name}` takes it out of this shell."):
                key = _VARIABLES.get(name)
                if key is None:
                    known = [*_VARIABLES, *_NO_SETTINGS]
                    raise _unknown(f"The environment variable {name} is none of this program's.", name, known)
                take(key, _parsed(key, text, name), name, name)
    for name, text in (flags or {}).items():
        option = f"--{name.replace('_', '-')}"
        take(KEYS[name], _parsed(KEYS[name], text, option), option, option)
    return LoadedSettings(Settings(**values), origins, tuple(problems))


def how_to_unset(loaded: LoadedSettings, name: str) -> str:
    """Return the sentence that says how to take a setting out of where it is set.

    Args:
        loaded: Says where that is.
        name: A key.
    """
    if loaded.origins.get(name) == KEYS[name].variable:
        return f"`unset {KEYS[name].variable}` takes it out of this shell."
    return f"`gpa-mlx settings unset {name}` takes it out."


@dataclass(frozen=True, slots=True)
class SettingsSource:
    """Where the settings of one run of the program come from.

    Attributes:
        flags: Values given as options of this run, by key, as text.
        environ: Environment variables.
        file: The settings file; None means the usual one.
        lenient: As for `load_settings`.
    """

    flags: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    file: Path | None = None
    lenient: bool = False

    def load(self) -> LoadedSettings:
        """Read the settings afresh; errors as for `load_settings`."""
        return load_settings(self.environ, self.flags, self.file, lenient=self.lenient)


def check_flag(name: str, text: str) -> str:
    """Return the text of an option if its setting can have that value.

    Raises:
        SettingsError: Unusable.
    """
    option = f"--{name.replace('_', '-')}"
    _checked(KEYS[name], _parsed(KEYS[name], text, option), option)
    return text


def store(name: str, text: str) -> None:
    """Write one value into the settings file; everything else in it, comments too, stays as it is.

    Args:
        name: A key, or `keys.BINDING`.
        text: The value as text.

    Raises:
        SettingsError: Unknown key, unusable value, or a file that is no TOML.
        GPAError: The file cannot be written.
    """
    section, _, member = name.partition(".")
    key = find_key(section if member and section in KEYS else name)
    if member and key.kind is not _TABLE:
        raise _unknown(f"There is no setting '{name}'.", name, list(KEYS))
    value = text if member else _parsed(key, text, f"'{name}'")
    _checked(key, {member: text} if member else value, f"'{name}'")

    def change(document: TOMLDocument) -> None:
        if member:
            document.setdefault(section, {})[member] = value
        else:
            document[name] = value

    _edit(change)


def remove(name: str) -> bool:
    """Take one value out of the settings file, also one under an unknown name; tell whether it was there.

    Raises:
        SettingsError: The file is no TOML.
        GPAError: The file cannot be written.
    """
    section, _, member = name.partition(".")
    was_there = False

    def change(document: TOMLDocument) -> None:
        nonlocal was_there
        table, last = (document.get(section), member) if member else (document, name)
        if isinstance(table, dict) and last in table:
            was_there = True
            del table[last]

    _edit(change)
    return was_there


def find_key(name: str, problem: str | None = None) -> Key:
    """Return the key of this name.

    Args:
        name: What was asked for.
        problem: The message if there is none; None has a plain one.

    Raises:
        SettingsError: There is none.
    """
    if name not in KEYS:
        raise _unknown(problem or f"There is no setting '{name}'.", name, list(KEYS))
    return KEYS[name]


def _edit(change: Callable[[TOMLDocument], None]) -> None:
    import tomlkit  # 30 ms, for two commands

    file = paths.settings_file()
    try:
        with locked(file.parent):
            _read(file)  # says what is wrong with it, as everywhere
            document = tomlkit.parse(file.read_text(encoding="utf-8")) if file.exists() else tomlkit.document()
            before = document.as_string()
            change(document)
            after = document.as_string()
            if after != before:
                write_atomically(file, after if after.endswith("\n") else f"{after}\n", private=True)
    except OSError as error:
        raise GPAError(
            f"{file} cannot be written: {error.strerror or error}.",
            hint=f"Check its permissions, or name another place with {paths.HOME_VARIABLE}.",
        ) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}.", hint="Check the file.") from error
    except ValueError as error:  # not UTF-8, or not TOML: then the message has line and column
        raise SettingsError(f"{file} is not valid TOML: {error}.", hint="Correct that line.") from error
    except RecursionError as error:
        raise SettingsError(f"{file} is nested too deeply.", hint="No setting needs so many brackets.") from error


def _parsed(key: Key, text: str, shown: str) -> Any:  # noqa: ANN401
    try:
        return key.kind.parse(text)
    except ValueError as error:
        raise _unusable(key, text, shown) from error


def _checked(key: Key, value: Any, shown: str) -> Any:  # noqa: ANN401
    try:
        return key.kind.read(value)
    except ValueError as error:
        raise _unusable(key, value, shown) from error


def _unusable(key: Key, value: object, shown: str) -> SettingsError:
    try:
        written = repr(value)
    except ValueError:  # an integer of more digits than Python writes
        written = "too long"
    return SettingsError(f"{shown} is {written}.", hint=f"It must be {key.kind.form}.")


def _unknown(problem: str, name: str, known: list[str]) -> SettingsError:
    nearest = get_close_matches(name, known, n=1)
    hint = f"Did you mean '{nearest[0]}'?" if nearest else f"Known are: {', '.join(known)}."
    return SettingsError(problem, hint=hint)
