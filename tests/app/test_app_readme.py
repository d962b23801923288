"""README shows the app as it is."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tests.app.readme_keys import README, key_table, with_keys


def test_the_keys_in_readme_are_those_of_the_app():
    text = README.read_text(encoding="utf-8")
    assert key_table() in text
    assert with_keys(text) == text


def test_the_pictures_in_readme_are_those_of_the_tests():
    pictures = re.findall(r"!\[[^]]*\]\(([^)]*\.svg)\)", README.read_text(encoding="utf-8"))
    assert pictures
    for picture in pictures:
        assert (README.parent / unquote(picture)).is_file()
