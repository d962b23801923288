"""Processes of `mlx.launch` share work without talking: nothing is done twice, and nothing is left."""

from __future__ import annotations

import pytest

from gpa_mlx.errors import SettingsError
from gpa_mlx.runtime.ranks import Share, own_share


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 5, 20])
def test_shares_are_the_whole_and_nearly_equal(size, count):
    shares = [Share(rank, size).of(range(count)) for rank in range(size)]
    assert sorted(item for share in shares for item in share) == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_process_that_was_not_launched_does_all():
    assert own_share({}) == own_share({"MLX_RANK": ""}) == Share(0, 1)


def test_the_number_is_what_the_launcher_says(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text('[["10.0.0.1:5000"], ["10.0.0.2:5000"], ["10.0.0.3:5000"]]\n')
    assert own_share({"MLX_RANK": "2", "MLX_HOSTFILE": str(hosts)}) == Share(2, 3)
    assert own_share({"MLX_RANK": "1", "MLX_WORLD_SIZE": "4"}) == Share(1, 4)
    assert own_share({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}) == Share(1, 2)
    hosts.write_text("\n")
    assert own_share({"MLX_RANK": "0", "MLX_HOSTFILE": str(hosts)}) == Share(0, 1)


@pytest.mark.parametrize(
    "variables",
    [
        {"MLX_RANK": "1"},
        {"MLX_RANK": "2", "MLX_WORLD_SIZE": "2"},
        {"MLX_RANK": "-1", "MLX_WORLD_SIZE": "2"},
        {"MLX_RANK": "one", "MLX_WORLD_SIZE": "2"},
        {"MLX_RANK": "0", "MLX_HOSTFILE": "/nowhere/hosts"},
        {"MLX_RANK": "0", "MLX_HOSTFILE": "/dev/null/x"},
    ],
)
def test_what_makes_no_sense_is_refused(variables):
    with pytest.raises(SettingsError, match="not said of how many"):
        own_share(variables)
