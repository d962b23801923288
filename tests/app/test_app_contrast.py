"""Text that instructs can be read: at least 4.5 to 1 (WCAG 2.2, 1.4.3), in every theme, computed from what is drawn,
with all colours and with the 256 of simpler terminals.
"""

from __future__ import annotations

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.segment import Segment
from textual.color import Color
from textual.widget import Widget

from gpa_mlx_tui.modes import MODES
from gpa_mlx_tui.themes import THEMES
from gpa_mlx_tui.widgets.dialogs import Confirm

LEAST = 4.5


def luminance(color: Color) -> float:
    """Relative luminance of an sRGB colour."""
    parts = (channel / 255 for channel in color.rgb)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def in_256(color: Color) -> Color:
    """The colour that a terminal with 256 of them shows."""
    shown = RichColor.from_rgb(*color.rgb).downgrade(ColorSystem.EIGHT_BIT)
    return Color(*shown.get_truecolor())


def is_enabled(widget: Widget) -> bool:
    """Whether this can be used: what cannot be used is excepted (1.4.3, inactive components)."""
    return not any(getattr(node, "disabled", False) for node in widget.ancestors_with_self)


def faint(session) -> list[str]:
    """What is written on the screen with too little contrast."""
    found = []
    for y, strip in enumerate(session.screen._compositor.render_strips()):
        x = 0
        for segment in strip:
            assert isinstance(segment, Segment)
            style, text = segment.style, segment.text
            x += segment.cell_length
            if style is None or style.color is None or style.bgcolor is None or not any(map(str.isalnum, text)):
                continue
            pairs = [(Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor))]
            if style.dim:
                pairs = [(other.blend(one, 0.5), other) for one, other in pairs]
            pairs += [(in_256(one), in_256(other)) for one, other in pairs]
            widget = session.screen.get_widget_at(x - 1, y)[0]
            is_behind = widget is session.screen  # what is behind a dialogue
            least = min(contrast(one, other) for one, other in pairs)
            if least < LEAST and is_enabled(widget) and not is_behind:
                found.append(f"{least:.1f}: {text.strip()!r}")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("theme", list(THEMES))
def test_what_is_written_can_be_read_in_every_mode(use, theme):
    async def steps(session):
        problems = {}
        for mode in MODES:
            await session.app.action_go(mode.id)
            await session.until(lambda mode=mode: session.screen.mode == mode.id)
            problems[mode.id] = faint(session)
        await session.app.action_go("files")
        await session.press("ctrl+o")
        problems["picker"] = faint(session)
        await session.press("escape")
        await session.app.push_screen(Confirm("Is it so?"))
        problems["question"] = faint(session)
        assert not {place: words for place, words in problems.items() if words}

    use(steps, theme=theme, size=(120, 40))
