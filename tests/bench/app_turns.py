#!/usr/bin/env python3
"""Measure for how long the app's event loop is busy at once when a mode is shown first: `app_turns.py [--trials 5]`.

The app runs on the demo model in a simulated terminal of 80 by 24, everything is imported, and the modes are shown one
after the other. What counts is the processor time of the loop's thread between two turns, so that other threads do not.
The median and the extremes of the longest turn are printed for each mode. The machine must be idle.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from gpa_mlx.settings import SettingsSource
from gpa_mlx_tui.bindings import APP, keys_of
from gpa_mlx_tui.launch import make_app
from gpa_mlx_tui.modes import MODES

if TYPE_CHECKING:
    from gpa_mlx_tui.app.app import GPAApp

SETTLED_S = 0.2


def one_trial() -> dict[str, float]:
    """Open the app once; return the longest turn of each mode but the first one."""
    app = make_app(SettingsSource(), "demo")
    try:
        return asyncio.run(longest_turns_s(app))
    finally:
        app.service.close(timeout_s=5)


async def longest_turns_s(app: GPAApp) -> dict[str, float]:
    """Show every mode but the first one; return the longest turn of each."""
    keys = {row.id.removeprefix("app.mode_"): row.keys[0] for row in keys_of(APP)}
    longest: dict[str, float] = {}
    mode = ""

    async def watch() -> None:
        while True:
            begin = time.thread_time()
            await asyncio.sleep(0.001)
            longest[mode] = max(longest.get(mode, 0.0), time.thread_time() - begin)

    async with app.run_test(size=(80, 24)) as pilot:
        while (
            not all(f"gpa_mlx_tui.features.{mode.id}.screen" in sys.modules for mode in MODES)
            or app.service.state == "opening"
        ):
            await asyncio.sleep(0.01)
        await pilot.pause(SETTLED_S)
        watching = asyncio.create_task(watch())
        for mode in (mode.id for mode in MODES[1:]):
            await pilot.press(keys[mode])
            await pilot.pause(SETTLED_S)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    longest.pop("", None)
    return longest


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5)
    with tempfile.TemporaryDirectory() as home:
        os.environ["GPA_MLX_HOME"] = home
        trials = [one_trial() for _ in range(parser.parse_args().trials + 1)]
    for mode in MODES[1:]:
        values = [1000 * trial[mode.id] for trial in trials[1:]]  # the first one compiled what was not compiled yet
        print(f"{mode.title:10} median {statistics.median(values):3.0f} ms, {min(values):.0f} to {max(values):.0f} ms")


if __name__ == "__main__":
    main()
