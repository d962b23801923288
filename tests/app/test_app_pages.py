"""The documentation shows the app as it is."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tests.app.page_keys import PAGE, key_table, with_keys
from tests.support.markdown import ROOT


def test_the_keys_on_the_page_are_those_of_the_app():
    text = PAGE.read_text(encoding="utf-8")
    assert key_table() in text
    assert with_keys(text) == text


def test_the_pictures_in_readme_are_those_of_the_tests():
    pictures = re.findall(r"!\[[^]]*\]\(([^)]*\.svg)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert pictures
    for picture in pictures:
        assert "__snapshots__" in picture
        assert (ROOT / unquote(picture)).is_file()
