"""Reads a Yeastar TA gateway's XML as the gateway does: folders of values, lists with a count.

Written from complete files of three gateways, apart from the product: a list is a folder with the
attribute itemcount, its members have the list's name and a number from 0 behind it.
"""

from __future__ import annotations

from tests.parsers.strict_xml import leaves, tree


def parse(body: bytes) -> dict[str, str]:
    """Return path = value, such as `gateway/fxsport/fxsport0/idx`.

    Raises ValueError where the gateway would take nothing of the file, where a value stands twice,
    or where a list does not hold what it counts.
    """
    root = tree(body)
    if root.tag != "ta" or {child.tag for child in root} - {"system", "gateway"}:
        raise ValueError(f"{root.tag!r} is no file of a TA gateway")
    for folder in root.iter():
        count = folder.get("itemcount")
        if count is not None and [child.tag for child in folder] != [f"{folder.tag}{number}" for number in range(int(count))]:
            raise ValueError(f"{folder.tag} does not hold the {count} that it counts")
    return dict(leaves(root, ("itemcount",)))
