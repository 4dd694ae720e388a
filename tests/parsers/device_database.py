"""Reads 2N's XML as the intercom does: a DeviceDatabase of folders, values at its leaves.

Written from complete files of three intercoms, apart from the product: folders that stand several
times are told apart by their attribute At; a value is 0 or 1, a number or text.
"""

from __future__ import annotations

from tests.parsers.strict_xml import leaves, tree


def parse(body: bytes) -> dict[str, str]:
    """Return path = value, such as `Phone/Sip[0]/User/Id`.

    Raises ValueError where the intercom would take nothing of the file, or where a value stands twice.
    """
    root = tree(body)
    if root.tag != "DeviceDatabase":
        raise ValueError(f"{root.tag!r} is no device database")
    return dict(leaves(root, ("At", "Encryption")))
