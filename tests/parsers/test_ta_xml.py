"""The reader of Yeastar's XML, tried on the shape of complete files, and on what a gateway refuses."""

from __future__ import annotations

import pytest

from tests.parsers.ta_xml import parse


def test_a_list_holds_what_it_counts() -> None:
    body = b'<ta><system><autopsettings><key></key></autopsettings></system><gateway><fxsport itemcount="2"><fxsport0><idx>1</idx></fxsport0><fxsport1><idx>a&amp;b</idx></fxsport1></fxsport></gateway></ta>'

    assert parse(body) == {"system/autopsettings/key": "", "gateway/fxsport/fxsport0/idx": "1", "gateway/fxsport/fxsport1/idx": "a&b"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff", b"<ta>", b"<tb/>", b"<ta><phone/></ta>", b"<ta><system><key>1</key><key>2</key></system></ta>", b"<ta><system><key x='1'/></system></ta>",
        b'<ta><gateway><fxsport itemcount="1"/></gateway></ta>', b'<ta><gateway><fxsport itemcount="1"><fxsport1/></fxsport></gateway></ta>', b'<ta><gateway><fxsport itemcount="x"/></gateway></ta>',
    ],
)  # fmt: skip
def test_what_the_gateway_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
