"""The reader of Cloud Telecomputers' XML, on published lines."""

from __future__ import annotations

import pytest

from tests.parsers.cloudtc_xml import parse

SAMPLE = b"""<configuration>
\t<voip>
\t\t<general><setting name="setQos" value="T" /></general>
\t\t<line><setting name="username" value="101" /><setting name="mwi" value="F" /></line>
\t\t<line><setting name="username" value="102" /></line>
\t</voip>
\t<system><setting name="timeZone" value="America/Bogota" /></system>
</configuration>"""


def test_settings_are_read_with_their_line() -> None:
    assert parse(SAMPLE) == {"voip/general/setQos": "T", "voip/line[1]/username": "101", "voip/line[1]/mwi": "F", "voip/line[2]/username": "102", "system/timeZone": "America/Bogota"}


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"<configuration>", b"<configuration x='1'><b/>"), (b'"mwi"', b'"username"'), (b"<system>", b"<device>"), (b' value="T"', b""), (b"</configuration>", b"")],
)
def test_what_a_phone_would_not_take_is_told(old: bytes, new: bytes) -> None:
    with pytest.raises(ValueError, match="twice|no place|well-formed"):
        parse(SAMPLE.replace(old, new).replace(b"</system>", b"</device>" if b"<device>" in new else b"</system>"))
