"""The reader of Panasonic's files, tried on the guides' samples, and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.standard_format import parse

HEAD = b"# Panasonic SIP Phone Standard Format File # DO NOT CHANGE THIS LINE!\r\n"


def test_the_guides_samples_are_read() -> None:
    body = HEAD + b'\r\n# a comment\r\nDISPLAY_NAME_1="John Smith"\r\nSYSLOG_ADDR=""\r\nVM_NUMBER_6="#97"\r\n\r\n'

    assert parse(body) == {"DISPLAY_NAME_1": "John Smith", "SYSLOG_ADDR": "", "VM_NUMBER_6": "#97"}


def test_the_older_head_is_one_too() -> None:
    assert parse(b'# PCC Standard Format File # DO NOT CHANGE THIS LINE!\r\nPHONE_NUMBER_1="212"\r\n\r\n') == {"PHONE_NUMBER_1": "212"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b'PHONE_NUMBER_1="212"\r\n\r\n', HEAD + b'PHONE_NUMBER_1="212"\r\n', HEAD + b'PHONE_NUMBER_1="212"\n\r\n\r\n',
        HEAD + b'DISPLAY_NAME_1 = "John Smith"\r\n\r\n', HEAD + b"PHONE_NUMBER_1=212\r\n\r\n", HEAD + b'PHONE_NUMBER_1="21"2"\r\n\r\n',
        HEAD + "SIP_SRC_PORT_1=“5060\"\r\n\r\n".encode(), HEAD + b'A="' + b"x" * 501 + b'"\r\n\r\n', HEAD + b'A="1"\r\nA="2"\r\n\r\n',
    ],
)  # fmt: skip
def test_what_the_phone_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
