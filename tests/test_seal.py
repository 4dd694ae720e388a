"""Secrets at rest: a sealed text opens in its own place with its own key, and nowhere else."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import StoreTrouble
from provisioner.seal import Seal

PLACE = "accounts:212@sip.example.com:password"
seal = Seal(bytes(range(32)))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_is_opened_unchanged(text: str) -> None:
    assert seal.open(seal.seal(text, PLACE), PLACE) == text


@given(st.binary())
def test_bytes_are_sealed_as_well(body: bytes) -> None:
    assert seal.open_bytes(seal.seal_bytes(body, PLACE), PLACE) == body


def test_a_sealed_secret_shows_nothing_and_is_never_sealed_alike_twice() -> None:
    one, other = seal.seal("s3cret", PLACE), seal.seal("s3cret", PLACE)

    assert "s3cret" not in one and one != other


@pytest.mark.parametrize("place", ["accounts:213@sip.example.com:password", "devices:212@sip.example.com:password", ""])
def test_a_secret_that_was_moved_to_another_row_does_not_open(place: str) -> None:
    with pytest.raises(StoreTrouble, match="put back the key"):
        seal.open(seal.seal("s3cret", PLACE), place)


@pytest.mark.parametrize("sealed", ["", "s3cret", "AAAA", "é", "A" * 64])
def test_what_was_never_sealed_does_not_open_and_is_not_repeated(sealed: str) -> None:
    with pytest.raises(StoreTrouble) as refusal:
        seal.open(sealed, PLACE)

    assert not sealed or sealed not in str(refusal.value)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(StoreTrouble, match="does not open with this server.key"):
        Seal(bytes(32)).open(seal.seal("s3cret", PLACE), PLACE)


def test_what_is_derived_for_one_purpose_tells_nothing_of_the_key_or_of_another() -> None:
    key = bytes(range(32))

    assert len({seal.derive("tokens"), seal.derive("salts"), Seal(bytes(32)).derive("tokens"), key}) == 4
    assert seal.derive("tokens") == Seal(key).derive("tokens")


def test_the_key_is_not_in_its_repr() -> None:
    assert repr(seal) == "Seal()"


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = Seal.at(tmp_path / "server.key")

    assert (tmp_path / "server.key").stat().st_mode & 0o777 == 0o600
    assert Seal.at(tmp_path / "server.key").derive("tokens") == first.derive("tokens")
    assert [file.name for file in tmp_path.iterdir()] == ["server.key"]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    start, found = threading.Barrier(8), set()

    def make() -> None:
        start.wait()
        found.add(Seal.at(tmp_path / "server.key").derive("tokens"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 1


def test_a_key_file_that_others_can_read_is_refused_with_the_cure(tmp_path: Path) -> None:
    Seal.at(tmp_path / "server.key")
    (tmp_path / "server.key").chmod(0o640)

    with pytest.raises(StoreTrouble, match=r"mode 0640.*chmod 600"):
        Seal.at(tmp_path / "server.key")


def test_a_key_file_that_was_cut_short_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "server.key"
    file.write_bytes(b"x" * 31)
    file.chmod(0o600)

    with pytest.raises(StoreTrouble, match="31 bytes instead of 32"):
        Seal.at(file)
    assert file.read_bytes() == b"x" * 31


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreTrouble, match=r"nowhere/server\.key.*check the folder"):
        Seal.at(tmp_path / "nowhere" / "server.key")
