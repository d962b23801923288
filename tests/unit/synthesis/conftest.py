from __future__ import annotations

import pytest

from gpa_mlx.testing import FakeEngine
from gpa_mlx.types import Voice


@pytest.fixture
def voice():
    return Voice(name="anna", global_tokens=(1, 2, 3))


@pytest.fixture
def scripted():
    """Make an engine that says a text as noise; by text, how the attempts at it end, in turn."""
    return lambda endings=None, **settings: FakeEngine(endings=endings or {}, **settings)
