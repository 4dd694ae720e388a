"""The reader of UC Software's files, on what public projects serve and on what would break a phone."""

from __future__ import annotations

import pytest

from tests.parsers.poly_xml import parse


def test_every_attribute_is_a_parameter_whatever_its_element_is_called() -> None:
    one = b'<polycomConfig reg.1.address="212" reg.1.label="A &amp; B"/>'
    two = b'<PHONE><REGISTRATION reg.1.address="212" reg.1.label="A &amp; B"/></PHONE>'

    assert parse(one) == parse(two) == {"reg.1.address": "212", "reg.1.label": "A & B"}


def test_the_first_occurrence_counts() -> None:
    assert parse(b'<P><A x="1"/><B x="2"/></P>') == {"x": "1"}


def test_a_master_file_names_its_files() -> None:
    body = b'<APPLICATION APP_FILE_PATH="sip.ld" CONFIG_FILES="a.cfg, b.cfg"/>'

    assert parse(body) == {"APP_FILE_PATH": "sip.ld", "CONFIG_FILES": "a.cfg, b.cfg"}


@pytest.mark.parametrize("body", [b'<P x="1" x="2"/>', b'<P x="<"/>', b"<P x=1/>", b'<!DOCTYPE P [<!ENTITY e "v">]><P x="&e;"/>', b""])
def test_what_a_phone_would_not_take_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)


def test_a_directory_is_read_by_its_items() -> None:
    # Source: Polycom administrator guides, Local Contact Directory File Format
    body = b"<directory><item_list><item><ln>Doe</ln><fn>John</fn><ct>1001</ct><sd>1</sd><dc/></item></item_list></directory>"

    assert parse(body) == {"item[1].ln": "Doe", "item[1].fn": "John", "item[1].ct": "1001", "item[1].sd": "1", "item[1].dc": ""}


@pytest.mark.parametrize("items", [b"<item><fn>A</fn></item>", b"<item><ct>1</ct></item><item><ct>1</ct></item>", b"<item><ct>1</ct><ct>2</ct></item>", b"<item><x>1</x></item>"])
def test_a_directory_that_a_phone_would_not_take_is_refused(items: bytes) -> None:
    with pytest.raises(ValueError):
        parse(b"<directory><item_list>" + items + b"</item_list></directory>")
