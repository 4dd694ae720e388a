"""The reader of sections with `name value`, on lines of a published file."""

from __future__ import annotations

import pytest

from tests.parsers.blank_sections import parse

SAMPLE = b"""[LAN]
network_mode dhcp
[VOIP]
; the first line
line1_proxy_address 192.0.2.1
line1_displayname "Anna Example; 212"
line1_type private ; or shared
line1_extension ""
"""


def test_sections_names_and_quoted_texts_are_read() -> None:
    assert parse(SAMPLE) == {
        "LAN/network_mode": "dhcp", "VOIP/line1_proxy_address": "192.0.2.1", "VOIP/line1_displayname": "Anna Example; 212", "VOIP/line1_type": "private", "VOIP/line1_extension": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"[LAN]\n", b""), (b"192.0.2.1", b"192.0.2.1 5060"), (b"line1_type", b"line1_extension"), (b"private ;", b"pri\x07vate ;"), (b"network_mode dhcp", b"network_mode")],
)
def test_what_a_phone_would_not_take_is_told(old: bytes, new: bytes) -> None:
    with pytest.raises(ValueError, match="line"):
        parse(SAMPLE.replace(old, new))
