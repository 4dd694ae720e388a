"""The reader of the 7960's text, tried on lines of public configurations."""

from __future__ import annotations

import pytest

from tests.parsers.quoted_lines import parse


def test_quotes_and_comments_are_left_away() -> None:
    body = b'# Image version\nimage_version: P0S30202\nproxy1_port:"5060"\nsync: 1                         ; Default 1\nline1_password: "a;b # c"\n;services_url: "x"\nnat_address: ""\n'

    assert parse(body) == {"image_version": "P0S30202", "proxy1_port": "5060", "sync": "1", "line1_password": "a;b # c", "nat_address": ""}


@pytest.mark.parametrize("body", [b"line1_name = 212\n", b'line1_name: "2"12"\n', b'sync: 1\nsync: 2\n'])
def test_a_line_that_is_no_parameter_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
