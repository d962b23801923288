"""The page's files: what is served, under which headers, and that they need nothing of another host."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import gpa_mlx.server
from gpa_mlx.voices.coaching import READING

FOLDER = Path(gpa_mlx.server.__file__).parent / "page"
FILES = sorted(FOLDER.iterdir())
SCRIPTS = [file for file in FILES if file.suffix == ".js"]


class Tags(HTMLParser):
    """All tags with their attributes, and what stands inside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.found and self.lasttag in ("script", "style") and self.cdata_elem:
            self.inline += data.strip()


@pytest.fixture(scope="module")
def tags() -> Tags:
    return Tags((FOLDER / "index.html").read_text(encoding="utf-8"))


def test_the_page_needs_no_key_and_allows_only_itself(client):
    answer = client(api_key="secret").get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["permissions-policy"].startswith("microphone=(self)")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_is_served_with_its_type(client, file):
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}
    there = client(api_key="secret")
    answer = there.get(f"/page/{file.name}")
    assert answer.content == file.read_bytes()
    assert answer.headers["content-type"].startswith(kinds[file.suffix])
    again = there.get(f"/page/{file.name}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["app.py", "..%2Fguard.py", "%2e%2e/voices.py", "style.css%00", ""])
def test_nothing_else_is_served(client, name):
    assert client().get(f"/page/{name}").status_code == 404


def test_what_may_be_read_aloud_is_the_app_s_own(client):
    told = client().get("/page/reading.json").json()
    assert [f"{en}\n{zh}" for en, zh in zip(told["en"], told["zh"], strict=True)] == list(READING)


def test_nothing_is_inline(tags):
    assert tags.inline == ""
    for tag, attributes in tags.found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        assert tag != "style"


def test_everything_it_names_is_there(tags):
    links = [value for _, attributes in tags.found for name in ("src", "href") if (value := attributes.get(name))]
    assert {link for link in links if not link.startswith("#")} <= {f"page/{file.name}" for file in FILES}
    ids = {attributes["id"] for _, attributes in tags.found if "id" in attributes}
    named = [
        word
        for _, attributes in tags.found
        for name in ("for", "aria-controls", "aria-labelledby", "aria-describedby")
        for word in (attributes.get(name) or "").split()
    ]
    used = [link[1:] for link in links if link.startswith("#")]
    asked = [
        name for script in SCRIPTS for name in re.findall(r'byId\("([^"]+)"\)', script.read_text(encoding="utf-8"))
    ]
    assert set(named + used + asked) <= ids


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_other_host_is_named_and_no_text_becomes_markup(file):
    text = file.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|@import|url\(", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda file: file.name)
def test_every_import_is_a_file_of_the_page(script):
    for name in re.findall(r'(?:from|import) "(\./[^"]+)"', script.read_text(encoding="utf-8")):
        assert (FOLDER / name).is_file()
