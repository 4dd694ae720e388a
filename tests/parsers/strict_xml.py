"""Well-formed XML without a document type: what every phone's own parser takes, and nothing looser."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
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


def leaves(folder: ElementTree.Element, attributes: Collection[str], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and text of every element without children; a folder with the attribute At has it in brackets behind its name.

    attributes: the names that may stand; raises ValueError at any other, and where a path stands twice.
    """
    met: set[str] = set()
    for child in folder:
        at = child.get("At", "")
        name = f"{path}{child.tag}[{at}]" if at else f"{path}{child.tag}"
        if not re.fullmatch(r"[A-Za-z]\w*", child.tag) or not re.fullmatch(r"\d*", at) or set(child.keys()) - set(attributes) or name in met:
            raise ValueError(f"{name} stands twice, or has an attribute or a name of another kind")
        met.add(name)
        if len(child):
            yield from leaves(child, attributes, f"{name}/")
        else:
            yield name, child.text or ""
