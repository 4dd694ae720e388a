"""The reader of `name=value` without sections, on lines of a published file."""

from __future__ import annotations

import pytest

from tests.parsers.bare_lines import parse


def test_lines_are_read() -> None:
    assert parse(b"sip_proxy_server=192.0.2.1:5060\n\naudio_aec_settings=0x54b0 0x2a82\nsrv_auth=1\n") == {
        "sip_proxy_server": "192.0.2.1:5060", "audio_aec_settings": "0x54b0 0x2a82", "srv_auth": "1",
    }  # fmt: skip


@pytest.mark.parametrize("body", [b"srv_auth\n", b"srv_auth=1\nsrv_auth=0\n", b"[sip]\nsrv_auth=1\n"])
def test_what_is_no_such_line_is_told(body: bytes) -> None:
    with pytest.raises(ValueError, match="no parameter|again|section"):
        parse(body)
