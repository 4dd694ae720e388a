"""Bytes sealed with a passphrase: they open with it alone, and as they were."""

from __future__ import annotations

import pytest

from provisioner.errors import BadValue
from provisioner.passphrase import sealed, unsealed

PHRASE = "correct horse battery staple"


@pytest.mark.parametrize("body", [b"", b"x", bytes(range(256)) * 1000])
def test_what_was_sealed_opens_with_the_passphrase_and_is_never_twice_alike(body: bytes) -> None:
    first, second = sealed(body, PHRASE), sealed(body, PHRASE)

    assert unsealed(first, PHRASE, "f") == unsealed(second, PHRASE, "f") == body
    assert first != second


@pytest.mark.parametrize("phrase", ["", "correct horse battery", PHRASE.upper(), f"{PHRASE} "])
def test_no_other_passphrase_opens_it_and_none_is_repeated(phrase: str) -> None:
    with pytest.raises(BadValue, match="^f does not open with this passphrase; give the one that it was made with$"):
        unsealed(sealed(b"x", PHRASE), phrase, "f")


def test_one_changed_byte_does_not_open() -> None:
    raw = sealed(b"0123456789", PHRASE)
    for place in (0, 20, 21, 40, len(raw) - 1):
        with pytest.raises(BadValue):
            unsealed(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :], PHRASE, "f")
    for length in (0, 21, len(raw) - 1):
        with pytest.raises(BadValue):
            unsealed(raw[:length], PHRASE, "f")


def test_what_a_newer_server_sealed_is_said_to_be_newer() -> None:
    with pytest.raises(BadValue, match="newer"):
        unsealed(sealed(b"x", PHRASE).replace(b"sealed 1", b"sealed 2"), PHRASE, "f")
