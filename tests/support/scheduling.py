"""Which tests stay together when pytest-xdist spreads them over processes."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

DEVICES = "tests/devices/"
"""Sound servers, screens and clipboards: one test at a time uses them."""


class RoomScheduling(LoadScopeScheduling):
    """Files stay whole, for what their tests share takes longer to make than to use; devices are one unit.

    pytest-xdist's own groups write into node ids where pytest 9.2 does not look any more: they group nothing.
    """

    def _split_scope(self, nodeid: str) -> str:
        """Return the unit a test belongs to."""
        return DEVICES if nodeid.startswith(DEVICES) else nodeid.split("::", 1)[0]
