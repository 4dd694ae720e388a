"""The reader of 2N's XML, tried on the shape of complete files, and on what an intercom refuses."""

from __future__ import annotations

import pytest

from tests.parsers.device_database import parse

START, END = b'<?xml version="1.0" encoding="UTF-8" ?><DeviceDatabase>', b"</DeviceDatabase>"


def test_folders_that_stand_several_times_are_told_apart() -> None:
    body = (
        START + b'<!-- IP Style --><Phone><Sip At="0"><Enabled>1</Enabled><User><Id>a&amp;b</Id></User></Sip><Sip At="1"><Enabled>0</Enabled></Sip></Phone>'
        b'<AutoUpdate><Configuration><Password Encryption="1"></Password></Configuration></AutoUpdate>' + END
    )

    assert parse(body) == {"Phone/Sip[0]/Enabled": "1", "Phone/Sip[0]/User/Id": "a&b", "Phone/Sip[1]/Enabled": "0", "AutoUpdate/Configuration/Password": ""}


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", START, b"<Database/>", START + b"<A>1</A><A>2</A>" + END, START + b'<A At="x">1</A>' + END, START + b'<A b="1">1</A>' + END, b"<!DOCTYPE x>" + START[38:] + END],
)  # fmt: skip
def test_what_the_intercom_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
