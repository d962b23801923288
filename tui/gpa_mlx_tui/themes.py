"""Colours that colour-blind people can tell apart, and signs for terminals with and without Unicode.

The hues are those of Okabe and Ito (2008), lightened or darkened for contrast. No meaning is carried by colour alone:
every state has a sign or a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from textual.scrollbar import ScrollBarRender
from textual.theme import Theme
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.app import App
    from textual.dom import DOMNode

DARK = Theme(
    name="gpa-dark",
    primary="#56B4E9",
    secondary="#8FC7E8",
    accent="#E69F00",
    warning="#F0E442",
    error="#FF7F45",
    success="#56B4E9",
    foreground="#E4E6EB",
    background="#14161A",
    surface="#1B1E24",
    panel="#262A32",
    dark=True,
    variables={"input-selection-background": "#56B4E9 35%"},
)
LIGHT = Theme(
    name="gpa-light",
    primary="#005A92",
    secondary="#3A6E91",
    accent="#6E4000",
    warning="#6B5900",
    error="#A63A00",
    success="#005A92",
    foreground="#1B1E24",
    background="#FAFAF7",
    surface="#F1F1EC",
    panel="#E2E2DB",
    dark=False,
    variables={"input-selection-background": "#005A92 25%"},
)
THEMES = {"dark": DARK, "light": LIGHT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbols:
    """The signs the app draws, each one column wide except where noted.

    Attributes:
        recording: Sound is being taken in.
        busy: Work goes on.
        idle: Nothing goes on.
        done: It worked.
        failed: It did not.
        doubtful: It worked, but look at it.
        play: Sound is coming out.
        pause: It could go on.
        more: A list opens here, or is open.
        closed: A folder is closed.
        dot: Between two facts of a line.
        ellipsis: Something was left out.
        full: A filled part of a bar.
        empty: The rest of it.
        levels: From silence to full scale, for a waveform; cells are filled from their middle.
        playhead: Where the sound is.
    """

    recording: str
    busy: str
    idle: str
    done: str
    failed: str
    doubtful: str
    play: str
    pause: str
    more: str
    closed: str
    dot: str
    ellipsis: str
    full: str
    empty: str
    levels: str
    playhead: str


UNICODE = Symbols(
    recording="●",
    busy="◐",
    idle="○",
    done="✓",
    failed="✗",
    doubtful="!",
    play="▶",
    pause="‖",
    more="▾",
    closed="▸",
    dot="·",
    ellipsis="…",
    full="━",
    empty="─",
    levels=" ▁▂▃▄▅▆▇█",
    playhead="┃",
)
ASCII = Symbols(
    recording="*",
    busy="~",
    idle="o",
    done="+",
    failed="x",
    doubtful="!",
    play=">",
    pause="=",
    more="v",
    closed=">",
    dot="-",
    ellipsis="...",
    full="#",
    empty="-",
    levels=" ..::ii##",
    playhead="|",
)


@runtime_checkable
class HasSymbols(Protocol):
    """An app that says what to draw with."""

    symbols: Symbols


def symbols_of(app: App[object]) -> Symbols:
    """Return the signs that an app draws; those of Unicode in one that does not say."""
    return app.symbols if isinstance(app, HasSymbols) else UNICODE


class PlainScrollBar(ScrollBarRender):
    """Draws with colours alone."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


def style_scrollbars(root: DOMNode, *, ascii_only: bool) -> None:
    """Give every scroll bar below a node the renderer that fits.

    One by one, as `ScrollBar.renderer` holds for every app of the process; only where ASCII is or was drawn, as this
    makes the scroll bars that there are not yet.
    """
    renderer = PlainScrollBar if ascii_only else ScrollBarRender
    for widget in root.walk_children(Widget, with_self=True):
        if widget.is_scrollable:
            # Textual's documentation shows this very assignment; only its annotation does not allow it.
            widget.vertical_scrollbar.renderer = renderer  # pyright: ignore[reportAttributeAccessIssue]
            widget.horizontal_scrollbar.renderer = renderer  # pyright: ignore[reportAttributeAccessIssue]
