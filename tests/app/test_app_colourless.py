"""The app under `NO_COLOR`: no colour reaches the terminal, and one still sees where one is."""

from __future__ import annotations

import os
import re

import pytest
from rich.style import Style
from textual.color import Color

from gpa_mlx_tui.app.colourless import Colourless
from gpa_mlx_tui.themes import THEMES
from tests.support.terminal import Terminal

COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


def drawn(style: Style, theme: str = "dark") -> Style:
    from rich.segment import Segment

    background = Color.parse(THEMES[theme].background or "")
    (segment,) = Colourless(background).apply([Segment("word", style)], background)
    assert segment.style is not None
    return segment.style


@pytest.mark.slow
def test_no_mode_draws_colours(tmp_path):
    environment = {**os.environ, "GPA_MLX_HOME": str(tmp_path), "NO_COLOR": "1"}
    with Terminal("--model", "demo", environment=environment) as terminal:
        terminal.until(b"What you say appears here")
        seen = terminal.picture
        for key, words in ((b"\x1bOR", b"Verify"), (b"\x1b[20~", b"history_days"), (b"\x1bOP", b"Help")):
            terminal.write(key)
            terminal.until(words)
            seen += terminal.picture
        terminal.leave()
    assert not COLOUR.findall(seen + terminal.picture)
    assert b"\x1b[7m" in seen or b";7m" in seen, "the chosen mode and the cursor are seen"


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_what_colours_said_is_said_without_them(theme):
    look = THEMES[theme]
    text = Style(color=look.foreground, bgcolor=look.background)
    assert drawn(text, theme) == Style()
    assert drawn(Style(color=look.foreground, bgcolor=look.panel, bold=True), theme) == Style(bold=True)
    assert drawn(Style(color=look.background, bgcolor=look.primary), theme) == Style(reverse=True)
    assert drawn(text + Style(reverse=True), theme) == Style(reverse=True)
    grey = Color.parse(look.foreground or "").blend(Color.parse(look.background or ""), 0.6)
    assert drawn(Style(color=grey.rich_color, bgcolor=look.background), theme) == Style(dim=True)


def test_an_empty_variable_asks_for_nothing(use, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")

    async def steps(session):
        assert not session.app.no_color
        assert any(segment.style.color for strip in session.screen._compositor.render_strips() for segment in strip)

    use(steps)
