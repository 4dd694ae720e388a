"""The reader of old Grandstreams' binary file, tried on the examples of the facts."""

from __future__ import annotations

import pytest

from tests.parsers.summed_pairs import parse, phone_of

# Source: shared facts grandstream.md section 3, point 5
EXAMPLE = bytes.fromhex("0000001cc7a8000b821234560d0a0d0a") + b"P30=time.nist.gov&P63=1&P31=1&gnkey=0b82"


def test_the_example_is_read() -> None:
    assert parse(EXAMPLE) == {"P30": "time.nist.gov", "P63": "1", "P31": "1"}
    assert phone_of(EXAMPLE) == "000b82123456"


@pytest.mark.parametrize(("body", "why"), [
    (EXAMPLE.replace(b"nist", b"mist"), "sum"), (EXAMPLE.replace(b"\x1c", b"\x1d"), "words"),
    (EXAMPLE.replace(b"&P31=1", b""), "words"), (EXAMPLE[:-1], "half a word"),
])  # fmt: skip
def test_what_was_tampered_with_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(body)


def test_values_are_decoded() -> None:
    text = b"P3=Zo%C3%AB%20%26%20Anna&gnkey=0b82\0"
    words = b"\0\0" + (8 + len(text) // 2).to_bytes(2, "big") + b"\0\0" + bytes(6) + b"\r\n\r\n" + text
    total = sum(int.from_bytes(words[at : at + 2], "big") for at in range(0, len(words), 2))

    assert parse(words[:4] + (-total % 65536).to_bytes(2, "big") + words[6:]) == {"P3": "Zoë & Anna"}
