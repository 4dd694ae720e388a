"""The reader of Algo's files, tried on lines of complete configurations, and on what a device refuses."""

from __future__ import annotations

import pytest

from tests.parsers.dotted_lines import parse


def test_a_comment_is_a_whole_line_and_a_value_runs_to_its_end() -> None:
    body = b"# admin.teams.use = 0\nadmin.devname = paging # 2\nalert.cid1.regex =\nmcast.rx.zones = 1,8,9,\n\nprov.auth.user =x=y\n"

    assert parse(body) == {"admin.devname": "paging # 2", "alert.cid1.regex": "", "mcast.rx.zones": "1,8,9,", "prov.auth.user": "x=y"}


@pytest.mark.parametrize("body", [b"\xff", b"sip.proxy\n", b"proxy = 1\n", b"sip.proxy = a\nsip.proxy = b\n", b"sip.proxy = a\rb\n", b"SIP.proxy = a\n"])
def test_what_the_device_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
