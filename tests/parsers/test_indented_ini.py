"""The reader of Zenitel's files, tried on the shape of a public project's files, and on what a station refuses."""

from __future__ import annotations

import pytest

from tests.parsers.indented_ini import parse


def test_a_name_belongs_to_its_section() -> None:
    body = b"[general]\n auto_update_interval=10\n\n[sip]\n nick_name=\n auth_pwd=a=b;c\n\n[call]\n speeddial_1_c1=201\n"

    assert parse(body) == {"general.auto_update_interval": "10", "sip.nick_name": "", "sip.auth_pwd": "a=b;c", "call.speeddial_1_c1": "201"}


@pytest.mark.parametrize("body", [b"\xff", b" sip_id=1\n", b"[sip]\nsip_id=1\n", b"[sip]\n sip_id\n", b"[sip]\n sip_id=1\n sip_id=2\n", b"[sip]\n sip_id=a\tb\n", b" [sip]\n"])
def test_what_the_station_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
