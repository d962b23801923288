"""The fields of a request, checked: what they may be, and what is said when they are not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

from gpa_mlx.server.errors import ApiError, invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.datastructures import UploadFile
    from starlette.requests import Request

T = TypeVar("T", bound=str)

_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


class Fields:
    """The fields of one request, of a JSON object or of a form; each getter names the field in its error.

    Args:
        values: By name; lists where a name came several times.
        files: What was uploaded, by field.

    Attributes:
        files: The same.
    """

    def __init__(self, values: Mapping[str, Any], files: Mapping[str, list[UploadFile]] | None = None) -> None:
        self._values = values
        self.files = files or {}
        self._asked: set[str] = set()

    @property
    def unused(self) -> tuple[str, ...]:
        """Names of fields that nobody asked for."""
        return tuple(sorted(name for name in self._values if name not in self._asked))

    def raw(self, name: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return a value as it came; None: it did not, or is null."""
        self._asked.add(name)
        return self._values.get(name)

    def text(self, name: str, default: str | None = None, *, required: bool = False) -> str | None:
        """Return a string."""
        value = self.raw(name)
        if value is None and not required:
            return default
        if not isinstance(value, str) or (required and not value.strip()):
            raise invalid(name, f"'{name}' must be a string{' that is not empty' if required else ''}.")
        return value

    def required_text(self, name: str) -> str:
        """Return a string that must be there."""
        value = self.text(name, required=True)
        assert value is not None
        return value

    def number(self, name: str, default: float | None, low: float, high: float) -> float | None:
        """Return a finite number within bounds."""
        value = self.raw(name)
        if value is None or value == "":
            return default
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not low <= number <= high:
            raise invalid(name, f"'{name}' must be a number from {low:g} to {high:g}.")
        return number

    def integer(self, name: str, default: int | None, low: int, high: int) -> int | None:
        """Return a whole number within bounds."""
        value = self.raw(name)
        if value is None or value == "":
            return default
        if isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 20:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise invalid(name, f"'{name}' must be a whole number from {low} to {high}.")
        return value

    def choice(self, name: str, default: T, choices: Collection[T]) -> T:
        """Return one of some strings."""
        value = self.raw(name)
        if value is None or value == "":
            return default
        for choice in choices:
            if value == choice:
                return choice
        raise invalid(name, f"'{name}' must be one of {', '.join(choices)}.")

    def switch(self, name: str, *, default: bool = False) -> bool:
        """Return a truth value; a form spells it."""
        value = self.raw(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        word = str(value).lower()
        if word in _YES or word in _NO:
            return word in _YES
        raise invalid(name, f"'{name}' must be true or false.")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return strings: a list of JSON, or a form's field that came several times, with brackets or without."""
        found = [value for key in (name, f"{name}[]") if (value := self.raw(key)) is not None]
        listed = [one for value in found for one in (value if isinstance(value, list) else [value])]
        if not all(isinstance(one, str) for one in listed):
            raise invalid(name, f"'{name}' must be a list of strings.")
        return tuple(listed)


async def read_json(request: Request) -> Fields:
    """Read a JSON object.

    Raises:
        ApiError: It is none.
    """
    try:
        document = await request.json()
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "The body is not valid JSON.", code="invalid_json") from error
    if not isinstance(document, dict):
        raise ApiError(400, "The body must be a JSON object.", code="invalid_json")
    return Fields(document)
