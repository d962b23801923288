"""Checks every link of the built site: pages, pictures and anchors exist, addresses elsewhere are well formed.

mkdocs checks what is written in Markdown; this sees what readers get, generated pages included. Nothing is fetched.
"""

from __future__ import annotations

import logging
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

_LOG = logging.getLogger("mkdocs.hooks.links")  # under "mkdocs", so that a warning fails a strict build


class _Page(HTMLParser):
    """What a page links to and which anchors it has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect `href`, `src`, `id` and `name`."""
        for name, value in attrs:
            if name in {"href", "src"} and value:
                self.links.add(value)
            elif (name == "id" or (tag == "a" and name == "name")) and value:
                self.anchors.add(value)


def on_post_build(config: MkDocsConfig) -> None:
    """Warn of every broken link, which ends a strict build."""
    for fault in broken_links(Path(config.site_dir)):
        _LOG.warning(fault)


def broken_links(site: Path) -> list[str]:
    """Return one line for each link of the site that leads nowhere."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    faults = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                wrong = not _is_well_formed(link, parts)
            else:
                target = _target(site, path, parts)
                known = pages.get(target)
                wrong = not target.is_file() or bool(
                    known and parts.fragment and unquote(parts.fragment) not in known.anchors
                )
            if wrong and path.name != "404.html":
                faults.append(f"{path.relative_to(site)} links to {link}, which is not there")
    return faults


def _is_well_formed(link: str, parts: SplitResult) -> bool:
    if parts.scheme in {"data", "mailto"}:
        return True
    return parts.scheme == "https" and "." in parts.netloc and not set(link) & set(" <>\"'")


def _target(site: Path, page: Path, parts: SplitResult) -> Path:
    if not parts.path:
        return page
    start = site if parts.path.startswith("/") else page.parent
    target = (start / unquote(parts.path).lstrip("/")).resolve()
    return target / "index.html" if target.is_dir() else target
