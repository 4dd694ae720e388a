"""Well-formed XML without a document type: what every phone's own parser takes, and nothing looser."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.parsers import expat


def tree(body: bytes) -> ElementTree.Element:
    """Return the root; raises ValueError for a DTD, for bad XML, and for `--` inside a comment."""
    checker = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise ValueError("the file has a DTD")

    checker.StartDoctypeDeclHandler = refuse
    try:
        checker.Parse(body, True)
        return ElementTree.fromstring(body)
    except (expat.ExpatError, ElementTree.ParseError) as why:
        raise ValueError(f"not well-formed: {why}") from None
