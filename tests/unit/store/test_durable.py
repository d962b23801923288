"""Writing through to the disk."""

from __future__ import annotations

import errno

import pytest

from gpa_mlx.store.durable import flush_drive


@pytest.fixture
def plain(monkeypatch):
    """What was given to `fsync`."""
    calls = []
    monkeypatch.setattr("os.fsync", calls.append)
    return calls


def test_the_drive_is_asked_on_a_mac(plain):
    asked = []
    flush_drive(5, "darwin", lambda *arguments: asked.append(arguments))
    assert (asked, plain) == ([(5, 51)], [])


@pytest.mark.parametrize("code", [errno.ENOTSUP, errno.ENOTTY, errno.EINVAL])
def test_a_disk_that_refuses_gets_what_it_understands(plain, code):
    def refuse(descriptor, command):
        raise OSError(code, "refused")

    flush_drive(5, "darwin", refuse)
    assert plain == [5]


def test_elsewhere_fsync_is_enough(plain):
    flush_drive(5, "linux", lambda *arguments: pytest.fail("asked"))
    assert plain == [5]


def test_an_error_of_the_disk_is_passed_on(tmp_path):
    with pytest.raises(OSError, match="Bad file descriptor"):
        flush_drive(2**20, "linux")
