"""Small panes: text goes last, the current mode stays in sight, everything can be reached."""

from __future__ import annotations

import pytest

from gpa_mlx_tui.modes import MODES
from gpa_mlx_tui.widgets.header import ModeBar
from gpa_mlx_tui.widgets.rows import Column, Rows

SMALL = (40, 10)


@pytest.mark.slow
def test_everything_can_be_reached_in_a_small_pane(use):
    async def steps(session):
        for mode in MODES:
            await session.app.action_go(mode.id)
            await session.until(lambda mode=mode: session.screen.mode == mode.id)
            screen = session.screen
            assert mode.title in screen.query_one(ModeBar).render().plain[: SMALL[0]]
            first = screen.query_one(screen.first_focus)
            assert first.region.height >= (1 if mode.id in ("convert", "files") else 3), mode.id
            assert screen.region.contains_region(first.region), mode.id
            for widget in screen.focus_chain:
                widget.focus()
                await session.pilot.pause()
                shown = screen.find_widget(widget).visible_region
                assert shown.height >= 1, (mode.id, widget)
                assert shown.width >= min(widget.region.width, 4), (mode.id, widget)

    use(steps, size=SMALL)


def test_a_table_without_room_keeps_its_most_important_columns_and_home_and_end_move_in_it(use):
    async def steps(session):
        rows = Rows((Column("", 1), Column("Name"), Column("Size", 8, drop=2), Column("State", 9, drop=1)), id="rows")
        await session.screen.mount(rows, before=0)
        rows.show([(str(number), ("+", f"name {number}", "8 MB", "ready")) for number in range(30)])
        await session.pilot.pause()
        for width, titles in ((80, ["", "Name", "Size", "State"]), (34, ["", "Name", "State"]), (20, ["", "Name"])):
            rows.styles.width = width
            await session.until(lambda titles=titles: [column.label.plain for column in rows.ordered_columns] == titles)
        rows.focus()
        await session.press("end")
        assert rows.chosen == "29"
        await session.press("home")
        assert rows.chosen == "0"

    use(steps, mode="help")
