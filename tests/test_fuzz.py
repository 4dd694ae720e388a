"""A small run of `make fuzz`, and that it would tell."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from provisioner.families import Catalog
from tests.fuzz import Requests, few, fuzz, packets


def test_odd_packets_and_requests_end_nothing(tmp_path: Path, catalog: Catalog) -> None:
    told: list[str] = []
    assert fuzz(tmp_path / "state", few(catalog), (6_000, 4_000), 1, told.append) == []
    assert [line.partition(" in ")[0] for line in told[:2]] == ["6000 packets", "4000 requests"]


def test_the_same_seed_gives_the_same_run() -> None:
    names = ["805ec0d57d72.cfg"]
    assert list(islice(packets(names, 1), 500)) == list(islice(packets(names, 1), 500)) != list(islice(packets(names, 2), 500))
    one, same, other = (Requests(names, seed) for seed in (1, 1, 2))
    assert [one.last() for _ in range(500)] == [same.last() for _ in range(500)] != [other.last() for _ in range(500)]
