"""A line plot as SVG text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 28, 40
_COLOURS = ("#4472c4", "#c0504d", "#5a9a4f", "#8064a2")
_TICKS = 5
_MAX_POINTS = 1000


def render_plot(series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Draw lines over a common x axis that starts at 0; the y axis spans all values.

    Args:
        series: Points `(x, y)` by name, in ascending order of x.

    Returns:
        A whole SVG document.
    """
    points = [point for line in series.values() for point in line] or [(0.0, 0.0)]
    x_max = max(x for x, _ in points) or 1.0
    y_min, y_max = min(0.0, *(y for _, y in points)), max(y for _, y in points)
    y_max = y_max if y_max > y_min else y_min + 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + x / x_max * (_WIDTH - _LEFT - _RIGHT)
        return across, _HEIGHT - _BOTTOM - (y - y_min) / (y_max - y_min) * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    for tick in range(_TICKS + 1):
        x, y = x_max * tick / _TICKS, y_min + (y_max - y_min) * tick / _TICKS
        (across, floor), (wall, height) = place(x, y_min), place(0, y)
        parts.append(f'<path d="M{wall:.1f} {height:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{wall - 6:.1f}" y="{height + 4:.1f}" text-anchor="end">{y:.3g}</text>')
        parts.append(f'<text x="{across:.1f}" y="{floor + 18:.1f}" text-anchor="middle">{x:.5g}</text>')
    for number, (name, line) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in _thinned(line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{_LEFT + 8 + 110 * number}" y="18" fill="{colour}">{escape(name)}</text>')
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 6}" text-anchor="middle">step</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12" fill="#444"><rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _thinned(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Average neighbours until at most `_MAX_POINTS` are left."""
    group = -(-len(line) // _MAX_POINTS)
    groups = [line[start : start + group] for start in range(0, len(line), group or 1)]
    return [(sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups]
