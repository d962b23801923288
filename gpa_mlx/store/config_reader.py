"""Typed access to the fields of a config file, with errors that name the file and the key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from gpa_mlx.errors import ModelFormatError

_REQUIRED: Any = object()
_BEYOND = 2**63
T = TypeVar("T")


class ConfigReader:
    """A view of one (possibly nested) section of a config.

    Unknown keys are ignored: published configs carry many that inference never reads.

    Args:
        config: The section's content.
        source: File name for error messages.
        prefix: Dotted path of this section inside the file.
    """

    def __init__(self, config: Mapping[str, Any], source: str, prefix: str = "") -> None:
        if not isinstance(config, Mapping):
            raise ModelFormatError(
                f"{source}: {prefix.rstrip('.') or 'the content'} must be a mapping of keys to values."
            )
        self._config = config
        self._source = source
        self._prefix = prefix

    def __contains__(self, key: str) -> bool:
        return self._config.get(key) is not None

    def error(self, key: str, problem: str) -> ModelFormatError:
        """Return (not raise) the error that names this file and key."""
        return ModelFormatError(f"{self._source}: '{self._prefix}{key}' {problem}.")

    def section(self, key: str) -> ConfigReader:
        """Return the nested section under `key`."""
        return ConfigReader(self._get(key, _REQUIRED), self._source, f"{self._prefix}{key}.")

    def integer(self, key: str, *, minimum: int = 1, default: int = _REQUIRED) -> int:
        """Return an integer >= `minimum`."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(key, f"must be an integer, not {value!r}")
        if value < minimum:
            raise self.error(key, f"must be at least {minimum}, not {value}")
        return value

    def number(self, key: str, *, minimum: float = -math.inf, default: float = _REQUIRED) -> float:
        """Return a finite number >= `minimum`."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self.error(key, f"must be a number, not {value!r}")
        if value < minimum:
            raise self.error(key, f"must be at least {minimum}, not {value}")
        return float(value)

    def flag(self, key: str, *, default: bool = _REQUIRED) -> bool:
        """Return true or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"must be true or false, not {value!r}")
        return value

    def choice(self, key: str, allowed: Sequence[T], *, default: T = _REQUIRED) -> T:
        """Return one of the values this program implements."""
        value = self._get(key, default)
        if value not in allowed:
            raise self.error(key, f"is {value!r}; supported: {', '.join(repr(a) for a in allowed)}")
        return value

    def integers(self, key: str, *, minimum: int = 1, default: Sequence[int] = _REQUIRED) -> tuple[int, ...]:
        """Return a non-empty list of integers >= `minimum`."""
        value = self._get(key, default)
        ok = isinstance(value, (list, tuple)) and len(value) > 0
        for item in value if ok else ():
            self._check_size(key, item)
        if not ok or any(isinstance(v, bool) or not isinstance(v, int) or v < minimum for v in value):
            raise self.error(key, f"must be a list of integers >= {minimum}, not {value!r}")
        return tuple(value)

    def _get(self, key: str, default: Any) -> Any:  # noqa: ANN401
        value = self._config.get(key)
        if value is None:
            if default is _REQUIRED:
                raise self.error(key, "is missing")
            return default
        self._check_size(key, value)
        return value

    def _check_size(self, key: str, value: object) -> None:
        """Refuse integers that neither a float nor an error message could hold."""
        if isinstance(value, int) and not -_BEYOND < value < _BEYOND:
            raise self.error(key, "holds an integer of more than 64 bits")
