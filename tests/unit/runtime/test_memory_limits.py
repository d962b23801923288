"""The limit on memory: what does not fit is refused before it is read."""

from __future__ import annotations

import pytest

from gpa_mlx.errors import GPAError
from gpa_mlx.runtime import memory
from gpa_mlx.runtime.backend import mx, nn


@pytest.fixture(autouse=True)
def mlx_as_before():
    """Put MLX's own limits back."""
    memory_bytes, cache_bytes = mx.set_memory_limit(2**40), mx.set_cache_limit(2**25)
    mx.set_memory_limit(memory_bytes)
    mx.set_cache_limit(cache_bytes)
    yield
    memory.apply_limits(memory_bytes, cache_bytes)
    memory.apply_limits(None, None)


@pytest.fixture
def network() -> nn.Linear:
    """A lazy layer of 4 MB and a little more."""
    return nn.Linear(1000, 1000)


def test_limits_reach_mlx():
    memory.apply_limits(10**9, 10**6)
    assert mx.set_memory_limit(10**9) == 10**9
    assert mx.set_cache_limit(10**6) == 10**6


def test_a_cache_that_mlx_chose_itself_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "_MLX_CACHE_BYTES", 10**11)  # as on a Mac with much memory
    mx.set_cache_limit(10**11)
    memory.cap_cache()
    assert mx.set_cache_limit(10**11) == memory.DEFAULT_CACHE_BYTES


@pytest.mark.parametrize("chosen", [10**6, 10**10])
def test_a_cache_that_somebody_chose_stays(chosen):
    mx.set_cache_limit(chosen)
    memory.cap_cache()
    assert mx.set_cache_limit(chosen) == chosen


def test_none_leaves_what_mlx_has():
    before = mx.set_memory_limit(123)
    mx.set_memory_limit(before)
    memory.apply_limits(None, None)
    assert mx.set_memory_limit(before) == before


def test_weights_that_fit_are_read(network):
    before = mx.get_active_memory()
    memory.apply_limits(before + 5_000_000, None)
    memory.read_weights(network, "test network")
    assert mx.get_active_memory() - before >= 4_000_000


def test_weights_that_do_not_fit_are_not_read(network):
    before = mx.get_active_memory()
    memory.apply_limits(before + 3_000_000, None)
    with pytest.raises(GPAError, match=r"The test network needs 4 MB of memory") as caught:
        memory.read_weights(network, "test network")
    assert "--max-memory" in caught.value.hint
    assert mx.get_active_memory() == before


def test_tied_parameters_count_once(network):
    network.again = network.weight
    memory.apply_limits(mx.get_active_memory() + 5_000_000, None)
    memory.read_weights(network, "test network")


def test_no_limit(network):
    memory.apply_limits(None, None)
    memory.read_weights(network, "test network")
    memory.check_use()


def test_work_that_grows_is_ended():
    memory.apply_limits(mx.get_active_memory() + 1_000_000, None)
    memory.check_use()
    growing = mx.zeros((1_000_000,))
    mx.eval(growing)  # MLX itself lets this pass
    with pytest.raises(GPAError, match=r"needs more than the \d+ MB"):
        memory.check_use()
    del growing
    memory.check_use()
