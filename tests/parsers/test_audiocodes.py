"""The reader of AudioCodes' files, tried on lines of manuals and public projects, and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.audiocodes import parse


def test_lines_of_manuals_and_projects_are_read() -> None:
    body = (
        b"# a phone\nsystem/daylight_saving/start_date/month=2\nvoip/line/0/auth_password=a=b # c\nvoip/line/1/description= \n"
        b"voip/signalling/sip/sip_outbound_proxy/enabled=1 \r\npersonal_settings/language=PORTUGUESEBRAZILIAN\nvoip/line/0/id=1\nvoip/line/0/id=2\n"
    )
    assert parse(body) == {
        "system/daylight_saving/start_date/month": "2", "voip/line/0/auth_password": "a=b # c", "voip/line/1/description": "",
        "voip/signalling/sip/sip_outbound_proxy/enabled": "1", "personal_settings/language": "PORTUGUESEBRAZILIAN", "voip/line/0/id": "2",
    }  # fmt: skip


def test_speed_dials_are_rows() -> None:
    assert parse(b"1,213,1 \n2,0049301234,0 \n") == {
        "speed_dial[1].number": "213", "speed_dial[1].blf": "1", "speed_dial[2].number": "0049301234", "speed_dial[2].blf": "0",
    }  # fmt: skip
    assert parse(b"") == {}


@pytest.mark.parametrize("body", [b"\xff\n", b"voip/line/0/id\n", b"id=1\n", b"Voip/line=1\n", b"voip/a=\x00\n", b"voip/a=1\rvoip/b=2\n", b"1,213,2\n", b"1,213,1\nvoip/a=1\n"])
def test_what_the_phone_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
