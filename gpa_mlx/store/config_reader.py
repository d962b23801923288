"""The one reader of configuration and record files: typed fields, errors that name the file and the key.

Types are strict: true is no number, "1" is none either, numbers are finite and integers fit 64 bits, because neither a
float nor an error message could hold larger ones.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from gpa_mlx.errors import GPAError, ModelFormatError
from gpa_mlx.text.printable import is_printable

_REQUIRED: Any = object()
_BEYOND = 2**63
T = TypeVar("T")

Failure: TypeAlias = Callable[[str], GPAError]
"""Makes the error of a problem such as "'layers' must be an integer, not 'x'"."""


class DuplicateKeyError(ValueError):
    """A JSON object has a key twice: two readers could take it for two different things."""


def parse_unique(text: str) -> object:
    """Parse JSON in which no object has a key twice.

    Raises:
        DuplicateKeyError: One has; the argument is the key.
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        raise DuplicateKeyError(next(key for key, _ in pairs if key in seen or seen.add(key)))
    return result


class ConfigReader:
    """A view of one (possibly nested) section of a file.

    Keys that nobody asks for are ignored, because published configs carry many that inference never reads; `end`
    refuses them.

    Args:
        config: The section's content.
        source: File name for error messages.
        prefix: Dotted path of this section inside the file.
        failure: Makes the errors; None makes `ModelFormatError`.
    """

    def __init__(self, config: object, source: str, prefix: str = "", failure: Failure | None = None) -> None:
        self._failure = failure or (lambda problem: ModelFormatError(f"{source}: {problem}."))
        if not isinstance(config, Mapping):
            raise self._failure(f"{prefix.rstrip('.') or 'the content'} must be a mapping of keys to values")
        self._config: Mapping[str, Any] = config
        self._source = source
        self._prefix = prefix
        self._asked: set[str] = set()

    @classmethod
    def from_json(cls, content: bytes | str, source: str, failure: Failure | None = None) -> ConfigReader:
        """Return a view of a JSON document in UTF-8.

        Raises:
            GPAError: Made by `failure`: it is not JSON, or no object.
        """
        try:
            document = json.loads(content.decode() if isinstance(content, bytes) else content)
        except (ValueError, RecursionError) as error:
            raise cls({}, source, failure=failure)._failure("it is not JSON") from error
        return cls(document, source, failure=failure)

    def __contains__(self, key: str) -> bool:
        return self._config.get(key) is not None

    def error(self, key: str, problem: str) -> GPAError:
        """Return (not raise) the error that names this file and key."""
        return self._failure(f"'{self._prefix}{key}' {problem}")

    def end(self) -> None:
        """Refuse keys that nobody has asked for."""
        for key in self._config:
            if key not in self._asked:
                raise self.error(key, "is unknown")

    def section(self, key: str) -> ConfigReader:
        """Return the nested section under `key`."""
        return ConfigReader(self._get(key, _REQUIRED), self._source, f"{self._prefix}{key}.", self._failure)

    def sections(self, key: str) -> dict[str, ConfigReader]:
        """Return all sections inside the section under `key`, by name."""
        outer = self.section(key)
        return {name: outer.section(name) for name in outer._config}

    def sections_in(self) -> Iterator[tuple[str, ConfigReader]]:
        """Yield the sections among the values of this one, with their keys."""
        for key, value in self._config.items():
            if isinstance(value, Mapping):
                yield key, self.section(key)

    def each(self, key: str, read: Callable[[ConfigReader, str], T]) -> tuple[T, ...]:
        """Return the items of a list, each read by a method of this class, as in `each("names", ConfigReader.text)`."""
        values = self._get(key, _REQUIRED)
        if not isinstance(values, (list, tuple)):
            raise self.error(key, f"must be a list, not {values!r}")
        items = {str(index): value for index, value in enumerate(values)}
        reader = ConfigReader(items, self._source, f"{self._prefix}{key}.", self._failure)
        return tuple(read(reader, index) for index in items)

    def optional(self, key: str, read: Callable[[str], T]) -> T | None:
        """Return what `read`, a method of this reader, makes of a field; None where it is missing or null."""
        self._asked.add(key)
        return read(key) if key in self else None

    def nullable(self, key: str, read: Callable[[str], T]) -> T | None:
        """Like `optional`, but the field must be there."""
        if key not in self._config:
            raise self.error(key, "is missing")
        return self.optional(key, read)

    def text(self, key: str, *, pattern: re.Pattern[str] | None = None, default: str = _REQUIRED) -> str:
        """Return a string that matches as a whole."""
        value = self._get(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"must be a string, not {value!r}")
        if pattern is not None and not pattern.fullmatch(value):
            raise self.error(key, f"must not be {value!r}")
        return value

    def line(self, key: str) -> str:
        """Return a string that a terminal draws as it is, on one line."""
        value = self.text(key)
        if not is_printable(value):
            raise self.error(key, f"holds characters that a terminal would obey: {value!r}")
        if "\n" in value or "\t" in value:
            raise self.error(key, f"is more than one line: {value!r}")
        return value

    def texts(self, key: str) -> dict[str, str]:
        """Return a mapping of strings to strings that a terminal draws as they are."""
        inner = self.section(key)
        return {name: inner.line(name) for name in inner._config}

    def scalars(self, key: str) -> dict[str, str | int | float | bool | None]:
        """Return a mapping of strings to values that are neither lists nor mappings."""
        inner = self.section(key)
        for name, value in inner._config.items():
            is_scalar = value is None or isinstance(value, str | int | float)
            if not is_scalar or (isinstance(value, float) and not math.isfinite(value)):
                raise inner.error(name, f"must not be {value!r}")
            if isinstance(value, str):
                inner.line(name)
            inner._check_size(name, value)
        return dict(inner._config)

    def integer(self, key: str, *, minimum: int = 1, maximum: int = _BEYOND - 1, default: int = _REQUIRED) -> int:
        """Return an integer from `minimum` to `maximum`."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(key, f"must be an integer, not {value!r}")
        if value < minimum:
            raise self.error(key, f"must be at least {minimum}, not {value}")
        if value > maximum:
            raise self.error(key, f"must be at most {maximum}, not {value}")
        return value

    def count(self, key: str) -> int:
        """Return an integer >= 0."""
        return self.integer(key, minimum=0)

    def any_integer(self, key: str) -> int:
        """Return an integer of either sign."""
        return self.integer(key, minimum=-_BEYOND)

    def number(
        self, key: str, *, minimum: float = -math.inf, maximum: float = math.inf, default: float = _REQUIRED
    ) -> float:
        """Return a finite number from `minimum` to `maximum`."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self.error(key, f"must be a number, not {value!r}")
        if value < minimum:
            raise self.error(key, f"must be at least {minimum}, not {value}")
        if value > maximum:
            raise self.error(key, f"must be at most {maximum}, not {value}")
        return float(value)

    def positive(self, key: str) -> float:
        """Return a finite number > 0."""
        value = self.number(key)
        if value <= 0:
            raise self.error(key, f"must be greater than 0, not {value}")
        return value

    def flag(self, key: str, *, default: bool = _REQUIRED) -> bool:
        """Return true or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"must be true or false, not {value!r}")
        return value

    def choice(self, key: str, allowed: Collection[T], *, default: T = _REQUIRED) -> T:
        """Return one of the values this program implements."""
        value = self._get(key, default)
        if value not in tuple(allowed):  # a list cannot be looked up in a mapping
            raise self.error(key, f"is {value!r}; supported: {', '.join(repr(a) for a in allowed)}")
        return value

    def integers(
        self,
        key: str,
        *,
        minimum: int = 1,
        maximum: int = _BEYOND - 1,
        longest: int | None = None,
        default: Sequence[int] = _REQUIRED,
    ) -> tuple[int, ...]:
        """Return a non-empty list, of `longest` entries at most, of integers from `minimum` to `maximum`."""
        value = self._get(key, default)
        ok = isinstance(value, (list, tuple)) and len(value) > 0
        if ok and longest is not None and len(value) > longest:
            raise self.error(key, f"has {len(value)} entries, more than {longest}")
        for item in value if ok else ():
            self._check_size(key, item)
        if not ok or any(isinstance(v, bool) or not isinstance(v, int) or v < minimum for v in value):
            raise self.error(key, f"must be a list of integers >= {minimum}, not {value!r}")
        if max(value) > maximum:
            raise self.error(key, f"must be a list of integers up to {maximum}, not {value!r}")
        return tuple(value)

    def _get(self, key: str, default: Any) -> Any:  # noqa: ANN401
        self._asked.add(key)
        value = self._config.get(key)
        if value is None:
            if default is _REQUIRED:
                raise self.error(key, "is missing")
            return default
        self._check_size(key, value)
        return value

    def _check_size(self, key: str, value: object) -> None:
        if isinstance(value, int) and not -_BEYOND < value < _BEYOND:
            raise self.error(key, "holds an integer of more than 64 bits")
