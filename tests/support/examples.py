"""How many examples a property is tried with: in proportion to the profile (`tests/conftest.py`)."""

from __future__ import annotations

from hypothesis import settings

CI_EXAMPLES = 100
DEV_EXAMPLES = 30


def examples(count: int, *, derandomize: bool | None = None) -> settings:
    """Settings for a property whose examples are expensive (fewer than `CI_EXAMPLES`) or very cheap (more).

    Args:
        count: Examples under the profile `ci`; under another in proportion.
        derandomize: Always the same examples; None leaves it to the profile.
    """
    scaled = max(1, count * settings.default.max_examples // CI_EXAMPLES)
    if derandomize is None:
        return settings(max_examples=scaled)
    return settings(max_examples=scaled, derandomize=derandomize)
