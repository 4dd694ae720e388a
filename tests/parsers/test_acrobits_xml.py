"""The reader of Acrobits' Account XML, on lines as projects publish them."""

from __future__ import annotations

import pytest

from tests.parsers.acrobits_xml import parse

ONE = b"<account><title>101</title><host>pbx.example.com</host><transport>tls+sip:</transport><proxy></proxy></account>"
TWO = b"<accounts>\n<account><title>101</title></account>\n<account><title>102</title></account>\n</accounts>"


def test_one_account_and_several_count_alike() -> None:
    assert parse(ONE) == {"account[1]/title": "101", "account[1]/host": "pbx.example.com", "account[1]/transport": "tls+sip:", "account[1]/proxy": ""}
    assert parse(TWO) == {"account[1]/title": "101", "account[2]/title": "102"}
    assert parse(b"<accounts></accounts>") == {}


@pytest.mark.parametrize(
    "body",
    [
        ONE + ONE, ONE.replace(b"account>", b"config>"), ONE.replace(b"host>", b"title>"), ONE.replace(b"<title>101", b"<title><x/>101"), ONE.replace(b"<title>", b"<title x='1'>"),
        TWO.replace(b"<title>101</title>", b"").replace(b"<account></account>", b"<x/>"),
    ],
)  # fmt: skip
def test_what_the_app_would_not_take_is_told(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"root|no place|twice|well-formed"):
        parse(body)
