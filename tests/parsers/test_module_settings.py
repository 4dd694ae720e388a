"""The reader of VTech's files, tried on lines of complete files, and on what makes a phone skip a module."""

from __future__ import annotations

import pytest

from tests.parsers.dir_entries import parse as parse_directory
from tests.parsers.module_settings import parse

CODECS = b"".join(b"sip_account.1.codec_priority.%d = %b\n" % (n, name) for n, name in enumerate([b"g711u", b"g711a", b"g726", b"g722", b"g729"], 1))


def test_lines_of_complete_files_are_read() -> None:
    body = b"# Model Number = VSP735A\ntime_date.24hr_clock = 1\nremoteDir.ldap_number_filter = (|(telephoneNumber=%)(mobile=%))\npfk.3.quick_dial = \nprofile.admin.access_password = a # b\n"

    assert parse(body) == {
        "time_date.24hr_clock": "1",
        "remoteDir.ldap_number_filter": "(|(telephoneNumber=%)(mobile=%))",
        "pfk.3.quick_dial": "",
        "profile.admin.access_password": "a # b",
    }


def test_five_codecs_in_any_order_are_read() -> None:
    assert parse(CODECS)["sip_account.1.codec_priority.5"] == "g729"


@pytest.mark.parametrize(
    "body",
    [
        b"\xff", b"pfk.1.account\n", b"account = 1\n", b"account.1.enable = 1\n", b"pfk.1.account = 1\npfk.1.account = 2\n", b"pfk.1.account = 1\rx\n",
        b"web.https_enable = on\n", b"web.https_enable =\n", CODECS.replace(b"g729", b"none"), CODECS.replace(b"g729", b"g722"), CODECS[:-1].rpartition(b"\n")[0] + b"\n",
    ],
)  # fmt: skip
def test_what_the_phone_skips_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)


def test_a_directory_is_read() -> None:
    entry = b"<DIR_ENTRY><DIR_ENTRY_NAME_FIRST>Anna</DIR_ENTRY_NAME_FIRST><DIR_ENTRY_NUMBER_WORK>213</DIR_ENTRY_NUMBER_WORK></DIR_ENTRY>"

    assert parse_directory(b"<directory><DIR_GROUP>" + entry + b"</DIR_GROUP></directory>") == {"root": "directory", "DIR_ENTRY[1].NAME_FIRST": "Anna", "DIR_ENTRY[1].NUMBER_WORK": "213"}


@pytest.mark.parametrize("body", [b"<directory/>", b"<directory><DIR_GROUP><DIR_ENTRY/></DIR_GROUP></directory>", b"<book><DIR_GROUP/></book>"])
def test_what_is_no_directory_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_directory(body)
