"""The number that moves with every write: what was true at it still is."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import stamp as stamps
from provisioner.stamp import Stamp


@pytest.fixture
def stamp(tmp_path: Path) -> Iterator[Stamp]:
    """Return a stamp of a file whose first write has ended."""
    stamp = Stamp(tmp_path / "stamp")
    stamp.end(stamp.begin())
    yield stamp


def test_a_new_file_knows_nothing_until_its_first_write_has_ended(tmp_path: Path) -> None:
    stamp = Stamp(tmp_path / "stamp")

    assert stamp.read() == 0
    number = stamp.begin()
    assert stamp.read() == 0
    stamp.end(number)
    assert stamp.read() == number


def test_every_write_moves_it_and_nobody_knows_it_while_one_goes_on(stamp: Stamp, tmp_path: Path) -> None:
    other = Stamp(tmp_path / "stamp")
    before = other.read()

    number = stamp.begin()
    during = other.read()
    stamp.end(number)

    assert (before != 0, during, other.read()) == (True, 0, number)
    assert number > before


@given(st.permutations(range(4)))
def test_in_whatever_order_ends_are_told_it_is_never_known_while_a_later_write_goes_on(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    """The next write begins once the one before is kept, which is before that one's end is told."""
    stamp = Stamp(tmp_path_factory.mktemp("stamp") / "stamp")
    numbers = [stamp.begin() for _ in range(4)]

    for place in order:
        assert stamp.read() in (0, numbers[-1])
        stamp.end(numbers[place])
        assert (stamp.read() == numbers[-1]) == (3 in order[: order.index(place) + 1])


def test_a_process_that_died_in_its_write_leaves_a_number_that_nobody_trusts(stamp: Stamp, tmp_path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_begin, args=(tmp_path / "stamp",))
    child.start()
    child.join()

    assert stamp.read() == 0
    stamp.end(stamp.begin())
    assert stamp.read() != 0


def _begin(path: Path) -> None:
    Stamp(path).begin()


def test_a_file_that_was_taken_away_is_seen(stamp: Stamp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stamp.read()
    (tmp_path / "stamp").unlink()
    other = Stamp(tmp_path / "stamp")
    number = other.begin()
    other.end(number)

    monkeypatch.setattr(stamps.time, "monotonic", lambda: float("inf"))

    assert (stamp.read(), number != before) == (number, True)


def test_where_no_file_can_be_it_never_knows(tmp_path: Path) -> None:
    stamp = Stamp(tmp_path / "no" / "stamp")
    stamp.end(stamp.begin())
    (tmp_path / "empty").touch()
    empty = Stamp(tmp_path / "empty", read_only=True)
    empty.end(empty.begin())

    assert (stamp.read(), empty.read()) == (0, 0)
