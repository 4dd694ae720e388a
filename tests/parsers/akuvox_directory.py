"""Reads a remote phone book as Akuvox phones do: a flat Directory of Contact elements with attributes.

Written from a public phone book that cites the maker's guide, apart from the product: each Contact has
an Id of its own, a Name and a number in Office.
"""

from __future__ import annotations

from tests.parsers.strict_xml import tree


def parse(body: bytes) -> dict[str, str]:
    """Return `Directory.Name`, `Contact[1].Name`, `Contact[1].Office` and so on.

    Raises ValueError where the phone would show nothing.
    """
    root = tree(body)
    if root.tag != "Directory":
        raise ValueError(f"the root is {root.tag!r}")
    said = {"Directory.Name": root.get("Name", "")}
    seen: set[str] = set()
    for number, contact in enumerate(root, 1):
        if contact.tag != "Contact" or not contact.get("Name") or not contact.get("Office"):
            raise ValueError(f"entry {number} is no contact with name and number")
        if contact.get("Id", "") in seen:
            raise ValueError(f"entry {number} has another's Id")
        seen.add(contact.get("Id", ""))
        said |= {f"Contact[{number}].{name}": value for name, value in contact.attrib.items()}
    return said
